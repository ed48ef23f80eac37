import type { Logger } from 'pino'
import { Database, type Row } from './database.ts'

/** Facts that the server of the metadata database reports about itself. */
export interface ServerAnswer {
  /** `18.1` */
  readonly version: string
  /** Its clock minus ours; accurate to the time of the round trip. */
  readonly clockAheadMs: number
  /** It accepts no writes: a standby, or a read-only database. */
  readonly isReadOnly: boolean
  readonly user: string
  readonly database: string
  /** The user may make what the service needs there, or it is there. */
  readonly canCreate: boolean
}

const schemas = ['reactor_connect_service', 'reactor_connect_jobs']

interface ServerRow extends Row {
  readonly version: string
  readonly at: string
  readonly read_only: boolean
  readonly user: string
  readonly database: string
  readonly can_create: boolean
}

/** Opens a session, queries the server, and closes it: nothing is changed. Throws `store_unavailable`. */
export async function askServer(url: string, logger: Logger): Promise<ServerAnswer> {
  await using database = new Database({ url, sessions: 1, logger })
  // The first query also opens the session, so it would distort the clock difference.
  await database.query('SELECT 1')
  const beforeMs = Date.now()
  const [row] = await database.query<ServerRow>(
    `SELECT current_setting('server_version') AS version,
       current_setting('transaction_read_only')::boolean AS read_only,
       current_user AS "user", current_database() AS database,
       coalesce((SELECT bool_and(CASE
         WHEN to_regnamespace(name) IS NULL
         THEN has_database_privilege(current_database(), 'CREATE')
         ELSE has_schema_privilege(name, 'CREATE')
       END) FROM unnest($1::text[]) AS schema (name)), false) AS can_create,
       (extract(epoch FROM clock_timestamp()) * 1000)::text AS at`,
    [schemas],
  )
  const middleMs = (beforeMs + Date.now()) / 2
  return {
    version: row?.version ?? 'unknown',
    clockAheadMs: Number(row?.at) - middleMs,
    isReadOnly: row?.read_only === true,
    user: row?.user ?? '',
    database: row?.database ?? '',
    canCreate: row?.can_create === true,
  }
}
