import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import {
  startPostgres,
  type PostgresAddress,
  type Row,
  type TestPostgres,
} from '../support/postgres.ts'

const startupLimitMs = 60_000

export interface PostgresServer extends AsyncDisposable {
  readonly server: TestPostgres
  /** A fresh database; dropped when it is disposed of. */
  database(name: string): Promise<ServerDatabase>
}

export interface ServerDatabase extends AsyncDisposable {
  readonly address: PostgresAddress
  /** In a session of its own; waits for a server that starts. */
  readonly query: (sql: string) => Promise<Row[]>
}

export async function startServer(): Promise<PostgresServer> {
  const server = await startPostgres()
  return {
    server,
    database: async (name) => {
      await query(server.address, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
      await query(server.address, `CREATE DATABASE ${name}`)
      const address = { ...server.address, database: name }
      return {
        address,
        query: async (sql) => query(address, sql),
        [Symbol.asyncDispose]: async () => {
          await query(server.address, `DROP DATABASE ${name} WITH (FORCE)`)
        },
      }
    },
    [Symbol.asyncDispose]: async () => server[Symbol.asyncDispose](),
  }
}

async function query(address: PostgresAddress, sql: string): Promise<Row[]> {
  const client = await connect(address)
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

async function connect(address: PostgresAddress): Promise<pg.Client> {
  const deadline = Date.now() + startupLimitMs
  const { host, port, user, password, database } = address
  for (;;) {
    const client = new pg.Client({ host, port, user, password, database })
    client.on('error', () => undefined) // the query under way rejects with it
    try {
      await client.connect()
      return client
    } catch (error) {
      if (Date.now() > deadline) throw error
      await delay(50)
    }
  }
}
