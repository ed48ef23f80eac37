import type { Duplex } from 'node:stream'
import { Client, DatabaseError, type ClientConfig } from 'pg'
import { pinPathLocally } from './search-path.ts'

/** A server that sorts is silent too, so silence alone proves nothing: after this time another session checks. */
const silenceMs = 30_000
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
}

/**
 * Ends a session that will never hear from the server again: a firewall that forgot the connection, a host that is gone. TCP's
 * keepalive finds that out only if nothing in between answers for the server; here another session asks the server itself.
 */
export function watchSession(watched: WatchedSession): void {
  const { socket } = watched
  let bytesSeen = -1
  let suspicions = 0
  const look = async (): Promise<void> => {
    const bytes = socket.bytesRead ?? 0
    if (!watched.isWaiting() || bytes !== bytesSeen) {
      bytesSeen = bytes
      suspicions = 0
      return
    }
    const finding = await probe(watched)
    if (socket.bytesRead !== bytes || finding === 'working') return
    suspicions = finding === 'gone' ? 2 : suspicions + 1
    watched.onSilence(finding)
    if (suspicions < 2) return
    socket.destroy(
      watched.lost(`the server has been silent for more than ${silenceMs / 1000} seconds`),
    )
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

/**
 * gone: the server has no such session, or does not respond to a new one. stuck: the server waits for us, while we wait for it. working:
 * everything else, also if it is not known (no room for another session).
 */
async function probe({ config, pid }: WatchedSession): Promise<'working' | 'stuck' | 'gone'> {
  const process = pid()
  const client = new Client({
    ...config,
    connectionTimeoutMillis: probeTimeoutMs,
    query_timeout: probeTimeoutMs,
  })
  // Reported by the call that is in progress.
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query(`BEGIN; ${pinPathLocally}`)
    const { rows } = await client.query<{ wait: string | null }>(
      'SELECT wait_event AS wait FROM pg_stat_activity WHERE pid = $1',
      [process ?? null],
    )
    const [session] = rows
    if (session === undefined) return process === undefined ? 'working' : 'gone'
    return session.wait === 'ClientWrite' || session.wait === 'ClientRead' ? 'stuck' : 'working'
  } catch (thrown) {
    return thrown instanceof DatabaseError ? 'working' : 'gone'
  } finally {
    client.connection.stream.destroy()
  }
}
