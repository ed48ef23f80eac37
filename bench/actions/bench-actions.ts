import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import autocannon from 'autocannon'
import { z } from 'zod'
import { serviceFolder, type ServiceProcess } from '../../test/support/service-process.ts'
import { buildAlike, buildProgram, builtProgram } from '../built-program.ts'
import { startServer } from '../loopback-server.ts'
import { measureProgram, nodeFlags, type Measured } from '../measured-process.ts'
import { median } from '../statistics.ts'

export interface ActionsOptions {
  /** Calls at a time. */
  readonly clients: number
  /** The seconds of each round. */
  readonly seconds: number
  readonly rounds: number
  /** The records of each stream. */
  readonly records: number
}

export interface ActionsFigures extends ActionsOptions {
  /** Invocations per second of the service / calls per second of the SDK: the median of the rounds. */
  readonly ratio: number
  /** The latency of the service. */
  readonly p99_ms: number
  /**
   * Invocations per second of the service / calls per second of a bare route that calls the SDK: the median
   * of the rounds.
   */
  readonly route_ratio: number
  readonly service: CallFigures
  readonly route: CallFigures
  readonly sdk: CallFigures
  readonly streams: readonly StreamFigures[]
}

interface CallFigures {
  readonly perSecond: number
  readonly p99Ms: number
}

interface StreamFigures {
  readonly type: string
  readonly stream: string
  /** Records per second of the connector / of the SDK's loop. */
  readonly ratio: number
  /** CPU of the SDK's loop / of the connector. */
  readonly cpuRatio: number
  readonly recordsPerSecond: number
  readonly cpuMicrosPerRecord: number
  readonly sdkRecordsPerSecond: number
  readonly sdkCpuMicrosPerRecord: number
}

const benchFolder = import.meta.dirname
const calls = z.object({ perSecond: z.number(), p99Ms: z.number() })
const instance = z.object({ name: z.string() })
const warmUpSeconds = 2

/**
 * Actions through a real service with audit and idempotency, beside the vendor's SDK; streams beside the
 * SDK's paging loop.
 */
export async function benchActions(
  options: ActionsOptions,
  print: (line: string) => void,
): Promise<ActionsFigures> {
  await buildProgram()
  await using vendor = await startServer(join(benchFolder, 'vendor-server.ts'), [options.records])
  const invoked = await benchCalls(vendor.url, options, print)
  const program = await buildAlike('bench/actions/read-connector.ts')
  const streams: StreamFigures[] = []
  for (const list of lists(vendor.url))
    streams.push(await benchStream(list, vendor.url, { ...options, program, print }))
  return { ...options, ...invoked, streams }
}

async function benchCalls(
  url: string,
  options: ActionsOptions,
  print: (line: string) => void,
): Promise<Omit<ActionsFigures, keyof ActionsOptions | 'streams'>> {
  await using folder = await serviceFolder()
  const service = await folder.start({
    program: builtProgram,
    environment: {
      REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.0/8',
      REACTOR_CONNECT_LIMITS_REQUESTS_PER_MINUTE: '0',
    },
  })
  const config = { api_key: 'sk_test_bench', api_url: url, requests_per_second: 10_000 }
  await service.ask(instance, '/instances', { body: { name: 'stripe', type: 'stripe', config } })
  await using route = await startServer(join(benchFolder, 'sdk-route.ts'), [url])
  const ours: CallFigures[] = []
  const routes: CallFigures[] = []
  const sdks: CallFigures[] = []
  for (let round = 1; round <= options.rounds; round++) {
    const own = await invoke(service, options)
    const bare = await invoke({ url: route.url, key: 'none' }, options)
    const peer = await callSdk(url, options)
    print(
      `round ${String(round)}: ${own.perSecond.toFixed(0)} invocations/s, bare route ${bare.perSecond.toFixed(0)}, SDK ${peer.perSecond.toFixed(0)} calls/s`,
    )
    ours.push(own)
    routes.push(bare)
    sdks.push(peer)
  }
  const own = medians(ours)
  return {
    ratio: medianRatio(ours, sdks),
    p99_ms: own.p99Ms,
    route_ratio: medianRatio(ours, routes),
    service: own,
    route: medians(routes),
    sdk: medians(sdks),
  }
}

function medianRatio(ours: readonly CallFigures[], theirs: readonly CallFigures[]): number {
  return median(
    ours.map((call, index) => call.perSecond / (theirs[index]?.perSecond ?? Number.NaN)),
  )
}

function medians(rounds: readonly CallFigures[]): CallFigures {
  return {
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
  }
}

async function invoke(
  { url, key }: Pick<ServiceProcess, 'url' | 'key'>,
  { clients, seconds }: ActionsOptions,
): Promise<CallFigures> {
  const input = { email: 'jenny@example.com', name: 'Jenny', metadata: { order: '42' } }
  const load = (duration: number) =>
    autocannon({
      url,
      connections: clients,
      duration,
      requests: [
        {
          method: 'POST',
          path: '/connect/v1/instances/stripe/actions/createCustomer/invoke',
          body: JSON.stringify({ input }),
          setupRequest: (request) => ({
            ...request,
            headers: {
              authorization: `Bearer ${key}`,
              'content-type': 'application/json',
              'idempotency-key': randomUUID(),
            },
          }),
        },
      ],
    })
  await load(warmUpSeconds)
  const result = await load(seconds)
  if (result.non2xx + result.errors > 0)
    throw new Error(`${String(result.non2xx)} failures and ${String(result.errors)} errors`)
  return { perSecond: result.requests.average, p99Ms: result.latency.p99 }
}

async function callSdk(url: string, { clients, seconds }: ActionsOptions): Promise<CallFigures> {
  const argv = [join(benchFolder, 'call-stripe.ts'), url, clients, warmUpSeconds, seconds].map(
    String,
  )
  const { stdout } = await promisify(execFile)(process.execPath, argv)
  return calls.parse(JSON.parse(stdout))
}

interface VendorList {
  readonly type: string
  readonly stream: string
  readonly config: Readonly<Record<string, unknown>>
}

function lists(url: string): readonly VendorList[] {
  return [
    {
      type: 'stripe',
      stream: 'customers',
      config: { api_key: 'sk_test_bench', api_url: url, requests_per_second: 10_000 },
    },
    {
      type: 'github',
      stream: 'issues',
      config: { access_token: 'ghp_bench', api_url: url, repositories: ['acme/shop'] },
    },
    {
      type: 'slack',
      stream: 'messages',
      config: { access_token: 'xoxb-bench', api_url: url, history_requests_per_minute: 1_000_000 },
    },
    {
      type: 'linear',
      stream: 'issues',
      config: { api_key: 'lin_api_bench', api_url: url, requests_per_hour: 1_000_000 },
    },
  ]
}

async function benchStream(
  { type, stream, config }: VendorList,
  url: string,
  {
    records,
    rounds,
    program,
    print,
  }: ActionsOptions & {
    readonly program: string
    readonly print: (line: string) => void
  },
): Promise<StreamFigures> {
  const ours: Measured[] = []
  const theirs: Measured[] = []
  for (let round = 0; round <= rounds; round++) {
    const own = await measureProgram(
      program,
      [type, stream, JSON.stringify(config), String(records)],
      {
        flags: nodeFlags,
      },
    )
    const peer = await measureProgram(join(benchFolder, 'read-vendor.ts'), [
      type,
      url,
      String(records),
    ])
    const label = round === 0 ? 'warm-up' : `round ${String(round)}`
    print(
      `${type} ${stream}, ${label}: ${own.seconds.toFixed(2)} s, SDK ${peer.seconds.toFixed(2)} s`,
    )
    // The first one fills the compile caches of both.
    if (round === 0) continue
    ours.push(own)
    theirs.push(peer)
  }
  const medianOf = (runs: readonly Measured[], value: (run: Measured) => number) =>
    median(runs.map(value))
  const seconds = (runs: readonly Measured[]) => medianOf(runs, (run) => run.seconds)
  const cpu = (runs: readonly Measured[]) => medianOf(runs, (run) => run.cpuSeconds)
  return {
    type,
    stream,
    ratio: seconds(theirs) / seconds(ours),
    cpuRatio: cpu(theirs) / cpu(ours),
    recordsPerSecond: Math.round(records / seconds(ours)),
    cpuMicrosPerRecord: (cpu(ours) / records) * 1e6,
    sdkRecordsPerSecond: Math.round(records / seconds(theirs)),
    sdkCpuMicrosPerRecord: (cpu(theirs) / records) * 1e6,
  }
}

export function actionsTable({
  clients,
  seconds,
  rounds,
  records,
  ...figures
}: ActionsFigures): string {
  const { service, route, sdk, ratio, route_ratio: routeRatio, streams } = figures
  const lines = streams.map(
    (list) =>
      `| ${list.type} ${list.stream} | ${list.recordsPerSecond.toLocaleString('en')} | ${list.cpuMicrosPerRecord.toFixed(1)} | ${list.sdkRecordsPerSecond.toLocaleString('en')} | ${list.sdkCpuMicrosPerRecord.toFixed(1)} | ${list.ratio.toFixed(2)} | ${list.cpuRatio.toFixed(2)} |`,
  )
  return [
    `${String(clients)} calls at a time, ${String(seconds)} s a round; medians of ${String(rounds)} interleaved rounds.`,
    `service  ${service.perSecond.toFixed(0)} invocations/s, p99 ${service.p99Ms.toFixed(0)} ms, with audit and idempotency`,
    `route    ${route.perSecond.toFixed(0)} calls/s, p99 ${route.p99Ms.toFixed(0)} ms   ratio ${routeRatio.toFixed(2)}, a bare route that calls the SDK`,
    `SDK      ${sdk.perSecond.toFixed(0)} calls/s, p99 ${sdk.p99Ms.toFixed(0)} ms   ratio ${ratio.toFixed(2)}`,
    '',
    `${records.toLocaleString('en')} records a stream, 100 a page; whole processes, start-up included.`,
    '',
    '| stream | records/s | CPU us a record | SDK records/s | CPU us | ratio | CPU ratio |',
    '|---|---|---|---|---|---|---|',
    ...lines,
    '',
  ].join('\n')
}
