import pg from 'pg'
import { expect, test } from 'vitest'
import { startPostgres, testDatabase } from './postgres.ts'

test('a test database is empty, real PostgreSQL 18 and gone after disposal', async () => {
  const outer = await testDatabase()
  {
    await using db = await testDatabase()
    const [row] = await db.query('SELECT current_database() AS name, version() AS version')
    expect(row?.name).toBe(db.address.database)
    expect(row?.version).toMatch(/^PostgreSQL 18\./)
    await db.query("SELECT pg_create_logical_replication_slot($1 || '_slot', 'pgoutput')", [
      db.address.database,
    ])
    expect(
      await outer.query('SELECT 1 FROM pg_database WHERE datname = $1', [db.address.database]),
    ).toHaveLength(1)
  }
  expect(
    await outer.query("SELECT 1 FROM pg_replication_slots WHERE slot_name LIKE 't%_slot'"),
  ).toEqual([])
  await outer[Symbol.asyncDispose]()
})

test('a server of its own survives kill -9 with what was committed', async () => {
  await using server = await startPostgres()
  const before = new pg.Client(server.url)
  before.on('error', () => undefined)
  await before.connect()
  await before.query('CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n')
  await server.kill9()
  await server.restart()
  const after = new pg.Client(server.url)
  await after.connect()
  const { rows } = await after.query('SELECT count(*)::int AS n FROM kept')
  await after.end()
  expect(rows).toEqual([{ n: 1000 }])
})
