import { Registry } from 'prom-client'
import { ConnectError } from '../../protocol/index.ts'
import { openSandboxSession } from '../../sinks/postgres/sandbox/inspect-rows.ts'
import {
  isRefused,
  prepareSandbox,
  type PreparedSandbox,
  type SandboxTable,
} from '../../sinks/postgres/sandbox/prepare-sandbox.ts'
import { createRunMetrics } from '../metrics/run-metrics.ts'
import { runConnection } from '../run.ts'
import type { RunPlan, StreamResult } from '../run-types.ts'
import type {
  EstimatedCost,
  RowCounts,
  SandboxEngine,
  SandboxOptions,
  SandboxPorts,
  SandboxReport,
  SandboxStream,
  SandboxTotals,
} from './sandbox-report.ts'
import { dropSandboxSchema } from './sandbox-schemas.ts'
import { refusedReport, streamReport } from './stream-report.ts'

const defaultSampleRows = 20
const defaultReadMs = 60_000

/** See SandboxEngine. */
export async function runSandbox(
  ...[plan, options, ports, signal]: Parameters<SandboxEngine['runSandbox']>
): Promise<SandboxReport> {
  const { id, expiresAtMs } = options
  const { connection, destination, streams } = plan
  const createdAtMs = ports.now()
  try {
    const about = { id, connection, createdAtMs, expiresAtMs }
    const prepared = await prepareSandbox(destination, about, streams)
    requireGoing(signal, plan)
    const results = await readStreams(plan, { prepared, options, ports, signal })
    requireGoing(signal, plan)
    const reports = await describeStreams(plan, { prepared, options, results, signal })
    return {
      id,
      schema: prepared.schema,
      limit_rows: options.limitRows,
      status: statusOf(reports),
      seconds: (ports.now() - createdAtMs) / 1000,
      streams: reports,
      totals: totalsOf(reports),
    }
  } catch (error) {
    await dropSandboxSchema(destination, id).catch((failure: unknown) => {
      // The schema says itself that it is a sandbox's, and since when: a sweep drops it.
      ports.logger.warn({ err: failure, sandbox: id }, 'a sandbox could not be dropped')
    })
    // What broke when it was stopped is no error of its own.
    requireGoing(signal, plan)
    throw error
  }
}

interface Work {
  readonly prepared: PreparedSandbox
  readonly options: SandboxOptions
  readonly ports: SandboxPorts
  readonly signal: AbortSignal
}

/** A run like any other, of another connection, into another schema. */
async function readStreams(
  plan: RunPlan,
  { prepared, options, ports, signal }: Work,
): Promise<readonly StreamResult[]> {
  const tables = tablesOf(prepared)
  if (tables.length === 0) return []
  const { id, limitRows, readMs = defaultReadMs } = options
  const sandboxed: RunPlan = {
    connection: id,
    source: plan.source,
    streams: tables.map(({ sink }) => sink),
    destination: { type: 'postgres', ...prepared.place },
    log: { kind: 'embedded' },
    limits: { ...plan.limits, partitionsPerStream: 1, limitRows },
  }
  const { streams } = await runConnection(
    sandboxed,
    {
      logger: ports.logger.child({ sandbox: id }),
      // A sandbox is no run of the connection: it does not count among them.
      metrics: createRunMetrics(new Registry()),
      now: () => ports.now(),
      onProgress: () => undefined,
      ...(ports.onConfigChanged && { onConfigChanged: ports.onConfigChanged.bind(ports) }),
      ...(ports.onSecretFound && { onSecretFound: ports.onSecretFound.bind(ports) }),
      ...(ports.changeConfig && { changeConfig: ports.changeConfig }),
    },
    AbortSignal.any([signal, AbortSignal.timeout(readMs)]),
  )
  return streams
}

async function describeStreams(
  { destination }: RunPlan,
  {
    prepared,
    options,
    results,
    signal,
  }: Omit<Work, 'ports'> & { readonly results: readonly StreamResult[] },
): Promise<readonly SandboxStream[]> {
  await using session = await openSandboxSession(prepared.place)
  const stop = (): void => {
    session.destroy()
  }
  signal.addEventListener('abort', stop, { once: true })
  try {
    const resultOf = new Map(tablesOf(prepared).map((table, index) => [table, results[index]]))
    const reports: SandboxStream[] = []
    for (const stream of prepared.streams) {
      const result = isRefused(stream) ? undefined : resultOf.get(stream)
      if (isRefused(stream)) reports.push(refusedReport(stream, destination))
      else if (result !== undefined) {
        const { sampleRows: rows = defaultSampleRows } = options
        reports.push(await describe(session, stream, { result, rows, destination }))
      }
    }
    return reports
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** What cannot be compared is that stream's failure. */
async function describe(
  ...[session, stream, about]: Parameters<typeof streamReport>
): Promise<SandboxStream> {
  try {
    return await streamReport(session, stream, about)
  } catch (thrown) {
    if (session.isLost) throw thrown
    const error = ConnectError.from(thrown)
    const { production } = stream
    return refusedReport({ sink: production.sink, error, production }, about.destination)
  }
}

function tablesOf({ streams }: PreparedSandbox): SandboxTable[] {
  return streams.flatMap((stream) => (isRefused(stream) ? [] : [stream]))
}

function requireGoing(signal: AbortSignal, { connection }: RunPlan): void {
  if (signal.aborted) throw new ConnectError('sandbox_stopped', { details: { connection } })
}

function statusOf(streams: readonly SandboxStream[]): SandboxReport['status'] {
  if (streams.length > 0 && streams.every(({ error }) => error !== undefined)) return 'failed'
  return streams.every(({ complete }) => complete) ? 'complete' : 'partial'
}

function totalsOf(streams: readonly SandboxStream[]): SandboxTotals {
  const rows = (name: keyof RowCounts): number =>
    sum(streams.map(({ diff_vs_current: diff }) => diff?.rows[name] ?? 0))
  const cost = (name: keyof EstimatedCost): number | null => {
    const known = streams.map(({ estimated_cost: estimated }) => estimated[name])
    return known.includes(null) ? null : sum(known.map((value) => value ?? 0))
  }
  return {
    streams: streams.length,
    failed: streams.filter(({ error }) => error !== undefined).length,
    cut: streams.filter(({ complete, error }) => !complete && error === undefined).length,
    read: sum(streams.map(({ read }) => read)),
    rows: {
      insert: rows('insert'),
      update: rows('update'),
      unchanged: rows('unchanged'),
      delete: rows('delete'),
    },
    estimated_cost: {
      rows: cost('rows'),
      bytes: cost('bytes'),
      requests: cost('requests'),
      seconds: cost('seconds'),
    },
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, value) => total + value, 0)
}
