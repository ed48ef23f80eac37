import { Registry } from 'prom-client'
import { ConnectError } from '../../protocol/index.ts'
import { quoteTable } from '../../sinks/postgres/tables/identifiers.ts'
import { openSandboxSession } from '../../sinks/postgres/sandbox/inspect-rows.ts'
import { storeRows } from '../../sinks/postgres/sandbox/sandbox-rows.ts'
import {
  isRefused,
  prepareSandbox,
  type PreparedSandbox,
  type SandboxTable,
} from '../../sinks/postgres/sandbox/prepare-sandbox.ts'
import { createRunMetrics } from '../metrics/run-metrics.ts'
import { runConnection } from '../run/run-connection.ts'
import { inProcess, type TablePlan, type StreamResult } from '../run-types.ts'
import { streamRefusal } from '../run/stream-refusal.ts'
import type {
  EstimatedCost,
  RowCounts,
  SandboxOptions,
  SandboxPorts,
  SandboxReport,
  SandboxStream,
  SandboxTotals,
} from './sandbox-report.ts'
import { refusedReport, streamReport } from './stream-report.ts'
import { dropSandboxSchema } from '../../sinks/postgres/sandbox/sandbox-schema.ts'

const defaultSampleRows = 20
const defaultReadMs = 60_000

/**
 * Reads the plan's streams from where the next run would start, into an ephemeral schema, and compares. The production tables and
 * checkpoints are only read. A failed stream is in the report. Throws a ConnectError, and leaves no schema, if no stream could start
 * (source or destination out of reach, no right to create a schema) or if the signal ended it (`sandbox_stopped`).
 */
export async function runSandbox(
  plan: TablePlan,
  options: SandboxOptions,
  ports: SandboxPorts,
): Promise<SandboxReport> {
  const { signal } = ports
  const { id, expiresAtMs } = options
  const { connection, destination, streams } = plan
  const createdAtMs = ports.now()
  try {
    const about = { id, connection, createdAtMs, expiresAtMs }
    const toPrepare = streams.map((sink) => {
      const error = streamRefusal(plan, sink)
      return error === undefined ? sink : { sink, error }
    })
    const prepared = await prepareSandbox(destination, about, toPrepare)
    requireGoing(signal, plan)
    const readAtMs = ports.now()
    const results = await readStreams(plan, { prepared, options, ports, signal })
    const readSeconds = (ports.now() - readAtMs) / 1000
    requireGoing(signal, plan)
    const reports = await describeStreams(plan, { prepared, options, results, signal })
    return {
      id,
      schema: prepared.schema,
      limit_rows: options.limitRows,
      status: statusOf(reports),
      seconds: (ports.now() - createdAtMs) / 1000,
      streams: reports,
      totals: totalsOf(reports, readSeconds),
    }
  } catch (error) {
    await dropSandboxSchema(destination, id).catch((failure: unknown) => {
      // The schema says itself that it is a sandbox's, and since when: a sweep drops it.
      ports.logger.warn({ err: failure, sandbox: id }, 'a sandbox could not be dropped')
    })
    // An error that follows from the stop is not reported.
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
  plan: TablePlan,
  { prepared, options, ports, signal }: Work,
): Promise<readonly StreamResult[]> {
  const tables = tablesOf(prepared)
  if (tables.length === 0) return []
  const { id, limitRows, readMs = defaultReadMs } = options
  const sandboxed: TablePlan = {
    connection: id,
    source: plan.source,
    ...(plan.functions && { functions: plan.functions }),
    streams: tables.map(({ sink }) => sink),
    destination: { type: 'postgres', ...prepared.place },
    log: inProcess(plan.log),
    limits: { ...plan.limits, partitionsPerStream: 1, limitRows },
  }
  // Nobody confirms it: no other start will follow, and the bookkeeping goes with the schema.
  const { result } = await runConnection(
    sandboxed,
    {
      logger: ports.logger.child({ sandbox: id }),
      threads: ports.threads,
      // A sandbox is not a run of the connection: it is not counted.
      metrics: createRunMetrics(new Registry()),
      now: () => ports.now(),
      onProgress: () => undefined,
      ...(ports.onConfigChanged && { onConfigChanged: ports.onConfigChanged.bind(ports) }),
      ...(ports.onSecretFound && { onSecretFound: ports.onSecretFound.bind(ports) }),
      ...(ports.changeConfig && { changeConfig: ports.changeConfig }),
    },
    AbortSignal.any([signal, AbortSignal.timeout(readMs)]),
  )
  return result.streams
}

async function describeStreams(
  { destination }: TablePlan,
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
    const planned = new Set(
      prepared.streams.flatMap(({ production }) =>
        production === undefined ? [] : [quoteTable(production.target.table)],
      ),
    )
    const resultOf = new Map(tablesOf(prepared).map((table, index) => [table, results[index]]))
    const reports: SandboxStream[] = []
    for (const stream of prepared.streams) {
      const result = isRefused(stream) ? undefined : resultOf.get(stream)
      if (isRefused(stream)) reports.push(refusedReport(stream, destination))
      else if (result !== undefined) {
        const { sampleRows: rows = defaultSampleRows } = options
        reports.push(await describe(session, stream, { result, rows, destination, planned }))
      }
    }
    await storeRows(session, prepared.schema, reports)
    return reports
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** If a stream cannot be compared, that is its failure. */
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

function requireGoing(signal: AbortSignal, { connection }: TablePlan): void {
  if (signal.aborted) throw new ConnectError('sandbox_stopped', { details: { connection } })
}

function statusOf(streams: readonly SandboxStream[]): SandboxReport['status'] {
  if (streams.length > 0 && streams.every(({ error }) => error !== undefined)) return 'failed'
  const isWhole = streams.every(({ complete, error }) => complete && error === undefined)
  return isWhole ? 'complete' : 'partial'
}

function totalsOf(streams: readonly SandboxStream[], readSeconds: number): SandboxTotals {
  const sumCost = (name: keyof EstimatedCost): number | null => {
    const known = streams.map(({ estimated_cost: estimated }) => estimated[name])
    return known.includes(null) ? null : sum(known.map((value) => value ?? 0))
  }
  const total = (name: keyof RowCounts): number | null =>
    streams.every((stream) => isExact(stream, name)) ? atLeast(streams, name) : null
  return {
    streams: streams.length,
    failed: streams.filter(({ error }) => error !== undefined).length,
    cut: streams.filter(({ complete, error }) => !complete && error === undefined).length,
    read: sum(streams.map(({ read }) => read)),
    rows: {
      insert: total('insert'),
      update: total('update'),
      unchanged: total('unchanged'),
      delete: total('delete'),
    },
    rows_at_least: {
      insert: atLeast(streams, 'insert'),
      update: atLeast(streams, 'update'),
      unchanged: atLeast(streams, 'unchanged'),
      delete: atLeast(streams, 'delete'),
    },
    estimated_cost: {
      rows: sumCost('rows'),
      bytes: sumCost('bytes'),
      requests: sumCost('requests'),
      // Streams are read in parallel: their times do not add up.
      seconds: streams.every(({ complete }) => complete) ? readSeconds : null,
    },
  }
}

/** Nothing is known about a stream that failed: a run may have done a part of it. */
function isExact({ diff_vs_current: diff, error }: SandboxStream, name: keyof RowCounts): boolean {
  if (diff === undefined || error !== undefined) return false
  return diff.rows[name] !== null && !diff.at_least.includes(name)
}

function atLeast(streams: readonly SandboxStream[], name: keyof RowCounts): number {
  return sum(
    streams.map(({ diff_vs_current: diff, error }) =>
      error === undefined ? (diff?.rows[name] ?? 0) : 0,
    ),
  )
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, value) => total + value, 0)
}
