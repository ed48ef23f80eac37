import { hostname } from 'node:os'
import type { RunEnd, RunStart } from '../../sink.ts'
import { isAmong } from './forget-streams.ts'
import { endOlderSessions } from './run-sessions.ts'
import type { DestinationSession } from '../session.ts'

/**
 * A run with the same key is continued under its number; if runs have no keys, one that did not end by itself (killed, stopped). Another
 * key is another run, also after a cancelled one.
 */
export async function startRun(
  session: DestinationSession,
  connection: string,
  key?: string,
): Promise<RunStart> {
  return session.transaction(async () => {
    const last = await readLastRun(session, connection, key)
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
    const start = { run: Number(row?.run), start: Number(row?.start), hasKey: key !== undefined }
    if (last?.isAbandoned === true) {
      // One of its lanes may be frozen, and hold the rows.
      await endOlderSessions(session, connection, start.start)
    }
    if (last?.isSame === false) await forgetTold(session, connection, last)
    return start
  })
}

interface LastRun {
  readonly run: string
  /** It has the key of the run that starts: nobody may have learned of its end. */
  readonly isSame: boolean
  /** It had another key, and did not end. */
  readonly isAbandoned: boolean
}

/** Its row is locked until the transaction ends: of two starts at the same time, the second finds a run that goes on. */
async function readLastRun(
  session: DestinationSession,
  connection: string,
  key: string | undefined,
): Promise<LastRun | undefined> {
  const [last] = await session.rows<LastRun & Record<string, unknown>>(
    `SELECT run, (key = $2) IS TRUE AS "isSame", (NOT ended AND key <> $2) IS TRUE AS "isAbandoned"
       FROM ${session.bookkeeping}.runs WHERE connection = $1 FOR UPDATE`,
    [connection, key ?? null],
  )
  return last
}

/**
 * What runs have told of their streams goes when another run starts: notes, warnings, and the counts of what they committed. The counts of an
 * abandoned run go too: its starter has them from its progress.
 */
async function forgetTold(
  session: DestinationSession,
  connection: string,
  { run, isAbandoned }: LastRun,
): Promise<void> {
  await session.rows(
    `WITH told AS (
       UPDATE ${session.bookkeeping}.streams SET told = false, table_notes = '[]', table_warnings = '{}', begin_warnings = '{}'
        WHERE connection = $1 AND told RETURNING id)
     UPDATE ${session.bookkeeping}.slices SET run_loaded = 0, run_rejected = 0, run_nulled = 0, run_cut = 0
      WHERE stream_id IN (SELECT id FROM told UNION ALL
              SELECT id FROM ${session.bookkeeping}.streams WHERE connection = $1 AND run = $2 AND $3::boolean)
        AND (run_loaded, run_rejected, run_nulled, run_cut) <> (0, 0, 0, 0)`,
    [connection, run, isAbandoned],
  )
}

/** Does nothing if a newer start has the connection: its run continues. */
export async function endRun(
  session: DestinationSession,
  connection: string,
  { start, told, completed = [] }: RunEnd,
): Promise<void> {
  await session.transaction(async () => {
    const ended = await session.rows(
      `UPDATE ${session.bookkeeping}.runs SET ended = true WHERE connection = $1 AND start = $2 RETURNING 1`,
      [connection, start.start],
    )
    if (ended.length === 0) return
    await session.rows(
      `UPDATE ${session.bookkeeping}.streams AS stream SET told = true
        WHERE connection = $1 AND (${isAmong('$2')} OR complete AND ${isAmong('$3')})`,
      [connection, JSON.stringify(told), JSON.stringify(completed)],
    )
  })
}
