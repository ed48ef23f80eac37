import type { LogRecords } from '../../engine/log/stream-log.ts'
import { BlockEncoder } from '../../protocol/avro/block-encoder.ts'
import type { Column, ColumnKind, RecordData } from '../../protocol/index.ts'
import { openPostgresDestination } from '../../sinks/postgres/postgres-destination.ts'
import { openPostgresLane } from '../../sinks/postgres/load/postgres-lane.ts'
import { noCounts } from '../../sinks/committed-counts.ts'
import type {
  CommittedCounts,
  LaneStats,
  Metadata,
  RunStart,
  SinkLane,
  SinkStream,
  StreamSync,
  SyncMode,
  UntoldCounts,
} from '../../sinks/sink.ts'
import type { TestDatabase } from '../support/postgres.ts'

export const emittedAtMs = 1_700_000_000_000

export interface StreamOptions {
  readonly name?: string
  readonly namespace?: string
  readonly connection?: string
  readonly mode?: SyncMode
  readonly syncMode?: 'full_refresh' | 'incremental'
  readonly key?: readonly string[]
  readonly cursor?: string
  readonly metadata?: Metadata
  readonly deletes?: 'hard' | 'soft'
}

/** A stream with columns given as `{ id: 'integer' }`. */
export function sinkStream(
  columns: Readonly<Record<string, ColumnKind>>,
  options: StreamOptions = {},
): SinkStream {
  const { name = 'things', namespace, mode = 'append', key, cursor } = options
  return {
    connection: options.connection ?? 'test',
    mode,
    metadata: options.metadata ?? 'full',
    deletes: options.deletes ?? 'hard',
    columns: Object.entries(columns).map(([column, kind]) => ({ name: column, kind })),
    stream: {
      stream: {
        name,
        json_schema: {},
        supported_sync_modes: ['full_refresh', 'incremental'],
        ...(namespace !== undefined && { namespace }),
      },
      sync_mode: options.syncMode ?? 'full_refresh',
      destination_sync_mode: 'append',
      ...(key && { primary_key: key.map((field) => [field]) }),
      ...(cursor !== undefined && { cursor_field: [cursor] }),
    },
  }
}

export function blockOf(
  columns: readonly Column[],
  records: readonly RecordData[],
  {
    seq = 0,
    slice = '',
    ms = emittedAtMs,
    keyFields,
  }: {
    readonly seq?: number
    readonly slice?: string
    readonly ms?: number
    /** For the `record` framing: where each record ends, and its key, are in the block too. */
    readonly keyFields?: readonly string[]
  } = {},
): Omit<LogRecords, 'type'> {
  const sizes = { maxRecordBytes: 1e9, blockBytes: 1e9 }
  const encoder = new BlockEncoder({ columns, ...sizes, ...(keyFields && { keyFields }) })
  encoder.records(records, 0, ms)
  return { slice, seq, ...(encoder.take() ?? { bytes: new Uint8Array(0), count: 0 }) }
}

/** As the newest start of the connection does. */
export async function begin(db: TestDatabase, sink: SinkStream, run = 1): Promise<StreamSync> {
  const [table] = await db.query(`SELECT to_regclass('reactor_connect.runs') IS NOT NULL AS exists`)
  const [row] = table?.exists
    ? await db.query('SELECT start FROM reactor_connect.runs WHERE connection = $1', [
        sink.connection,
      ])
    : []
  return withDestination(db, (destination) =>
    destination.begin(sink, { ...someStart, run, start: Number(row?.start ?? 0) }),
  )
}

/** A start of a connection for which no run was started. */
export const someStart: RunStart = { run: 1, start: 0, hasKey: false }

export function finish(db: TestDatabase, sync: StreamSync): Promise<readonly string[]> {
  return withDestination(db, (destination) => destination.finish(sync))
}

export async function withDestination<T>(
  db: TestDatabase,
  work: (destination: Awaited<ReturnType<typeof openPostgresDestination>>) => Promise<T>,
): Promise<T> {
  await using destination = await openPostgresDestination({ address: db.address })
  return await work(destination)
}

export async function openLane(
  db: TestDatabase,
  sync: StreamSync,
  partition = 0,
): Promise<SinkLane> {
  const lane = await openPostgresLane({ address: db.address }, sync, partition)
  await lane.setColumns(sync.sink.columns)
  return lane
}

/** The counts of a stream without an overwrite. */
export function keptCounts(counts: Partial<CommittedCounts> = {}): UntoldCounts {
  return { kept: { ...noCounts, ...counts }, staged: noCounts, replaced: noCounts }
}

export interface LoadOptions {
  readonly seq?: number
  readonly slice?: string
  readonly ms?: number
  readonly complete?: boolean
}

/** Loads the records in one commit, through a lane of their own. */
export async function load(
  db: TestDatabase,
  sync: StreamSync,
  { records, ...options }: LoadOptions & { readonly records: readonly RecordData[] },
): Promise<LaneStats> {
  await using lane = await openLane(db, sync)
  await lane.write(blockOf(sync.sink.columns, records, options))
  return await commit(lane, (options.seq ?? 0) + records.length, options)
}

export function commit(
  lane: SinkLane,
  seq: number,
  { slice = '', complete = true }: { readonly slice?: string; readonly complete?: boolean } = {},
): Promise<LaneStats> {
  return lane.commit({
    partition: 0,
    next: String(seq),
    slices: [{ slice, partition: 0, state: { seq }, seq, complete }],
  })
}

/** A whole run with one stream of one slice: begin, load, finish. */
export async function sync(
  db: TestDatabase,
  sink: SinkStream,
  records: readonly RecordData[],
): Promise<StreamSync> {
  return withDestination(db, async (destination) => {
    const run = await destination.startRun(sink.connection)
    const begun = await destination.begin(sink, run)
    await load(db, begun, { records })
    await destination.finish(begun)
    await destination.endRun(sink.connection, {
      start: run,
      how: 'ended',
      reported: [begun.streamId],
    })
    return begun
  })
}
