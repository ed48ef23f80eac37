import type { StreamId } from '../../../protocol/index.ts'
import { lockForSession } from '../advisory-locks.ts'
import { lockKey } from '../tables/identifiers.ts'
import type { DestinationSession } from '../session.ts'

/**
 * Any number of our own: with it as the first, the second number of an advisory lock is the start of a run.
 */
const startLock = 1_380_142_931

/** The largest number of an advisory lock. A connection is not started more often. */
const maxStart = 2 ** 31 - 1

const markSeconds = 10

/** How long the server may take to end a session. */
const endMs = 10_000

/** The mark that `markSession` puts on a session, as text. */
export function markOf(connection: string, start: number): string {
  return `${connection} ${String(start)}`
}

/**
 * Two shared locks identify the session for as long as it lives: its connection, and its start. No run takes
 * them exclusively, so this waits only for somebody else, and not for long. Ask for a newer start afterwards:
 * one that came before did not see the locks.
 */
export async function markSession(
  session: DestinationSession,
  connection: string,
  start: number,
): Promise<void> {
  await lockForSession(session, 'shared', {
    keys: [connectionKey(session, connection), [startLock, Math.min(start, maxStart)]],
    subject: `connection ${connection}`,
    seconds: markSeconds,
  })
}

/** SQL: an array of the process ids of all sessions that are marked, of whatever connection. */
export const markedSessions = `ARRAY(SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND classid::bigint = ${String(startLock)})`

/**
 * Ends all sessions of older starts of the connection, whatever they are doing: a process that is frozen
 * would keep its locks until it wakes. Those of another role cannot be ended by us.
 */
export async function endOlderSessions(
  session: DestinationSession,
  connection: string,
  start: number,
): Promise<void> {
  // All get the signal before the first one is waited for.
  for (const waitMs of [0, endMs]) {
    await session.rows(
      `SELECT pg_terminate_backend(of_connection.pid, $4)
         FROM pg_locks of_connection
         JOIN pg_locks of_start ON of_start.pid = of_connection.pid
         JOIN pg_stat_activity activity ON activity.pid = of_connection.pid
        WHERE of_connection.locktype = 'advisory' AND of_connection.objsubid = 1
          AND ((of_connection.classid::bigint << 32) | of_connection.objid::bigint) = $1
          AND of_start.locktype = 'advisory' AND of_start.objsubid = 2
          AND of_start.classid::bigint = $2 AND of_start.objid::bigint < $3
          AND activity.datname = current_database() AND activity.usename = current_user
          AND activity.pid <> pg_backend_pid()`,
      [connectionKey(session, connection), startLock, start, waitMs],
    )
  }
}

/** A sandbox has its own runs, although they may have the name of the connection. */
function connectionKey(session: DestinationSession, connection: string): string {
  return lockKey('sessions', session.bookkeepingSchema, connection)
}

/**
 * The advisory lock of a stream: every lane's session holds it shared, as long as it lives; `begin` takes it
 * exclusively, so that no lane of an older epoch is left.
 */
export function laneLockKey(connection: string, { namespace, name }: StreamId): string {
  return lockKey('lanes', connection, namespace ?? null, name)
}

/** How long to wait for a stream, for those who take it over and for their lanes. */
export const takeOverSeconds = 60
