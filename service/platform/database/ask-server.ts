import type { Logger } from 'pino'
import { Database } from './database.ts'

/** What the server of the metadata database says of itself. */
export interface ServerAnswer {
  /** `18.1` */
  readonly version: string
  /** Its clock less ours; right to the time that the response took. */
  readonly clockAheadMs: number
  /** It takes no writes: a standby, or a database that is set to read-only. */
  readonly isReadOnly: boolean
}

/** Opens a session, asks, closes it: nothing is changed. Throws `store_unavailable`. */
export async function askServer(url: string, logger: Logger): Promise<ServerAnswer> {
  await using database = new Database({ url, sessions: 1, logger })
  // The first one opens the session: it says nothing of the clock.
  await database.query('SELECT 1')
  const beforeMs = Date.now()
  const [row] = await database.query<{ version: string; at: string; read_only: boolean }>(
    `SELECT current_setting('server_version') AS version,
       current_setting('transaction_read_only')::boolean AS read_only,
       (extract(epoch FROM clock_timestamp()) * 1000)::text AS at`,
  )
  const middleMs = (beforeMs + Date.now()) / 2
  return {
    version: row?.version ?? 'unknown',
    clockAheadMs: Number(row?.at) - middleMs,
    isReadOnly: row?.read_only === true,
  }
}
