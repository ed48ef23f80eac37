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
import { streamRefusal } from '../run/stream-refusal.ts'
import type { TablePlan, StreamResult } from '../run-types.ts'
import { statusOf, totalsOf } from './report-totals.ts'
import type {
  SandboxOptions,
  SandboxPorts,
  SandboxReport,
  SandboxStream,
} from './sandbox-report.ts'
import { requireGoing, runSandboxed } from './sandboxed-run.ts'
import { refusedReport, streamReport } from './stream-report.ts'
import { dropSandboxSchema } from '../../sinks/postgres/sandbox/sandbox-schema.ts'

const defaultSampleRows = 20

/**
 * Reads the plan's streams from where the next run would start, into an ephemeral schema, and compares. The
 * production tables and checkpoints are only read. A failed stream is in the report. Throws a ConnectError,
 * and leaves no schema, if no stream could start (source or destination out of reach, no right to create a
 * schema) or if the signal ended it (`sandbox_stopped`).
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
    const toPrepare = await Promise.all(
      streams.map(async (sink) => {
        const error = await streamRefusal(plan, sink)
        return error === undefined ? sink : { sink, error }
      }),
    )
    const prepared = await prepareSandbox(destination, about, toPrepare)
    requireGoing(signal, plan)
    const readAtMs = ports.now()
    const results = await readStreams(plan, { prepared, options, ports })
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

/** Reads the streams as another connection, into another schema. */
function readStreams(
  plan: TablePlan,
  { prepared, options, ports }: Omit<Work, 'signal'>,
): Promise<readonly StreamResult[]> {
  const streams = tablesOf(prepared).map(({ sink }) => sink)
  const destination = { type: 'postgres', ...prepared.place } as const
  return runSandboxed({ ...plan, connection: options.id, streams, destination }, options, ports)
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
