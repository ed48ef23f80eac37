import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '../../service/platform/postgres/embedded-postgres.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface PostgresAddress {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  readonly ssl: 'disable'
}

export type Row = Record<string, unknown>

export interface TestDatabase extends AsyncDisposable {
  readonly address: PostgresAddress
  readonly url: string
  query(sql: string, params?: readonly unknown[]): Promise<Row[]>
}

/** A fresh database on the shared server. Disposing drops it with its replication slots and sessions. */
export async function testDatabase(template = 'template1'): Promise<TestDatabase> {
  const name = await createDatabase(template)
  return openDatabase(name, async () => {
    await onServer(inject('postgres'), ...endOfUse(name), `DROP DATABASE ${name} WITH (FORCE)`)
  })
}

/** On the shared server. Resolves with its name. */
export async function createDatabase(template: string): Promise<string> {
  const name = `t_${randomBytes(8).toString('hex')}`
  await onServer(inject('postgres'), `CREATE DATABASE ${name} TEMPLATE ${template}`)
  return name
}

/** Its idle sessions, and those that are ending, may be ended by the server: the next query opens another. */
export function openPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool(config)
  pool.on('error', () => undefined)
  pool.on('connect', (client) => {
    client.on('error', () => undefined)
  })
  return pool
}

/** A database that is there. Disposing ends the sessions of `query`, and then calls `afterUse`. */
export function openDatabase(name: string, afterUse: () => Promise<void>): TestDatabase {
  const address = { ...inject('postgres'), database: name }
  const pool = openPool({ ...connectionOptions(address), max: 4, idleTimeoutMillis: 1_000 })
  return {
    address,
    url: urlOf(address),
    query: async (sql, params = []) => {
      const result = await pool.query<Row>(sql, [...params])
      return result.rows
    },
    [Symbol.asyncDispose]: async () => {
      await pool.end()
      await afterUse()
    },
  }
}

export interface TestPostgres extends AsyncDisposable {
  readonly address: PostgresAddress
  readonly url: string
  /** Where its data is. */
  readonly dataDir: string
  /** SIGKILL, as in a crash. `restart` recovers on the same port. */
  kill9(): Promise<void>
  restart(): Promise<void>
  stop(): Promise<void>
}

/** A server of the test's own, with fsync on, that it may kill. Its folder goes when it is disposed of. */
export async function startPostgres(
  options: { readonly settings?: Readonly<Record<string, string>> } = {},
): Promise<TestPostgres> {
  const folder = await temporaryFolder('postgres')
  const start = async (port?: number): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({
      dataDir: folder.path,
      settings: { ...testSettings, ...options.settings },
      ...(port !== undefined && { port }),
    })
  let server = await start()
  const { address, url } = server
  return {
    address,
    url,
    dataDir: folder.path,
    kill9: async () => server.kill9(),
    stop: async () => server.stop(),
    restart: async () => {
      await server.stop()
      server = await start(address.port)
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** A database with the tables of the service and no rows, made by metadata-template.ts. */
export const metadataTemplate = 'metadata_template'

/** Settings of every test server. Only the shared one, which no test kills, turns fsync off. */
export const testSettings = {
  wal_level: 'logical',
  max_connections: '200',
  max_replication_slots: '50',
  max_wal_senders: '50',
  shared_buffers: '256MB',
}

/** Statements that take its replication slots away. */
export function endOfUse(name: string): readonly string[] {
  return [
    `SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots
     WHERE database = '${name}' AND active_pid IS NOT NULL`,
    `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '${name}'`,
  ]
}

/** Runs the statements one after another in a session of their own. */
export async function onServer(
  server: PostgresAddress,
  ...statements: readonly string[]
): Promise<void> {
  const client = new pg.Client(connectionOptions(server))
  await client.connect()
  try {
    for (const sql of statements) await client.query(sql)
  } finally {
    await client.end()
  }
}

function connectionOptions(address: PostgresAddress): pg.ClientConfig {
  const { host, port, user, password, database } = address
  return { host, port, user, password, database, ssl: false }
}

export function urlOf({ host, port, user, password, database }: PostgresAddress): string {
  return `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}:${port}/${database}`
}
