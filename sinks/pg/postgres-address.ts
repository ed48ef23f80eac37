import pg from 'pg'
import { destinationError } from './postgres-errors.ts'

/** Where a Postgres is, and as whom. Plain data: it crosses a thread. */
export interface PostgresAddress {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password?: string
  readonly database: string
  readonly ssl: 'disable' | 'require' | 'verify-full'
}

/** A destination: an address, and the schema that all tables go to (default: each stream's namespace, else `public`). */
export interface PostgresTarget {
  readonly address: PostgresAddress
  readonly schema?: string
}

const connectTimeoutMs = 15_000

/** A session for loading: UTC, ISO dates, no statement timeout. Throws a ConnectError that says what is wrong. */
export async function connectPostgres(address: PostgresAddress): Promise<pg.Client> {
  const { ssl, ...where } = address
  const client = new pg.Client({
    ...where,
    ssl: ssl === 'disable' ? false : { rejectUnauthorized: ssl === 'verify-full' },
    application_name: 'reactor-connect',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    options:
      '-c TimeZone=UTC -c DateStyle=ISO -c IntervalStyle=iso_8601 -c statement_timeout=0 -c client_min_messages=warning',
  })
  // A session that breaks while idle: the next query on it fails and reports it.
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch (error) {
    await client.end().catch(() => undefined)
    throw destinationError(error, address)
  }
  return client
}
