import { hostname } from 'node:os'
import type { RunEnd, RunStart } from '../../sink.ts'
import { isAmong } from './forget-streams.ts'
import { forgetReported } from './untold-counts.ts'
import type { DestinationSession } from '../session.ts'

/**
 * A run with the same key is continued under its number; if runs have no keys, one that did not end by itself
 * (killed, stopped). Another key is another run, also after a cancelled one.
 */
export async function startRun(
  session: DestinationSession,
  connection: string,
  key?: string,
): Promise<RunStart> {
  const [row] = await session.rows<{ run: string; start: string }>(
    `INSERT INTO ${session.bookkeeping}.runs AS r (connection, run, ended, key, start, started_by)
     VALUES ($1, 1, false, $2, 1, $3)
     ON CONFLICT (connection) DO UPDATE SET
       run = r.run + coalesce(r.key <> excluded.key, r.ended)::int,
       ended = false, key = excluded.key,
       start = r.start + 1, started_at = now(), started_by = excluded.started_by
     RETURNING run, start`,
    [connection, key ?? null, `process ${String(process.pid)} on ${hostname()}`],
  )
  return { run: Number(row?.run), start: Number(row?.start), hasKey: key !== undefined }
}

/** Does nothing if a newer start has the connection: its run continues. */
export async function endRun(
  session: DestinationSession,
  connection: string,
  { start, how, reported, completed = [] }: RunEnd,
): Promise<void> {
  await session.transaction(async () => {
    const own = await session.rows(
      `UPDATE ${session.bookkeeping}.runs SET ended = $3 WHERE connection = $1 AND start = $2 RETURNING 1`,
      [connection, start.start, how === 'ended'],
    )
    if (own.length === 0) return
    if (how === 'stopped') await forgetReported(session, connection, reported)
    else await markReported(session, connection, { reported, completed, run: start.run })
  })
}

/**
 * The reported counts, notes and warnings stay for now: the caller may not have learned of the end of a run
 * with a key, and the next start of the run reports them again.
 */
async function markReported(
  session: DestinationSession,
  connection: string,
  {
    reported,
    completed,
    run,
  }: Required<Pick<RunEnd, 'reported' | 'completed'>> & Pick<RunStart, 'run'>,
): Promise<void> {
  await session.rows(
    `UPDATE ${session.bookkeeping}.streams AS stream SET told_run = $4
      WHERE connection = $1 AND (${isAmong('$2')} OR complete AND ${isAmong('$3')})`,
    [connection, JSON.stringify(reported), JSON.stringify(completed), run],
  )
}
