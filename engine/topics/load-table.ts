import type { DecodedRecord } from '../../protocol/avro/decode-block.ts'
import { BlockEncoder } from '../../protocol/avro/block-encoder.ts'
import { largestRecordBytes, type Column, type RecordData } from '../../protocol/index.ts'
import { openPostgresLane } from '../../sinks/postgres/load/postgres-lane.ts'
import { openPostgresDestination } from '../../sinks/postgres/postgres-destination.ts'
import type { PostgresPlace } from '../../sinks/postgres/postgres-place.ts'
import type { CommittedCounts, SinkStream, StreamSync } from '../../sinks/sink.ts'

/** No connection can have this name. */
const connection = 'rebuilt topics'

export interface RebuiltTable {
  /** The name of the table, which is made, or whose rows are replaced. */
  readonly name: string
  readonly schema: string
  readonly columns: readonly Column[]
  readonly rows: readonly DecodedRecord[]
}

/** Puts the rows in the place of those of the table, in one transaction, as an overwrite of a run does. */
export async function loadTable(
  place: PostgresPlace,
  { name, schema, columns, rows }: RebuiltTable,
): Promise<CommittedCounts> {
  const sink: SinkStream = {
    connection,
    columns,
    mode: 'overwrite',
    metadata: 'minimal',
    deletes: 'hard',
    stream: {
      stream: {
        name,
        namespace: schema,
        json_schema: {},
        supported_sync_modes: ['full_refresh'],
      },
      sync_mode: 'full_refresh',
      destination_sync_mode: 'overwrite',
    },
  }
  // The table's schema is its namespace, not the one that the place has for all tables.
  const database: PostgresPlace = { address: place.address }
  await using destination = await openPostgresDestination(database)
  await destination.check()
  const start = await destination.startRun(connection)
  const sync = await destination.begin(sink, start)
  await destination.savePlan(sync, [{ slice: '', partition: 0, state: null }])
  const loaded = await loadRows(database, sync, { columns, rows })
  await destination.finish(sync)
  await destination.endRun(connection, { start, how: 'ended', told: [sync.streamId] })
  return loaded
}

async function loadRows(
  place: PostgresPlace,
  sync: StreamSync,
  { columns, rows }: Pick<RebuiltTable, 'columns' | 'rows'>,
): Promise<CommittedCounts> {
  await using lane = await openPostgresLane(place, sync, 0)
  await lane.setColumns(columns)
  const encoder = new BlockEncoder({ columns, maxRecordBytes: largestRecordBytes })
  let seq = 0
  const write = async (): Promise<void> => {
    const block = encoder.take()
    if (block !== undefined) await lane.write({ slice: '', seq, ...block })
    // The bytes of a block belong to the lane until then.
    await lane.flush()
    seq += block?.count ?? 0
    const rejection = encoder.takeRejection()
    if (rejection === undefined) return
    await lane.reject({ slice: '', seq, ...rejection })
    seq += 1
  }
  for (const { extractedAtMs, batch } of batches(rows))
    for (let from = 0; from < batch.length;) {
      from = encoder.records(batch, from, extractedAtMs)
      // The block is full, or a record was rejected.
      if (from < batch.length) await write()
    }
  await write()
  return await lane.commit({
    partition: 0,
    slices: [{ slice: '', partition: 0, state: null, seq, complete: true }],
  })
}

/** Records that follow one another and were read in the same millisecond. */
function* batches(
  rows: readonly DecodedRecord[],
): Generator<{ readonly extractedAtMs: number; readonly batch: readonly RecordData[] }> {
  let batch: RecordData[] = []
  for (const [index, { data, extractedAtMs }] of rows.entries()) {
    batch.push(data)
    if (rows[index + 1]?.extractedAtMs === extractedAtMs) continue
    yield { extractedAtMs, batch }
    batch = []
  }
}
