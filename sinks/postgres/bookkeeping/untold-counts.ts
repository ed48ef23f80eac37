import type { StreamId } from '../../../protocol/index.ts'
import type { CommittedCounts, RunStart, SinkStream, UntoldCounts } from '../../sink.ts'
import { addCounts, noCounts } from '../../committed-counts.ts'
import { isCounted, isOverwriteMode } from '../../continuation.ts'
import { isSameTable } from '../tables/identifiers.ts'
import type { StreamTarget } from '../tables/stream-target.ts'
import { isAmong } from './forget-streams.ts'
import type { DestinationSession } from '../session.ts'
import type { StreamRow, TableCounts } from './stream-rows.ts'

// A later run reports the counts that a killed run committed, whatever it does with the stream:
//   slices.run_*             of the last sync, and of earlier ones that it continues from
//   streams.untold_counts of syncs that are over, by table: its rows are there until an overwrite exchanges
//   them
// The counts of a stage are deleted with the stage.

interface Beginning {
  readonly target: Pick<StreamTarget, 'table' | 'isOverwrite'>
  /** As the last sync left it. */
  readonly row: StreamRow | undefined
  readonly start: RunStart
  readonly resumed: boolean
  /** From its states. */
  readonly goesOn: boolean
}

/**
 * Called by `begin`: prepares the slices for the sync, and resolves with the unreported counts of slices that
 * are over. Part of the open transaction.
 */
export async function carryCounts(
  session: DestinationSession,
  id: string,
  { target, row, start, resumed, goesOn }: Beginning,
): Promise<readonly TableCounts[]> {
  if (row === undefined) return []
  const isReported = isCounted(row, start)
  if (isReported) await resetCounts(session, row, target)
  const earlier = isReported ? [] : row.untoldCounts
  if (resumed) return earlier
  if (goesOn) {
    await restartSlices(session, id)
    return earlier
  }
  const last = await deleteSlices(session, id)
  if (isThrownAway(row, target) || isNothing(last)) return earlier
  const untold = addToTable(earlier, { table: row.table, ...last })
  await session.rows(`UPDATE ${session.bookkeeping}.streams SET untold_counts = $2 WHERE id = $1`, [
    id,
    untold.map((counts) => JSON.stringify(counts)),
  ])
  return untold
}

/**
 * The rows of its last sync were in a stage, and are in no table now. A sync that does not overwrite has
 * merged them.
 */
function isThrownAway(row: StreamRow, target: Beginning['target']): boolean {
  return row.staged && (target.isOverwrite || !isSameTable(row.table, target.table))
}

/** SQL: the value of `untold_counts` after an exchange of the stream's table. */
export const countsOfOtherTables = `ARRAY(
  SELECT counts FROM unnest(untold_counts) AS u (counts)
   WHERE (counts::json -> 'table' ->> 'schema', counts::json -> 'table' ->> 'table') IS DISTINCT FROM (table_schema, table_name))`

/** Reads the counts of a stream that was begun. */
export async function countsOf(
  session: DestinationSession,
  { id, table, untoldCounts }: Pick<StreamRow, 'id' | 'table' | 'untoldCounts'>,
  { mode }: Pick<SinkStream, 'mode'>,
): Promise<UntoldCounts> {
  const last = await sumSlices(session, id)
  if (!isOverwriteMode(mode))
    return { kept: sumCounts([last, ...untoldCounts]), staged: noCounts, replaced: noCounts }
  const isReplaced = (counts: TableCounts): boolean => isSameTable(counts.table, table)
  return {
    kept: sumCounts(untoldCounts.filter((counts) => !isReplaced(counts))),
    staged: last,
    replaced: sumCounts(untoldCounts.filter(isReplaced)),
  }
}

/** Reads the counts of a stream that this run cannot begin: no rows are exchanged. */
export async function readUntoldCounts(
  session: DestinationSession,
  row: StreamRow,
  start: RunStart,
): Promise<UntoldCounts> {
  if (isCounted(row, start)) return { kept: noCounts, staged: noCounts, replaced: noCounts }
  const last = await sumSlices(session, row.id)
  return {
    kept: sumCounts([...row.untoldCounts, row.staged ? noCounts : last]),
    staged: row.staged ? last : noCounts,
    replaced: noCounts,
  }
}

/**
 * A run whose overwrite failed has reported that it loaded nothing; a sync of another mode has now merged its
 * stage.
 */
async function resetCounts(
  session: DestinationSession,
  row: StreamRow,
  target: Beginning['target'],
): Promise<void> {
  const isMerged = row.staged && !isThrownAway(row, target)
  await session.rows(
    `WITH stream AS (UPDATE ${session.bookkeeping}.streams SET untold_counts = '{}' WHERE id = $1 AND untold_counts <> '{}')
     UPDATE ${session.bookkeeping}.slices SET run_loaded = CASE WHEN $2 THEN run_loaded ELSE 0 END, run_rejected = 0, run_nulled = 0, run_cut = 0
      WHERE stream_id = $1`,
    [row.id, isMerged],
  )
}

/**
 * Deletes the counts, notes and warnings of streams that a run has reported and that the next start
 * continues. Part of the open transaction.
 */
export async function forgetReported(
  session: DestinationSession,
  connection: string,
  reported: readonly StreamId[],
): Promise<void> {
  // The rows in a stage were reported as not loaded.
  await session.rows(
    `WITH told AS (
       UPDATE ${session.bookkeeping}.streams AS stream
          SET untold_counts = '{}', table_notes = '[]', table_warnings = '{}', begin_warnings = '{}'
        WHERE connection = $1 AND ${isAmong('$2')} RETURNING id, staged)
     UPDATE ${session.bookkeeping}.slices
        SET run_loaded = CASE WHEN staged THEN run_loaded ELSE 0 END, run_rejected = 0, run_nulled = 0, run_cut = 0
       FROM told WHERE stream_id = told.id`,
    [connection, JSON.stringify(reported)],
  )
}

async function restartSlices(session: DestinationSession, id: string): Promise<void> {
  await session.rows(
    `UPDATE ${session.bookkeeping}.slices SET seq = 0, loaded = 0, rejected = 0, complete = false WHERE stream_id = $1`,
    [id],
  )
}

interface RawCounts {
  readonly loaded: string
  readonly rejected: string
  readonly nulled: string
  readonly cut: string
}

const sums = `coalesce(sum(run_loaded), 0) AS loaded, coalesce(sum(run_rejected), 0) AS rejected,
  coalesce(sum(run_nulled), 0) AS nulled, coalesce(sum(run_cut), 0) AS cut`

async function deleteSlices(session: DestinationSession, id: string): Promise<CommittedCounts> {
  const rows = await session.rows<RawCounts>(
    `WITH gone AS (
       DELETE FROM ${session.bookkeeping}.slices WHERE stream_id = $1
       RETURNING run_loaded, run_rejected, run_nulled, run_cut),
     stream AS (UPDATE ${session.bookkeeping}.streams SET planned = 0 WHERE id = $1)
     SELECT ${sums} FROM gone`,
    [id],
  )
  return parseCounts(rows)
}

async function sumSlices(session: DestinationSession, id: string): Promise<CommittedCounts> {
  const rows = await session.rows<RawCounts>(
    `SELECT ${sums} FROM ${session.bookkeeping}.slices WHERE stream_id = $1`,
    [id],
  )
  return parseCounts(rows)
}

function parseCounts([row]: readonly RawCounts[]): CommittedCounts {
  if (row === undefined) return noCounts
  const { loaded, rejected, nulled, cut } = row
  return {
    loaded: Number(loaded),
    rejected: Number(rejected),
    nulled: Number(nulled),
    cut: Number(cut),
  }
}

/** A table is in the list once, however many starts of the stream were killed. */
function addToTable(list: readonly TableCounts[], added: TableCounts): readonly TableCounts[] {
  const { table } = added
  const isOther = (counts: TableCounts): boolean => !isSameTable(counts.table, table)
  const own = list.filter((counts) => !isOther(counts))
  return [...list.filter(isOther), { table, ...sumCounts([...own, added]) }]
}

function sumCounts(list: readonly CommittedCounts[]): CommittedCounts {
  return list.reduce(addCounts, noCounts)
}

function isNothing({ loaded, rejected, nulled, cut }: CommittedCounts): boolean {
  return loaded + rejected + nulled + cut === 0
}
