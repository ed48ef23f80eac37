import { resetCommands } from '../../../lib/text/reset-commands.ts'
import { streamLabel } from '../../../protocol/index.ts'
import type { SinkStream } from '../../sink.ts'
import { quoteTable } from '../tables/identifiers.ts'
import type { StreamRow } from '../bookkeeping/stream-rows.ts'
import type { DestinationSession } from '../session.ts'
import type { StreamTarget } from '../tables/stream-target.ts'
import { hasRows } from '../tables/table-columns.ts'

/**
 * The table that a `begin` loads, as it saw it. Oids: `bookkeeping` is the oid of `streams`. A restore of the
 * whole database creates `streams` again too; then another table is the same one.
 */
interface SeenTable {
  readonly table: string
  readonly bookkeeping: string
  readonly hasRows: boolean
}

interface WatchedStream {
  /** The id of its row in the bookkeeping. */
  readonly id: string
  readonly sink: SinkStream
  readonly target: StreamTarget
  /** An earlier start of the run completed it: nothing is loaded now. */
  readonly isDone?: boolean
}

interface Begun {
  /** As the last sync left it. */
  readonly row: Pick<StreamRow, 'settings'> | undefined
  /** The sync continues from its checkpoints, or is complete. */
  readonly goesOn: boolean
}

/**
 * Returns the losses of rows that the run must report: rows that the table lost although the sync continues
 * from checkpoints that cover them. Each loss is reported once, also the losses that attempts saw which died
 * before they reported them. Called by `begin` before it deletes the counts of the last sync. A read from the
 * beginning makes the warnings of an incremental read void; a full refresh has read everything, and its rows
 * may stay.
 */
export async function watchTable(
  session: DestinationSession,
  { goesOn, row: last, ...stream }: WatchedStream & Begun,
): Promise<readonly string[]> {
  const now = await seeTable(session, stream.target)
  const warnings = goesOn ? await compare(session, stream, now) : []
  const [row] = await session.rows<{ warnings: readonly string[] }>(
    `UPDATE ${session.bookkeeping}.streams
        SET table_oid = $2, bookkeeping_oid = $3, had_rows = $4,
            table_warnings = CASE WHEN $5 THEN table_warnings ELSE '{}' END || $6::text[]
      WHERE id = $1 RETURNING table_warnings AS warnings`,
    [
      stream.id,
      now?.table ?? null,
      now?.bookkeeping ?? null,
      now?.hasRows ?? null,
      goesOn || last?.settings.sync_mode === 'full_refresh',
      warnings,
    ],
  )
  return row?.warnings ?? warnings
}

/** The same for a future run. Only reads. */
export async function warnOfLostRows(
  session: DestinationSession,
  stream: WatchedStream,
): Promise<readonly string[]> {
  return compare(session, stream, await seeTable(session, stream.target))
}

/**
 * Undefined if an overwrite replaces its rows, or if they may not be read: nothing is reported about them
 * then.
 */
async function seeTable(
  session: DestinationSession,
  { table, isOverwrite }: StreamTarget,
): Promise<SeenTable | undefined> {
  if (isOverwrite) return undefined
  const [row] = await session.rows<{ table: string | null; bookkeeping: string; reads: boolean }>(
    `SELECT to_regclass($1)::oid::bigint AS table, to_regclass($2)::oid::bigint AS bookkeeping,
            has_table_privilege(to_regclass($1)::oid, 'SELECT') AS reads`,
    [quoteTable(table), `${session.bookkeeping}.streams`],
  )
  if (row?.table == null || !row.reads) return undefined
  return {
    table: row.table,
    bookkeeping: row.bookkeeping,
    hasRows: await hasRows(session, table),
  }
}

async function compare(
  session: DestinationSession,
  { id, sink: { connection, deletes }, target, isDone = false }: WatchedStream,
  now: SeenTable | undefined,
): Promise<readonly string[]> {
  if (now === undefined) return []
  // Without checkpoints the stream is read from the beginning.
  const [before] = await session.rows<SeenTable>(
    `SELECT table_oid AS table, bookkeeping_oid AS bookkeeping, had_rows OR sum(loaded) > 0 AS "hasRows"
       FROM ${session.bookkeeping}.streams JOIN ${session.bookkeeping}.slices ON stream_id = id
      WHERE id = $1 AND table_oid IS NOT NULL GROUP BY id HAVING bool_or(state IS NOT NULL)`,
    [id],
  )
  if (before === undefined) return []
  const stream = streamLabel(target.streamId)
  const table = quoteTable(target.table)
  const reset = isDone
    ? 'To load all rows again, run the connection once more'
    : `To load all rows again, reset the stream (${resetCommands(stream, connection)})`
  const loads = isDone
    ? 'The run has completed the stream before, and loads nothing of it now.'
    : 'The run loads only what is new since the last checkpoint.'
  const isOther = before.bookkeeping === now.bookkeeping && before.table !== now.table
  if (isOther)
    return [
      `Table ${table} is not the one that was loaded before: it was replaced by another table with its name. ${loads} ${reset}, unless the table already has the earlier rows.`,
    ]
  if (before.hasRows && !now.hasRows && !(deletes === 'hard' && showsDeletes(target)))
    return [
      `Table ${table} is empty, although rows of the stream were loaded into it before. ${loads} ${reset}.`,
    ]
  return []
}

/** Rows that are marked as deleted leave the table by themselves. */
function showsDeletes({ deletedAt, key }: StreamTarget): boolean {
  return deletedAt !== undefined && key !== undefined
}
