import pg from 'pg'
import { ConnectError } from '../../../protocol/index.ts'
import {
  pinSearchPath,
  sessionOf,
  sessionOptions,
  translateError,
  type Session,
} from './database.ts'
import { migrations } from './migrations.ts'

/** Notified when migrations were applied: processes of an older version that run then learn of it. */
export const migrationChannel = 'reactor_connect_migrations'

/** If several services start at once, one migrates, and the others wait for it. */
const lock = `pg_advisory_xact_lock(hashtextextended('reactor-connect migrations', 0))`

/**
 * Brings the tables up to date, in one transaction: a start that is killed leaves the old ones. Throws
 * `store_schema_newer` for a database of a later version.
 * @param upTo the number of the last migration that is applied; default: the last that there is
 * @returns how many migrations it applied
 */
export async function migrate(url: string, upTo = migrations.length): Promise<number> {
  // No limit on the time: a migration may rewrite a table.
  const client = new pg.Client(sessionOptions(url))
  client.on('error', () => undefined) // the statement in progress fails with it
  try {
    await client.connect().catch((error: unknown) => {
      throw translateError(error)
    })
    await pinSearchPath(client)
    const session = sessionOf(client)
    await session.query('BEGIN')
    await session.query(`SELECT ${lock}`)
    const applied = await applyMissing(session, upTo)
    await session.query('COMMIT')
    return applied
  } finally {
    // Ends the transaction too, if it was not committed.
    await client.end()
  }
}

/** The number of the last migration that was applied; 0: none. */
export async function newestMigration(session: Pick<Session, 'query'>): Promise<number> {
  const [last] = await session.query<{ number: number }>(
    `SELECT coalesce(max(number), 0) AS number FROM reactor_connect_service.migrations`,
  )
  return last?.number ?? 0
}

/** Returns how many were applied. */
async function applyMissing(session: Session, upTo: number): Promise<number> {
  const [existing] = await session.query<{ schema: string | null; list: string | null }>(
    `SELECT to_regnamespace('reactor_connect_service')::text AS schema,
       to_regclass('reactor_connect_service.migrations')::text AS list`,
  )
  // Checked first: IF NOT EXISTS requires the right to create even if there is nothing to create.
  if (existing?.schema === null) await session.query('CREATE SCHEMA reactor_connect_service')
  if (existing?.list === null)
    await session.query(`
      CREATE TABLE reactor_connect_service.migrations (
        number integer PRIMARY KEY,
        name text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
      )`)
  const applied = await newestMigration(session)
  const known = migrations.length
  if (applied > known)
    throw new ConnectError('store_schema_newer', { details: { found: applied, known } })
  for (const [index, { name, sql }] of migrations.slice(0, upTo).entries()) {
    if (index < applied) continue
    await session.query(sql)
    await session.query(
      `INSERT INTO reactor_connect_service.migrations (number, name) VALUES ($1, $2)`,
      [index + 1, name],
    )
  }
  const count = Math.max(0, upTo - applied)
  if (count > 0) await session.query(`SELECT pg_notify($1, '')`, [migrationChannel])
  return count
}
