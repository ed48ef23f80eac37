import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { type Column, streamIdOf, streamLabel } from '../../../protocol/index.ts'
import {
  keySchema,
  ownKey,
  settingsOf,
  syncSettings,
  type SyncSettings,
} from '../../continuation.ts'
import { columnsSchema, notesSchema } from '../../stored-shapes.ts'
import { letGoOf, parseStored, requireStored, type RowOwner } from './damaged-bookkeeping.ts'
import type {
  CommittedCounts,
  DefinitionEntry,
  LoadedStream,
  SinkStream,
  TableNote,
} from '../../sink.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import type { DestinationSession } from '../session.ts'
import type { StreamTarget } from '../tables/stream-target.ts'

const tablesSchema = z.array(z.object({ schema: z.string(), table: z.string() }))

/** The counts that finished syncs committed to a table, and that no run has reported. */
export interface TableCounts extends CommittedCounts {
  readonly table: TableName
}

const count = z.number()
const countsSchema: z.ZodType<TableCounts> = z.object({
  table: z.object({ schema: z.string(), table: z.string() }),
  loaded: count,
  rejected: count,
  nulled: count,
  cut: count,
})

/** A row of `reactor_connect.streams`. */
export interface StreamRow {
  readonly id: string
  readonly table: TableName
  readonly settings: SyncSettings
  /** The columns of the last sync. */
  readonly columns: readonly Column[]
  readonly keyIndex: string | null
  readonly staged: boolean
  readonly run: number
  readonly syncId: number
  readonly generationId: number
  readonly epoch: number
  /** See StreamSync. */
  readonly attemptKeys: readonly string[]
  readonly complete: boolean
  /** The start of a run that began the sync. */
  readonly syncStart: number
  readonly startedAtMs: number
  /** Changes to the columns of the table, in this run or in a run that was killed before it reported them. */
  readonly tableNotes: readonly TableNote[]
  /** The warnings of its begins, reads and ends, likewise. */
  readonly warnings: readonly string[]
  /** The counts of syncs before the sync of the slices. */
  readonly untoldCounts: readonly TableCounts[]
  /** The run that has reported the stream's notes, warnings and counts, and has ended. */
  readonly toldRun: number | undefined
  /** How many of its slices were saved. */
  readonly planned: number
  /** Other tables that it was loaded into, since its last reset. Their rows are still there. */
  readonly earlierTables: readonly TableName[]
  /**
   * The key that rows of the table were merged by, also if rows were appended since; undefined if there is
   * none.
   */
  readonly mergedKey: SyncSettings['key'] | undefined
}

/** The owner, for messages about its slices. */
export function ownerOf(
  { connection, stream }: SinkStream,
  { id, table }: Pick<StreamRow, 'id' | 'table'>,
): RowOwner {
  return { id, connection, stream: streamLabel(stream.stream), table }
}

interface RawStreamRow {
  readonly id: string
  readonly table_schema: string
  readonly table_name: string
  readonly settings: string
  readonly columns: string
  readonly key_index: string | null
  readonly staged: boolean
  readonly run: string
  readonly sync_id: string
  readonly generation_id: string
  readonly epoch: string
  readonly attempt_keys: readonly string[]
  readonly complete: boolean
  readonly sync_start: string
  readonly started_at: Date
  readonly table_notes: string
  readonly table_warnings: readonly string[]
  readonly begin_warnings: readonly string[]
  readonly untold_counts: readonly string[]
  readonly planned: string
  readonly earlier_tables: string
  readonly merged_key: string | null
  readonly told_run: string | null
}

/**
 * Values of columns that an older bookkeeping does not have: a sandbox reads one that no run of this version
 * has migrated yet.
 */
const beforeMigrations = {
  sync_start: '0',
  table_notes: '[]',
  attempt_keys: [],
  planned: '0',
  table_warnings: [],
  begin_warnings: [],
  untold_counts: [],
  earlier_tables: '[]',
  merged_key: null,
  told_run: null,
} satisfies Partial<RawStreamRow>

/** `locked`: until the transaction ends. */
export async function readStreamRow(
  session: DestinationSession,
  connection: string,
  { streamId, lock }: Pick<StreamTarget, 'streamId'> & { readonly lock: 'locked' | 'unlocked' },
): Promise<StreamRow | undefined> {
  const [found] = await session.rows<RawStreamRow>(
    `SELECT * FROM ${session.bookkeeping}.streams
      WHERE connection = $1 AND namespace IS NOT DISTINCT FROM $2 AND name = $3 ${lock === 'locked' ? 'FOR UPDATE' : ''}`,
    [connection, streamId.namespace ?? null, streamId.name],
  )
  if (found === undefined) return undefined
  const row = { ...beforeMigrations, ...found }
  const table = { schema: row.table_schema, table: row.table_name }
  const owner = { id: row.id, connection, stream: streamLabel(streamId), table }
  return {
    id: row.id,
    table,
    ...storedTexts(session, row, owner),
    keyIndex: row.key_index,
    staged: row.staged,
    run: Number(row.run),
    syncId: Number(row.sync_id),
    generationId: Number(row.generation_id),
    epoch: Number(row.epoch),
    attemptKeys: row.attempt_keys,
    complete: row.complete,
    syncStart: Number(row.sync_start),
    startedAtMs: row.started_at.getTime(),
    planned: Number(row.planned),
    warnings: [...row.begin_warnings, ...row.table_warnings],
    toldRun: row.told_run === null ? undefined : Number(row.told_run),
  }
}

type StoredTexts = Pick<
  StreamRow,
  'settings' | 'columns' | 'tableNotes' | 'untoldCounts' | 'earlierTables' | 'mergedKey'
>

function storedTexts(session: DestinationSession, row: RawStreamRow, owner: RowOwner): StoredTexts {
  const stored = { session, owner, isForgotten: row.run === '0' }
  const settings =
    storedText(stored, 'settings', { text: row.settings, schema: syncSettings }) ?? noSettings
  return {
    settings,
    mergedKey:
      row.merged_key === null
        ? ownKey(settings)
        : storedText(stored, 'merged_key', { text: row.merged_key, schema: keySchema }),
    columns: storedText(stored, 'columns', { text: row.columns, schema: columnsSchema }) ?? [],
    tableNotes:
      storedText(stored, 'table_notes', { text: row.table_notes, schema: notesSchema }) ?? [],
    untoldCounts: row.untold_counts.flatMap(
      (text) => storedText(stored, 'untold_counts', { text, schema: countsSchema }) ?? [],
    ),
    earlierTables:
      storedText(stored, 'earlier_tables', { text: row.earlier_tables, schema: tablesSchema }) ??
      [],
  }
}

/**
 * A stream that was reset is read from the beginning, whatever its row contains: so a reset repairs a damaged
 * row.
 */
function storedText<T>(
  {
    session,
    owner,
    isForgotten,
  }: {
    readonly session: DestinationSession
    readonly owner: RowOwner
    readonly isForgotten: boolean
  },
  column: string,
  stored: { readonly text: string; readonly schema: z.ZodType<T> },
): T | undefined {
  if (isForgotten) return parseStored(stored.text, stored.schema)
  return requireStored(session, { ...stored, column: `streams.${column}` }, owner)
}

/** Settings that have no effect on the next sync. */
const noSettings: SyncSettings = { mode: 'append', sync_mode: 'full_refresh', key: [], cursor: [] }

/** Another stream that has the table. */
export interface TableOwner extends Pick<RowOwner, 'connection' | 'stream'> {
  readonly settings: SyncSettings
  readonly isForgotten: boolean
  /** Imperative: how to make it give up the table. */
  readonly letGo: string
}

/** @param own the connection of the target's stream */
export async function otherOwners(
  session: DestinationSession,
  { table, stage, streamId }: Pick<StreamTarget, 'table' | 'stage' | 'streamId'>,
  own: string,
): Promise<readonly TableOwner[]> {
  const rows = await session.rows<{
    id: string
    connection: string
    namespace: string | null
    name: string
    settings: string
    forgotten: boolean
  }>(
    `SELECT id, connection, namespace, name, settings,
            run = 0 OR (to_regclass($4) IS NULL AND to_regclass($5) IS NULL) AS forgotten
       FROM ${session.bookkeeping}.streams
      WHERE table_schema = $1 AND table_name = $2 AND NOT (connection = $3 AND namespace IS NOT DISTINCT FROM $6 AND name = $7)`,
    [
      table.schema,
      table.table,
      own,
      quoteTable(table),
      quoteTable(stage),
      streamId.namespace ?? null,
      streamId.name,
    ],
  )
  return rows.map(({ id, connection, namespace, name, settings: text, forgotten: isForgotten }) => {
    const stream = streamLabel(namespace === null ? { name } : { name, namespace })
    const owner = { id, connection, stream, table }
    const stored = { session, owner, isForgotten }
    return {
      ...owner,
      settings: storedText(stored, 'settings', { text, schema: syncSettings }) ?? noSettings,
      isForgotten,
      letGo: letGoOf({ id, connection }, session.bookkeeping),
    }
  })
}

/**
 * Writes the stream's row as this `begin` leaves it, with a key for the attempt; those of the previous sync
 * are forgotten.
 */
export async function writeStreamRow(
  session: DestinationSession,
  sink: SinkStream,
  values: Omit<
    StreamRow,
    | 'id'
    | 'settings'
    | 'attemptKeys'
    | 'complete'
    | 'startedAtMs'
    | 'planned'
    | 'warnings'
    | 'untoldCounts'
    | 'toldRun'
  > & { readonly streamId: StreamTarget['streamId'] },
): Promise<Pick<StreamRow, 'id' | 'attemptKeys' | 'startedAtMs'>> {
  const [row] = await session.rows<Pick<RawStreamRow, 'id' | 'attempt_keys' | 'started_at'>>(
    `INSERT INTO ${session.bookkeeping}.streams AS s
       (connection, namespace, name, table_schema, table_name, settings, columns, key_index, staged,
        sync_id, generation_id, epoch, run, sync_start, table_notes, complete, attempt, attempt_keys, earlier_tables, merged_key)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, false, $16, ARRAY[$16], $17, $18)
     ON CONFLICT (connection, namespace, name) DO UPDATE SET
       table_schema = excluded.table_schema, table_name = excluded.table_name,
       settings = excluded.settings, columns = excluded.columns, key_index = excluded.key_index,
       staged = excluded.staged, sync_id = excluded.sync_id, generation_id = excluded.generation_id,
       epoch = excluded.epoch, run = excluded.run, sync_start = excluded.sync_start,
       table_notes = excluded.table_notes, complete = false, finished_at = NULL, told_run = NULL,
       table_warnings = CASE WHEN s.told_run <> excluded.run THEN '{}' ELSE s.table_warnings END,
       begin_warnings = CASE WHEN s.told_run <> excluded.run THEN '{}' ELSE s.begin_warnings END,
       started_at = CASE WHEN s.sync_id = excluded.sync_id THEN s.started_at ELSE now() END,
       attempt = excluded.attempt, earlier_tables = excluded.earlier_tables,
       merged_key = excluded.merged_key,
       attempt_keys = CASE WHEN s.sync_id = excluded.sync_id THEN s.attempt_keys ELSE '{}' END || excluded.attempt_keys
     RETURNING id, attempt_keys, started_at`,
    [
      sink.connection,
      values.streamId.namespace ?? null,
      values.streamId.name,
      values.table.schema,
      values.table.table,
      JSON.stringify(storedSettings(sink)),
      JSON.stringify(values.columns),
      values.keyIndex,
      values.staged,
      values.syncId,
      values.generationId,
      values.epoch,
      values.run,
      values.syncStart,
      JSON.stringify(values.tableNotes),
      randomUUID(),
      JSON.stringify(values.earlierTables),
      values.mergedKey === undefined ? null : JSON.stringify(values.mergedKey),
    ],
  )
  return {
    id: row?.id ?? '',
    attemptKeys: row?.attempt_keys ?? [],
    startedAtMs: row?.started_at.getTime() ?? 0,
  }
}

/**
 * Versions that do not know the types load the table with the portable ones, and write the settings without
 * them.
 */
function storedSettings(sink: SinkStream): SyncSettings {
  const settings = settingsOf(sink)
  const { types = 'portable', definitions: { entries = [] } = {} } = sink
  if (types === 'portable') return settings
  const definitions = entries.map((entry): [...DefinitionEntry] => [...entry])
  return { ...settings, types, ...(definitions.length > 0 && { definitions }) }
}

/** The part of a row that says how its tables are, written when they were altered after the `begin`. */
export async function noteTables(
  session: DestinationSession,
  id: string,
  {
    columns,
    keyIndex,
    tableNotes,
    staged,
  }: Pick<StreamRow, 'columns' | 'keyIndex' | 'tableNotes' | 'staged'>,
): Promise<void> {
  await session.rows(
    `UPDATE ${session.bookkeeping}.streams SET columns = $2, key_index = $3, table_notes = $4, staged = $5 WHERE id = $1`,
    [id, JSON.stringify(columns), keyIndex, JSON.stringify(tableNotes), staged],
  )
}

/** `Destination.loadedStreams`: see the contract. */
export async function loadedStreams(
  session: DestinationSession,
  connection: string,
): Promise<readonly LoadedStream[]> {
  const rows = await session.rows<{
    namespace: string | null
    name: string
    schema: string
    table: string
    hasTable: boolean
  }>(
    `SELECT namespace, name, table_schema AS schema, table_name AS table,
            to_regclass(format('%I.%I', table_schema, table_name)) IS NOT NULL AS "hasTable"
       FROM ${session.bookkeeping}.streams
      WHERE connection = $1
      ORDER BY namespace, name`,
    [connection],
  )
  return rows.map(({ namespace, name, schema, table, hasTable }) => ({
    stream: streamIdOf({ name, ...(namespace !== null && { namespace }) }),
    table: quoteTable({ schema, table }),
    hasTable,
  }))
}
