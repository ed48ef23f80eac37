import { hostname } from 'node:os'
import type { RunStart } from '../../sink.ts'
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
    await forgetToldNotes(session, connection, key)
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
  })
}

/**
 * A run that came to its own end has reported what happened to the tables; a killed one has not, whichever run follows. With the same key,
 * nobody may have learned of the end.
 */
async function forgetToldNotes(
  session: DestinationSession,
  connection: string,
  key: string | undefined,
): Promise<void> {
  // Locked until the run is written: of two starts at the same time, the second finds a run that goes on.
  const told = await session.rows(
    `SELECT FROM ${session.bookkeeping}.runs
      WHERE connection = $1 AND ended AND (key = $2) IS NOT TRUE FOR UPDATE`,
    [connection, key ?? null],
  )
  if (told.length === 0) return
  await session.rows(
    `UPDATE ${session.bookkeeping}.streams SET table_notes = '[]', table_warnings = '{}', begin_warnings = '{}'
      WHERE connection = $1 AND (table_notes <> '[]' OR table_warnings <> '{}' OR begin_warnings <> '{}')`,
    [connection],
  )
}

/** Does nothing if a newer start has the connection: its run continues. */
export async function endRun(
  session: DestinationSession,
  connection: string,
  { start }: RunStart,
): Promise<void> {
  await session.rows(
    `UPDATE ${session.bookkeeping}.runs SET ended = true WHERE connection = $1 AND start = $2`,
    [connection, start],
  )
}
