import type { Duplex } from 'node:stream'
import { Client, DatabaseError, type ClientConfig } from 'pg'
import { guardResponses } from './guard-responses.ts'
import { pinPathLocally } from './search-path.ts'

/**
 * A server that sorts is silent too, so silence alone proves nothing: after this time another session checks.
 */
const usualSilenceMs = 30_000
const probeTimeoutMs = 10_000

/** A session at a source or at a destination. */
export interface WatchedSession {
  /** How to open another session, to check this one. */
  readonly config: ClientConfig
  /** The session's process on the server, as soon as it is known. */
  readonly pid: () => number | undefined
  readonly socket: Duplex & { readonly bytesRead?: number }
  /** Whether a response of the server is expected, and the socket is not paused. */
  readonly isWaiting: () => boolean
  /** The error for waiting calls once the session was ended. */
  readonly lost: (reason: string) => Error
  readonly onSilence: (finding: 'stuck' | 'gone') => void
  /** Called once for each wait. */
  readonly onLockWait: (wait: LockWait) => void
  /** Default: 30 seconds. */
  readonly silenceMs?: number
}

/** The server is silent because the statement waits for a lock. For people. */
export interface LockWait {
  /** The table, quoted if it has to be, or the kind of what is locked. */
  readonly object: string
  /** The sessions that hold it, or wait for it ahead of this one. */
  readonly holders: string
  /** At least. */
  readonly seconds: number
}

/**
 * Ends a session that will never hear from the server again: a firewall that forgot the connection, a host
 * that is gone. TCP's keepalive finds that out only if nothing in between responds for the server; here
 * another session asks the server itself.
 */
export function watchSession(watched: WatchedSession): void {
  const { socket, silenceMs = usualSilenceMs } = watched
  const seconds = silenceMs / 1000
  let bytesSeen = -1
  let suspicions = 0
  let isWaitReported = false
  const look = async (): Promise<void> => {
    const bytes = socket.bytesRead ?? 0
    if (!watched.isWaiting() || bytes !== bytesSeen) {
      bytesSeen = bytes
      suspicions = 0
      isWaitReported = false
      return
    }
    const { finding, wait } = await probe(watched)
    if (wait !== undefined && !isWaitReported) {
      isWaitReported = true
      watched.onLockWait({ ...wait, seconds })
    }
    if (socket.bytesRead !== bytes || finding === 'working') return
    suspicions = finding === 'gone' ? 2 : suspicions + 1
    watched.onSilence(finding)
    if (suspicions < 2) return
    socket.destroy(watched.lost(`the server has been silent for more than ${seconds} seconds`))
  }
  let looking = false
  const timer = setInterval(() => {
    if (looking) return
    looking = true
    void look().finally(() => {
      looking = false
    })
  }, silenceMs)
  timer.unref()
  socket.once('close', () => {
    clearInterval(timer)
  })
}

interface Probed {
  /**
   * gone: the server has no such session, or does not respond to a new one. stuck: the server waits for us,
   * while we wait for it, or the session has just been opened. working: everything else, also if it is not
   * known (no room for another session).
   */
  readonly finding: 'working' | 'stuck' | 'gone'
  readonly wait?: Omit<LockWait, 'seconds'>
}

async function probe({ config, pid, lost }: WatchedSession): Promise<Probed> {
  const process = pid()
  const client = new Client({
    ...config,
    connectionTimeoutMillis: probeTimeoutMs,
    query_timeout: probeTimeoutMs,
  })
  guardResponses(client, lost)
  // Reported by the call that is in progress.
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query(`BEGIN; ${pinPathLocally}`)
    const { rows } = await client.query<SessionState>(stateOfSession, [process ?? null])
    const [session] = rows
    // The first statements of a session, which return its number, neither wait for a lock nor take long.
    if (session === undefined) return { finding: process === undefined ? 'stuck' : 'gone' }
    const { event, object, holders } = session
    if (event === 'ClientWrite' || event === 'ClientRead') return { finding: 'stuck' }
    if (object === null || holders === null) return { finding: 'working' }
    return { finding: 'working', wait: { object, holders } }
  } catch (thrown) {
    return { finding: thrown instanceof DatabaseError ? 'working' : 'gone' }
  } finally {
    client.connection.stream.destroy()
  }
}

interface SessionState {
  /** The event that it waits for. */
  readonly event: string | null
  readonly object: string | null
  readonly holders: string | null
}

const stateOfSession = `
  SELECT s.wait_event AS event, l.object, b.holders
    FROM pg_stat_activity s
    LEFT JOIN LATERAL (
      SELECT coalesce(relation::regclass::text, CASE locktype WHEN 'advisory' THEN 'an advisory lock' ELSE 'a row' END) AS object
        FROM pg_locks WHERE pid = s.pid AND NOT granted AND s.wait_event_type = 'Lock' LIMIT 1) l ON true
    LEFT JOIN LATERAL (
      SELECT string_agg(format('session %s of user %s (%s, %s)', pid, coalesce(usename, 'unknown'),
               coalesce(nullif(application_name, ''), 'no application_name'), coalesce(state, 'state unknown')), ' and ' ORDER BY pid) AS holders
        FROM pg_stat_activity WHERE s.wait_event_type = 'Lock' AND pid = ANY (pg_blocking_pids(s.pid))) b ON true
   WHERE s.pid = $1`
