import { streamIdOf } from '../../../protocol/index.ts'
import { isReported } from '../../continuation.ts'
import type { RunStart, SinkStream, StreamSync, Untold } from '../../sink.ts'
import { attemptParams, isOfAttempt, lostStream } from './fence.ts'
import type { DestinationSession } from '../session.ts'
import { readStreamRow, type StreamRow } from './stream-rows.ts'
import { readUntoldCounts } from './untold-counts.ts'

// Warnings are stored until a run that reported them has ended (told_run) and another run begins the stream.
// A run that is killed has reported nothing.
//   table_warnings   speak of a read from the checkpoints: they go when the stream is read from the beginning
//   begin_warnings   speak of what was done to the table, and stay true

/** Further warnings of a stream are only reported by the run itself. No source has that many. */
const mostOfSource = 100

/** `Destination.noteWarning`. */
export async function noteWarning(
  session: DestinationSession,
  sync: StreamSync,
  warning: string,
): Promise<void> {
  const rows = await session.rows(
    `UPDATE ${session.bookkeeping}.streams
        SET table_warnings = CASE WHEN $6 = ANY (table_warnings) OR cardinality(table_warnings) >= ${mostOfSource} THEN table_warnings
                                  ELSE table_warnings || $6::text END
      WHERE ${isOfAttempt} RETURNING 1`,
    [...attemptParams(sync), warning],
  )
  if (rows.length === 0) throw await lostStream(session, sync)
}

/**
 * Part of the open transaction. Returns all warnings that no run has reported, also those of attempts that
 * died before they reported them.
 */
export async function keepUntold(
  session: DestinationSession,
  id: string,
  warnings: readonly string[],
): Promise<readonly string[]> {
  const [row] = await session.rows<{ warnings: readonly string[] }>(
    `UPDATE ${session.bookkeeping}.streams
        SET begin_warnings = begin_warnings || ARRAY(
              SELECT told FROM unnest($2::text[]) WITH ORDINALITY AS u (told, place) WHERE told <> ALL (begin_warnings) ORDER BY place)
      WHERE id = $1 RETURNING begin_warnings AS warnings`,
    [id, warnings],
  )
  return row?.warnings ?? warnings
}

/** `Destination.untold`: see the contract. */
export async function readUntold(
  session: DestinationSession,
  { connection, stream }: SinkStream,
  start: RunStart,
): Promise<Untold | undefined> {
  const streamId = streamIdOf(stream.stream)
  const row = await readStreamRow(session, connection, { streamId, lock: 'unlocked' })
  if (row === undefined) return undefined
  const { tableNotes, warnings } = withoutReported(row, start)
  return { tableNotes, warnings, untoldCounts: await readUntoldCounts(session, row, start) }
}

/** The row for a run that has nothing to report again. */
export function withoutReported(row: StreamRow, start: RunStart): StreamRow {
  return isReported(row, start) ? { ...row, tableNotes: [], warnings: [] } : row
}
