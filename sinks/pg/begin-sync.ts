import { isDeepStrictEqual } from 'node:util'
import type pg from 'pg'
import type { Column, JsonValue, StreamId } from '../../protocol/index.ts'
import type { SinkStream, SliceCheckpoint, StreamSync } from '../sink.ts'
import { streamKey } from './bookkeeping.ts'
import { quoteTable, type TableName } from './identifiers.ts'
import { ensureKeyIndex } from './merge-sql.ts'
import { cursorColumn, finalTable, isDedup, isOverwrite, keyColumns, loadTable, stageTable } from './stream-table.ts'
import { ensureTable, readLayout } from './table-layout.ts'

interface Settings {
  readonly table: readonly string[]
  readonly mode: string
  readonly sync_mode: string
  readonly cursor: readonly string[]
  readonly key: readonly (readonly string[])[]
}

interface StreamRow {
  readonly settings: Settings
  readonly columns: readonly Column[]
  readonly sync_id: string
  readonly generation_id: string
  readonly epoch: string
  readonly complete: boolean
  readonly run: string
}

interface Numbers {
  readonly syncId: number
  readonly generationId: number
  readonly epoch: number
}

/** `Destination.begin`: one transaction. The row of the stream is locked, so of two that begin at once one comes after the other. */
export async function beginSync(
  client: pg.Client,
  sink: SinkStream,
  { schema, run }: { readonly schema: string | undefined; readonly run: number },
): Promise<StreamSync> {
  const streamId = idOf(sink)
  const key = streamKey(streamId)
  const table = finalTable(sink, schema)
  if (isDedup(sink)) keyColumns(sink)
  await client.query('BEGIN')
  try {
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 7245))', [
      `${sink.connection} ${key}`,
    ])
    const row = await readStream(client, sink.connection, key)
    // Without its table (or stage), states speak of rows that are gone: the stream is read from the beginning.
    const target = loadTable(sink, schema)
    const known = (await readLayout(client, target)).size > 0 ? row : undefined
    const settings = settingsOf(sink, table)
    const same = known !== undefined && isDeepStrictEqual(known.settings, settings)
    const resumed = same && !known.complete
    const doneInRun =
      same && known.complete && Number(known.run) === run && isRepeatedByRunningAgain(sink)
    const numbers = doneInRun ? numbersOf(known) : nextNumbers(row, sink, resumed)
    if (!doneInRun) {
      const keep = keepsStates(known, settings)
      if (!resumed) await resetSlices(client, { connection: sink.connection, key, keep })
      await ensureTables(client, sink, { table, resumed })
      await writeStream(client, sink, { key, table, settings, numbers, run })
    }
    const slices = await readSlices(client, sink.connection, key)
    const positions = await readPositions(client, sink.connection, key)
    await client.query('COMMIT')
    return {
      sink,
      streamId,
      ...numbers,
      resumed: resumed || doneInRun,
      doneInRun,
      slices,
      positions,
      loggedColumns: row?.columns ?? sink.columns,
    }
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

function idOf({ stream: { stream } }: SinkStream): StreamId {
  return stream.namespace === undefined
    ? { name: stream.name }
    : { namespace: stream.namespace, name: stream.name }
}

/** What must be the same for an unfinished sync to be continued. New columns may come. */
function settingsOf({ mode, stream }: SinkStream, table: TableName): Settings {
  return {
    table: [table.schema, table.name],
    mode,
    sync_mode: stream.sync_mode,
    cursor: stream.cursor_field ?? [],
    key: stream.primary_key ?? [],
  }
}

/** The states of an incremental stream go on where the table and the cursor are the same and nothing is overwritten. */
function keepsStates(row: StreamRow | undefined, settings: Settings): boolean {
  if (row === undefined) return false
  const before = row.settings
  const appends = [before, settings].every(
    ({ mode, sync_mode }) => mode.startsWith('append') && sync_mode === 'incremental',
  )
  return (
    appends &&
    isDeepStrictEqual(before.table, settings.table) &&
    isDeepStrictEqual(before.cursor, settings.cursor)
  )
}

/** A full refresh that appends: to run it once more would append all rows once more. */
function isRepeatedByRunningAgain({ mode, stream }: SinkStream): boolean {
  return mode === 'append' && stream.sync_mode === 'full_refresh'
}

function numbersOf(row: StreamRow): Numbers {
  return {
    syncId: Number(row.sync_id),
    generationId: Number(row.generation_id),
    epoch: Number(row.epoch),
  }
}

function nextNumbers(row: StreamRow | undefined, sink: SinkStream, resumed: boolean): Numbers {
  const before = row === undefined ? { syncId: 0, generationId: 0, epoch: 0 } : numbersOf(row)
  const epoch = before.epoch + 1
  if (resumed) return { ...before, epoch }
  return {
    syncId: before.syncId + 1,
    generationId: before.generationId + (isOverwrite(sink) ? 1 : 0),
    epoch,
  }
}

async function readStream(
  client: pg.Client,
  connection: string,
  key: string,
): Promise<StreamRow | undefined> {
  const { rows } = await client.query<StreamRow>(
    `SELECT settings, columns, sync_id, generation_id, epoch, complete, run
       FROM reactor_connect.streams WHERE connection = $1 AND stream = $2 FOR UPDATE`,
    [connection, key],
  )
  return rows[0]
}

async function resetSlices(
  client: pg.Client,
  {
    connection,
    key,
    keep,
  }: { readonly connection: string; readonly key: string; readonly keep: boolean },
): Promise<void> {
  const statement = keep
    ? 'UPDATE reactor_connect.slices SET seq = 0, loaded = 0, rejected = 0, complete = false'
    : 'DELETE FROM reactor_connect.slices'
  await client.query(`${statement} WHERE connection = $1 AND stream = $2`, [connection, key])
}

/**
 * The final table always, so that it can be seen and granted before the first row; the stage of an overwrite beside it. A stage
 * left over from a sync that is not continued is dropped: none of its slices is kept, so all of its rows are read again.
 */
async function ensureTables(
  client: pg.Client,
  sink: SinkStream,
  { table, resumed }: { readonly table: TableName; readonly resumed: boolean },
): Promise<void> {
  const { columns, metadata } = sink
  await ensureTable(client, { table, columns, metadata })
  const stage = stageTable(sink.connection, table)
  if (!resumed) await client.query(`DROP TABLE IF EXISTS ${quoteTable(stage)}`)
  if (isOverwrite(sink)) await ensureTable(client, { table: stage, columns, metadata })
  if (isDedup(sink)) {
    const loaded = isOverwrite(sink) ? stage : table
    await ensureKeyIndex(client, {
      table: loaded,
      key: keyColumns(sink),
      cursor: cursorColumn(sink),
    })
  }
}

interface StreamWrite {
  readonly key: string
  readonly table: TableName
  readonly settings: Settings
  readonly numbers: Numbers
  readonly run: number
}

async function writeStream(
  client: pg.Client,
  sink: SinkStream,
  { key, table, settings, numbers, run }: StreamWrite,
): Promise<void> {
  await client.query(
    `INSERT INTO reactor_connect.streams
       (connection, stream, table_schema, table_name, settings, columns, sync_id, generation_id, epoch, run, complete)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, false)
     ON CONFLICT (connection, stream) DO UPDATE SET
       table_schema = excluded.table_schema, table_name = excluded.table_name, settings = excluded.settings, columns = excluded.columns,
       sync_id = excluded.sync_id, generation_id = excluded.generation_id, epoch = excluded.epoch, run = excluded.run,
       complete = false, updated_at = now()`,
    [
      sink.connection,
      key,
      table.schema,
      table.name,
      JSON.stringify(settings),
      JSON.stringify(sink.columns),
      numbers.syncId,
      numbers.generationId,
      numbers.epoch,
      run,
    ],
  )
}

async function readSlices(
  client: pg.Client,
  connection: string,
  key: string,
): Promise<readonly SliceCheckpoint[]> {
  const { rows } = await client.query<{
    slice: string
    partition: number
    state: string | null
    seq: string
    complete: boolean
  }>(
    `SELECT slice, partition, state::text AS state, seq, complete
       FROM reactor_connect.slices WHERE connection = $1 AND stream = $2 ORDER BY ordinal`,
    [connection, key],
  )
  return rows.map(({ slice, partition, state, seq, complete }) => {
    const parsed: JsonValue = state === null ? null : JSON.parse(state)
    return { slice, partition, state: parsed, seq: Number(seq), complete }
  })
}

async function readPositions(
  client: pg.Client,
  connection: string,
  key: string,
): Promise<StreamSync['positions']> {
  const { rows } = await client.query<{ partition: number; next: string }>(
    'SELECT partition, next FROM reactor_connect.positions WHERE connection = $1 AND stream = $2',
    [connection, key],
  )
  return rows
}
