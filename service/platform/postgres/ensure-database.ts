import pg from 'pg'
import { pinPath } from '../../../postgres/search-path.ts'
import type { EmbeddedPostgres } from './embedded-postgres.ts'

type Address = Omit<EmbeddedPostgres['address'], 'database'>

/**
 * The database of this name on the embedded server, which is made if it is missing. `name`: an identifier as
 * it is written.
 */
export async function ensureDatabase(
  server: EmbeddedPostgres['address'],
  name: 'connect' | 'data',
): Promise<Address & { readonly database: string }> {
  const { host, port, user, password } = server
  const client = new pg.Client({ host, port, user, password, database: 'postgres', ssl: false })
  await client.connect()
  try {
    await client.query(pinPath)
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${name}`)
  } finally {
    await client.end()
  }
  return { ...server, database: name }
}
