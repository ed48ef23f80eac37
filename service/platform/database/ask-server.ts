import type { Logger } from 'pino'
import { Database } from './database.ts'

/** Facts that the server of the metadata database reports about itself. */
export interface ServerAnswer {
  /** `18.1` */
  readonly version: string
  /** Its clock minus ours; accurate to the time of the round trip. */
  readonly clockAheadMs: number
  /** It accepts no writes: a standby, or a read-only database. */
  readonly isReadOnly: boolean
}

/** Opens a session, queries the server, and closes it: nothing is changed. Throws `store_unavailable`. */
export async function askServer(url: string, logger: Logger): Promise<ServerAnswer> {
  await using database = new Database({ url, sessions: 1, logger })
  // The first query also opens the session, so it would distort the clock difference.
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
