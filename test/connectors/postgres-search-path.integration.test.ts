import { expect, test } from 'vitest'
import { postgresConnector } from '../../connectors/postgres/connector.ts'
import { loginWithPath, makeHostile } from '../support/hostile-schema.ts'
import { testDatabase } from '../support/postgres.ts'
import {
  contextOf,
  discovered,
  fullRefreshOf,
  incrementalOf,
  readAll,
  rowsOf,
  statesOf,
} from './collected.ts'
import { usually } from '../support/long.ts'

test.each(usually(1, ['"$user", public', 'public, pg_catalog']))(
  'what another user put into a schema of the search path %s is never called',
  async (path) => {
    await using db = await testDatabase()
    await db.query(`CREATE SCHEMA src`)
    const hostile = await makeHostile(db)
    await using login = await loginWithPath(db, path)
    await db.query(
      `CREATE TABLE src.t (id varchar, m public.mood, n int4, big int8 NOT NULL, name name, tags text[], at timestamptz, PRIMARY KEY (id, m));
       INSERT INTO src.t SELECT 'k' || n::text, 'sad', n, n::int8, 'x', ARRAY['a'], now() FROM pg_catalog.generate_series(1, 500) n;
       CREATE TABLE src.single (id varchar PRIMARY KEY); INSERT INTO src.single SELECT id FROM src.t;
       CREATE TABLE src.whole (id int2 PRIMARY KEY); INSERT INTO src.whole SELECT n::int2 FROM pg_catalog.generate_series(1, 500) n;
       CREATE VIEW src.v AS SELECT * FROM src.t; ANALYZE src.single`,
    )
    expect(await hostile.caught()).toBeNull()
    const config = { ...login.address, schemas: ['src'], range_rows: 100, parallel: 4 }
    expect(await postgresConnector.check(config, contextOf())).toEqual({ status: 'SUCCEEDED' })
    for (const name of ['t', 'single', 'whole', 'v']) {
      const stream = await discovered(postgresConnector, config, name)
      const runs = await readAll(postgresConnector, config, { stream: fullRefreshOf(stream) })
      expect(rowsOf(runs)).toHaveLength(500)
      if (name !== 'v') expect(runs.length).toBeGreaterThan(1)
    }
    const stream = await discovered(postgresConnector, config, 't')
    for (const cursor of ['id', 'm', 'n', 'big', 'name', 'at']) {
      const incremental = incrementalOf(stream, cursor)
      const first = await readAll(postgresConnector, config, { stream: incremental })
      expect(rowsOf(first)).toHaveLength(500)
      const states = statesOf(first)
      const second = await readAll(postgresConnector, config, { stream: incremental, states })
      expect(rowsOf(second)).toEqual([])
    }
    expect(await hostile.caught()).toBeNull()
  },
)

test('a key of types whose operators are in different schemas is read in ranges, each row once', async () => {
  await using db = await testDatabase()
  await db.query(
    `CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext;
     CREATE TABLE t (a ext.citext, b int4, c ext.citext, PRIMARY KEY (a, b, c));
     INSERT INTO t SELECT CASE n % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'B' ELSE 'c' END, n % 50, 'X' || n FROM generate_series(1, 3000) n`,
  )
  const config = { ...db.address, range_rows: 100, parallel: 7, state_rows: 50 }
  const stream = fullRefreshOf(await discovered(postgresConnector, config, 't'))
  const rows: unknown[] = []
  let states = new Map()
  for (;;) {
    const runs = await readAll(postgresConnector, config, { stream, states, stopAfter: 100 })
    rows.push(...runs.flatMap(({ out }) => out.covered))
    states = statesOf(runs)
    if (runs.every(({ outcome }) => outcome === 'complete')) break
  }
  expect(states.size).toBeGreaterThan(1)
  expect(rows).toHaveLength(3000)
  expect(new Set(rows.map((row) => JSON.stringify(row))).size).toBe(3000)
})

test('functions of a view find what they name on the search path of the role', async () => {
  await using db = await testDatabase()
  await db.query(
    `CREATE SCHEMA app; CREATE TABLE app.rates (rate int); INSERT INTO app.rates VALUES (7);
     CREATE TABLE app.t (id int PRIMARY KEY); INSERT INTO app.t VALUES (1), (2);
     SET search_path = app;
     CREATE FUNCTION app.rate() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT max(rate) FROM rates); END';
     CREATE FUNCTION app.constant() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN (SELECT max(rate) FROM rates); END';
     CREATE VIEW app.v AS SELECT id, id * rate() AS priced FROM t WHERE constant() = 7; RESET search_path`,
  )
  await using login = await loginWithPath(db, 'app')
  const config = { ...login.address }
  const stream = await discovered(postgresConnector, config, 'v')
  const read = { stream: fullRefreshOf(stream) }
  const expected = [
    { id: '1', priced: '7' },
    { id: '2', priced: '14' },
  ]
  expect(rowsOf(await readAll(postgresConnector, config, read))).toEqual(expected)
  const incremental = { stream: incrementalOf(stream, 'priced') }
  expect(rowsOf(await readAll(postgresConnector, config, incremental))).toEqual(expected)
})
