import type { Logger } from 'pino'
import { connectorOf } from '../../connectors/registry.ts'
import type { ConnectorContext, SourceSnapshot } from '../../connectors/connector.ts'
import { mapLimited } from '../../lib/async/map-limited.ts'
import { ConnectError, streamIdOf, streamLabel } from '../../protocol/index.ts'
import { kindOf } from '../../sinks/registry.ts'
import type { Destination, DestinationSnapshot } from '../../sinks/sink.ts'
import { retryStart } from '../run/retry-start.ts'
import type { PlannedStream, RunPlan } from '../run-types.ts'
import type { CompareOptions } from './compare-options.ts'
import { compareStream, type StreamContext } from './compare-stream.ts'
import type { ComparisonReport, StreamComparison } from './comparison-report.ts'
import { explainDifferences, repairOf, type RepairCommands } from './explain-differences.ts'
import { openSnapshots, type Snapshots } from './snapshots.ts'

export interface ComparePorts {
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly commands: RepairCommands
  now(): number
  /** Called after each range of a stream. Must not throw. */
  onProgress(progress: CompareProgress): void
}

export interface CompareProgress {
  readonly stream: string
  /** On the side that has more. */
  readonly rows: number
  readonly done: number
  readonly ranges: number
}

/** Streams that are compared at the same time: two sessions of each database are at work. */
const streamsAtOnce = 2

/**
 * Compares the rows of all streams of a plan with those of its source; both sides are only read. Throws
 * `comparison_refused` if a side cannot compare, and if one cannot be reached.
 */
export async function compareConnection(
  plan: Pick<RunPlan, 'connection' | 'source' | 'destination' | 'streams' | 'refused'>,
  options: CompareOptions,
  ports: ComparePorts,
): Promise<ComparisonReport> {
  const { logger, signal } = ports
  const openSource = await sourceOpener(plan, ports)
  await using destination = await kindOf(plan.destination).open(plan.destination, { logger })
  const openDestination = destinationOpener(destination, plan, signal)
  const open = (): Promise<Snapshots> =>
    retryStart({ logger, signal, now: () => ports.now() }, () =>
      openSnapshots({ source: openSource, destination: openDestination }),
    )
  await using snapshots = await open()
  const compared = await mapLimited(plan.streams, streamsAtOnce, (stream) =>
    reportStream(stream, { snapshots, open, options, ports }),
  )
  const refused = (plan.refused ?? []).map(({ stream, error }) => {
    return { ...unknownStream(stream), status: 'refused' as const, error }
  })
  const streams = [...compared, ...refused]
  return { connection: plan.connection, result: resultOf(streams), streams }
}

async function sourceOpener(
  { connection, source }: Pick<RunPlan, 'connection' | 'source'>,
  ports: ComparePorts,
): Promise<() => Promise<SourceSnapshot>> {
  const { logger, signal } = ports
  const connector = await connectorOf(source.type)
  const open = connector.openComparison?.bind(connector)
  if (open === undefined) throw refuse(connection, `its source is of type ${source.type}`)
  const { allowedNetworks = [] } = source
  const context: ConnectorContext = { logger, signal, allowedNetworks, now: () => ports.now() }
  return () => open(source.config, context)
}

function destinationOpener(
  destination: Destination,
  { connection, destination: config }: Pick<RunPlan, 'connection' | 'destination'>,
  signal: AbortSignal,
): () => Promise<DestinationSnapshot> {
  const open = destination.openComparison?.bind(destination)
  if (open === undefined) throw refuse(connection, `its destination is of type ${config.type}`)
  return () => open(signal)
}

function refuse(connection: string, problem: string): ConnectError {
  const fix =
    'Only rows that are loaded from PostgreSQL into PostgreSQL can be compared: name such a connection.'
  const details = { subject: `connection ${connection}`, problem, fix }
  return new ConnectError('comparison_refused', { details })
}

interface StreamWork {
  readonly snapshots: Snapshots
  readonly open: () => Promise<Snapshots>
  readonly options: CompareOptions
  readonly ports: ComparePorts
}

/** One stream that fails does not stop the others. */
async function reportStream(planned: PlannedStream, work: StreamWork): Promise<StreamComparison> {
  const id = streamIdOf(planned.stream.stream)
  try {
    if (planned.transform !== undefined) throw refuseTransform(planned)
    return await compared(planned, work)
  } catch (thrown) {
    if (work.ports.signal.aborted) return { ...unknownStream(id), status: 'stopped' }
    const error = ConnectError.from(thrown)
    const status = error.code === 'comparison_refused' ? 'refused' : 'failed'
    return { ...unknownStream(id), status, error: error.toJSON() }
  }
}

async function compared(
  planned: PlannedStream,
  { snapshots, open, options, ports }: StreamWork,
): Promise<StreamComparison> {
  const id = streamIdOf(planned.stream.stream)
  const context: StreamContext = {
    options,
    signal: ports.signal,
    openSnapshots: open,
    onProgress: (progress) => {
      ports.onProgress({ stream: streamLabel(planned.stream.stream), ...progress })
    },
  }
  const found = await compareStream(planned, snapshots, context)
  const { pair, rows, missing, extra, different, explained, columns, examined, examples } = found
  return {
    ...unknownStream(id),
    table: pair.table.table,
    status: missing + extra + different > 0 ? 'different' : 'equal',
    key: pair.comparison.key,
    ...{ rows, missing, extra, different, explained, columns, examined, examples },
    not_compared: pair.sourceRows.leftOut,
    notes: explainDifferences(planned, found),
    repair: repairOf(planned, found, ports.commands),
  }
}

/** A stream of which nothing is known. */
function unknownStream(id: ReturnType<typeof streamIdOf>): StreamComparison {
  return {
    name: id.name,
    namespace: id.namespace ?? null,
    table: null,
    status: 'refused',
    key: [],
    rows: { source: 0, destination: 0 },
    ...{ missing: 0, extra: 0, different: 0, explained: 0, columns: [], examined: 0 },
    not_compared: [],
    examples: { missing: [], extra: [], different: [] },
    notes: [],
    repair: null,
    error: null,
  }
}

function refuseTransform({ stream: { stream }, transform = '' }: PlannedStream): ConnectError {
  const details = {
    subject: `stream ${streamLabel(stream)}`,
    problem: `the function ${transform} changes its records on their way`,
    fix: 'Compare the other streams: `--streams`.',
  }
  return new ConnectError('comparison_refused', { details })
}

function resultOf(streams: readonly StreamComparison[]): ComparisonReport['result'] {
  if (streams.some(({ status }) => status === 'different')) return 'different'
  return streams.every(({ status }) => status === 'equal') ? 'equal' : 'incomplete'
}
