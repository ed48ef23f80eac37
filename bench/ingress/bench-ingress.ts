import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { pino } from 'pino'
import { z } from 'zod'
import { connectorOf } from '../../connectors/registry.ts'
import { newId } from '../../service/platform/database/ids.ts'
import { openFileVault } from '../../service/platform/vault/file-vault.ts'
import { openStore } from '../../service/store/open-store.ts'
import { receiverPath } from '../../service/webhooks/receivers/contract.ts'
import { signedHeaders } from '../../service/webhooks/signature/sign.ts'
import { givenOrStartedBroker } from '../../test/kafka/broker.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { startBenchServer } from '../bench-server.ts'
import { buildAlike } from '../built-program.ts'
import { startServer } from '../loopback-server.ts'
import { median } from '../statistics.ts'

export interface IngressOptions {
  readonly seconds: number
  readonly rounds: number
  readonly connections: readonly number[]
  /** Default: both. */
  readonly only?: 'embedded' | 'kafka'
}

const allModes = ['bare', 'embedded', 'kafka'] as const
type Mode = (typeof allModes)[number]

const loadSchema = z.object({
  perSecond: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  sent: z.number(),
  failures: z.number(),
})
type Load = z.infer<typeof loadSchema>

interface ModeFigures {
  readonly mode: Mode
  readonly connections: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Median of the ratios of the rounds. */
  readonly ratio: number
}

export interface IngressFigures extends IngressOptions {
  /** Requests per second of durable ingress / of the same server that stores nothing, at 256 connections. */
  readonly ratio_256_kafka: number
  readonly ratio_256_embedded: number
  /** The higher of the two. */
  readonly p99_256_ms: number
  /** How fast one worker brings deliveries from Kafka to PostgreSQL. */
  readonly brought_per_second: number
  readonly loads: readonly ModeFigures[]
}

const bodyBytes = 1_000
const idDigits = 12
const secret = 'the secret of the benchmark'
const warmUpSeconds = 2

/**
 * Durable ingress with HMAC beside the same server that verifies the HMAC and stores nothing; the rounds are
 * interleaved.
 */
export async function benchIngress(
  options: IngressOptions,
  print: (line: string) => void,
): Promise<IngressFigures> {
  await using database = await startBenchServer()
  const modes = allModes.filter((mode) => mode === 'bare' || mode === (options.only ?? mode))
  const hasKafka = modes.includes('kafka')
  await using parts = new AsyncDisposableStack()
  const { brokers } = hasKafka
    ? parts.use(await givenOrStartedBroker(print))
    : { brokers: ['127.0.0.1:1'] }
  await using folder = await temporaryFolder('bench-ingress')
  const url = database.warehouseUrl
  const token = await makeReceiver(url, folder.path)
  const program = await buildAlike('bench/ingress/ingress-server.ts')
  const argsOf = (mode: string): readonly string[] => [mode, folder.path, url, brokers.join(',')]
  await using running = new AsyncDisposableStack()
  const servers = new Map<Mode, string>()
  for (const mode of modes)
    servers.set(mode, running.use(await startServer(program, argsOf(mode))).url)
  const { rounds, sentToKafka } = await runRounds({ options, modes, servers, token, print })
  await running.disposeAsync()
  const brought = hasKafka
    ? await measureWorker({ url, program, args: argsOf('worker'), sent: sentToKafka })
    : Number.NaN
  const loads = options.connections.flatMap((connections) =>
    modes.map((mode) => figuresOf(rounds, mode, connections)),
  )
  const durable = loads.filter(({ mode, connections }) => mode !== 'bare' && connections === 256)
  const ratioOf = (mode: Mode): number =>
    durable.find((load) => load.mode === mode)?.ratio ?? Number.NaN
  return {
    ...options,
    ratio_256_kafka: ratioOf('kafka'),
    ratio_256_embedded: ratioOf('embedded'),
    p99_256_ms: Math.max(...durable.map(({ p99Ms }) => p99Ms)),
    brought_per_second: brought,
    loads,
  }
}

/** The first round, which is short, warms up. */
async function runRounds({
  options,
  modes,
  servers,
  token,
  print,
}: {
  readonly options: IngressOptions
  readonly modes: readonly Mode[]
  readonly servers: ReadonlyMap<Mode, string>
  readonly token: string
  readonly print: (line: string) => void
}): Promise<{
  readonly rounds: ReadonlyMap<string, readonly Load[]>
  readonly sentToKafka: number
}> {
  const rounds = new Map<string, readonly Load[]>()
  let sentToKafka = 0
  for (let round = 0; round <= options.rounds; round++) {
    const isWarmUp = round === 0
    const seconds = isWarmUp ? warmUpSeconds : options.seconds
    const pairs = options.connections.flatMap((count) =>
      modes.map((mode) => [count, mode] as const),
    )
    for (const [connections, mode] of pairs) {
      const { port } = new URL(servers.get(mode) ?? '')
      const load = await sendLoad({ port, token, connections, seconds })
      if (load.failures > 0) throw new Error(`${String(load.failures)} deliveries failed`)
      if (mode === 'kafka') sentToKafka += load.sent
      print(
        `${isWarmUp ? 'warm-up' : `round ${String(round)}`}, ${mode}, ${String(connections)} connections: ${load.perSecond.toFixed(0)}/s, p50 ${load.p50Ms.toFixed(1)} ms, p99 ${load.p99Ms.toFixed(1)} ms`,
      )
      const key = `${mode} ${String(connections)}`
      if (!isWarmUp) rounds.set(key, [...(rounds.get(key) ?? []), load])
    }
  }
  return { rounds, sentToKafka }
}

/**
 * A receiver of GitHub, whose signature does not cover the id of the delivery: the sender signs once. Returns
 * its token.
 */
async function makeReceiver(url: string, folder: string): Promise<string> {
  const logger = pino({ level: 'silent' })
  await using store = await openStore({ url, logger })
  await using vault = await openFileVault({ folder: join(folder, 'vault') })
  const config = { access_token: 'ghp_bench' }
  await store.instances.create({
    name: 'github',
    type: 'github',
    config,
    secrets: [],
    credentials: 'ready',
  })
  const token = randomBytes(32).toString('base64url')
  const id = newId('rcv')
  await vault.put(receiverPath(id), { signing: secret, dispatch: 'none' })
  await store.receivers.create({
    id,
    name: 'github-events',
    instance: 'github',
    webhook: 'events',
    rules: null,
    dispatch: [{ target: 'job:work' }],
    description: null,
    status: 'active',
    hasSecret: true,
    tokenHash: createHash('sha256').update(token).digest(),
    previousTokens: [],
    previousSecretUntil: null,
  })
  return token
}

async function requestOf(
  token: string,
): Promise<{ readonly request: string; readonly idFrom: number }> {
  const [webhook] = (await connectorOf('github')).descriptor.webhooks
  if (webhook === undefined) throw new TypeError('GitHub has no webhook')
  const shell = { action: 'opened', number: 1, text: '' }
  const text = 'x'.repeat(bodyBytes - JSON.stringify(shell).length)
  const body = Buffer.from(JSON.stringify({ ...shell, text }))
  const signed = signedHeaders(webhook.signature, body, { secret, nowMs: Date.now(), id: '' })
  const prefix = randomBytes(6).toString('hex')
  const headers = {
    Host: '127.0.0.1',
    'User-Agent': 'GitHub-Hookshot/0000000',
    Accept: '*/*',
    'Content-Type': 'application/json',
    'Content-Length': String(body.length),
    'X-GitHub-Event': 'pull_request',
    'X-GitHub-Hook-ID': '292430182',
    'X-GitHub-Hook-Installation-Target-ID': '79929171',
    'X-GitHub-Hook-Installation-Target-Type': 'repository',
    ...signed,
    'X-GitHub-Delivery': `${prefix}-${'0'.repeat(idDigits)}`,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `POST /connect/v1/ingress/${token} HTTP/1.1\r\n${lines.join('')}\r\n`
  const idFrom = Buffer.byteLength(head) - 4 - idDigits
  return { request: Buffer.concat([Buffer.from(head), body]).toString('base64'), idFrom }
}

async function sendLoad({
  port,
  token,
  connections,
  seconds,
}: {
  readonly port: string
  readonly token: string
  readonly connections: number
  readonly seconds: number
}): Promise<Load> {
  const { request, idFrom } = await requestOf(token)
  const sender = join(import.meta.dirname, 'send-deliveries.ts')
  const argv = [sender, port, connections, seconds, request, idFrom].map(String)
  const { stdout } = await promisify(execFile)(process.execPath, argv)
  return loadSchema.parse(JSON.parse(stdout))
}

/** From its first row to its last. */
async function measureWorker({
  url,
  program,
  args,
  sent,
}: {
  readonly url: string
  readonly program: string
  readonly args: readonly string[]
  readonly sent: number
}): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const count = async (): Promise<number> => {
    const { rows } = await client.query<{ count: string }>(
      'SELECT count(*) FROM reactor_connect_service.webhook_deliveries',
    )
    return Number(rows[0]?.count)
  }
  const before = await count()
  const stop = new AbortController()
  const worker = promisify(execFile)(process.execPath, [program, ...args], {
    signal: stop.signal,
    killSignal: 'SIGTERM',
  })
  worker.catch(() => undefined)
  let startedAt: number | undefined
  let now = before
  while (now < before + sent) {
    await delay(50)
    now = await count()
    if (now > before) startedAt ??= performance.now()
  }
  const seconds = (performance.now() - (startedAt ?? Number.NaN)) / 1000
  stop.abort()
  await worker.catch(() => undefined)
  await client.end()
  return sent / seconds
}

function figuresOf(
  rounds: ReadonlyMap<string, readonly Load[]>,
  mode: Mode,
  connections: number,
): ModeFigures {
  const own = rounds.get(`${mode} ${String(connections)}`) ?? []
  const bare = rounds.get(`bare ${String(connections)}`) ?? []
  const medianOf = (value: (load: Load) => number): number => median(own.map(value))
  return {
    mode,
    connections,
    perSecond: medianOf((load) => load.perSecond),
    p50Ms: medianOf((load) => load.p50Ms),
    p99Ms: medianOf((load) => load.p99Ms),
    ratio: median(
      own.map((load, index) => load.perSecond / (bare[index]?.perSecond ?? Number.NaN)),
    ),
  }
}

export function ingressTable({
  loads,
  rounds,
  seconds,
  brought_per_second: brought,
}: IngressFigures): string {
  return [
    `Deliveries of ${String(bodyBytes)} bytes with HMAC; medians of ${String(rounds)} interleaved rounds of ${String(seconds)} s. bare: the same server verifies and stores nothing.`,
    '',
    '| durable in | connections | requests/s | p50 ms | p99 ms | ratio to bare |',
    '|---|---|---|---|---|---|',
    ...loads.map(
      (load) =>
        `| ${load.mode} | ${String(load.connections)} | ${load.perSecond.toFixed(0)} | ${load.p50Ms.toFixed(1)} | ${load.p99Ms.toFixed(1)} | ${load.ratio.toFixed(2)} |`,
    ),
    '',
    ...(Number.isNaN(brought)
      ? []
      : [
          `One worker brings ${brought.toFixed(0)} deliveries a second from Kafka to PostgreSQL.`,
          '',
        ]),
  ].join('\n')
}
