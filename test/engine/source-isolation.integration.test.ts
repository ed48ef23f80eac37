import pg from 'pg'
import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { JsonObject } from '../../protocol/index.ts'
import { logConfig, planRun, runPlan } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { longTest } from '../support/long.ts'

/** Number of the advisory lock at which the streams that run first wait. */
const gate = 42

/**
 * Objects that no run can read, and tables that are changed while `gate_1` is being read; three streams begin
 * before them.
 */
const objects = `
  CREATE VIEW gate_1 AS SELECT pg_advisory_xact_lock_shared(${gate})::text AS lock, 1 AS id;
  CREATE VIEW gate_2 AS SELECT 1 AS id;
  CREATE VIEW gate_3 AS SELECT 1 AS id;
  CREATE VIEW h_divides AS SELECT 1 / 0 AS x, 1 AS id;
  CREATE EXTENSION postgres_fdw;
  CREATE SERVER dead FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host '127.0.0.1', port '1', dbname 'x', use_remote_estimate 'true');
  CREATE USER MAPPING FOR public SERVER dead OPTIONS (user 'x', password 'x');
  CREATE FOREIGN TABLE h_foreign (id int) SERVER dead;
  CREATE FUNCTION sec() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
  REVOKE EXECUTE ON FUNCTION sec() FROM public;
  CREATE VIEW h_function AS SELECT sec() AS x, 1 AS id;
  CREATE FUNCTION slow() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN RAISE 'hush 1234' USING ERRCODE = '42703'; END $$;
  CREATE VIEW h_raises AS SELECT slow() AS x, 1 AS id;
  CREATE TABLE m_added (id int PRIMARY KEY);
  CREATE TABLE m_column_dropped (id int PRIMARY KEY, p int);
  CREATE TABLE m_column_renamed (id int PRIMARY KEY, p int);
  CREATE TABLE m_dropped (id int PRIMARY KEY);
  CREATE TABLE m_locked (id int PRIMARY KEY);
  CREATE TABLE m_renamed (id int PRIMARY KEY);
  CREATE TABLE m_revoked (id int PRIMARY KEY);
  CREATE TABLE m_swapped (id int PRIMARY KEY);
  CREATE TABLE m_widened (id int PRIMARY KEY, p int);
  INSERT INTO m_widened VALUES (1, 1);
  CREATE TABLE n_later (id int PRIMARY KEY);
  INSERT INTO n_later VALUES (1), (2);
  CREATE TABLE other (id int PRIMARY KEY, t text);
  INSERT INTO other VALUES (7, 'x')`

const changes = `
  ALTER TABLE m_added ADD COLUMN q int;
  ALTER TABLE m_column_dropped DROP COLUMN p;
  ALTER TABLE m_column_renamed RENAME COLUMN p TO q;
  DROP TABLE m_dropped;
  ALTER TABLE m_renamed RENAME TO renamed;
  REVOKE SELECT ON m_revoked FROM public;
  ALTER TABLE m_swapped RENAME TO swapped;
  ALTER TABLE other RENAME TO m_swapped;
  ALTER TABLE m_widened ALTER COLUMN p TYPE bigint`

async function readerOf(db: TestDatabase): Promise<JsonObject> {
  const user = `reader_${db.address.database}`
  await db.query(
    `CREATE ROLE ${user} LOGIN PASSWORD 'pw'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO public`,
  )
  return { ...db.address, user, password: 'pw' }
}

/** Waits until a query of the reader waits for a lock. */
async function waitsForLock(db: TestDatabase, query: string): Promise<void> {
  const waiting = () =>
    db.query(
      `SELECT 1 FROM pg_stat_activity
       WHERE wait_event_type = 'Lock' AND usename LIKE 'reader%' AND query LIKE $1`,
      [query],
    )
  await expect.poll(waiting, { timeout: 20_000 }).not.toEqual([])
}

test('a stream that cannot be planned or read fails by itself, with what the server said, and the others complete', async () => {
  await using db = await testDatabase()
  await db.query(objects)
  const config = await readerOf(db)
  const plan = await planRun({
    connection: `isolation-${randomUUID().slice(0, 8)}`,
    source: { type: 'postgres', config },
    destination: db.address,
    schema: 'warehouse',
    log: logConfig('embedded'),
    mode: 'overwrite',
    limits: { parallelLanes: 2, partitionsPerStream: 1 },
  })
  const holder = new pg.Client({ ...db.address, ssl: false })
  await holder.connect()
  await holder.query(`SELECT pg_advisory_lock(${gate})`)
  await using resources = new AsyncDisposableStack()
  resources.defer(() => holder.end())
  const running = runPlan({
    ...plan,
    streams: plan.streams.filter(({ stream }) => stream.stream.name !== 'other'),
    limits: { ...plan.limits, parallelLanes: 1 },
  })
  await waitsForLock(db, 'COPY%gate_1%')
  await db.query(changes)
  await holder.query(
    `SELECT pg_advisory_unlock(${gate}); BEGIN; LOCK TABLE m_locked IN ACCESS EXCLUSIVE MODE`,
  )
  // Its plan did not wait for the lock, only its read does.
  await waitsForLock(db, '%SELECT FROM%m_locked%')
  await holder.query('COMMIT')
  const { result } = await running
  const outcomes = Object.fromEntries(
    result.streams.map(({ stream, status, error }) => [stream.name, error?.code ?? status]),
  )
  expect(outcomes).toEqual({
    gate_1: 'complete',
    gate_2: 'complete',
    gate_3: 'complete',
    h_divides: 'source_query_failed',
    h_foreign: 'source_foreign_server_unreachable',
    h_function: 'source_permission_denied',
    h_raises: 'source_query_failed',
    m_added: 'complete',
    m_column_dropped: 'source_column_missing',
    m_column_renamed: 'source_column_missing',
    m_dropped: 'source_stream_missing',
    m_locked: 'complete',
    m_renamed: 'source_stream_missing',
    m_revoked: 'source_permission_denied',
    m_swapped: 'complete',
    m_widened: 'complete',
    n_later: 'complete',
  })
  const messages = Object.fromEntries(
    result.streams.map(({ stream, error }) => [stream.name, error?.message]),
  )
  const user = z.string().parse(config.user)
  expect(messages.h_divides).toMatch(
    /^Stream public\.h_divides: .*SQLSTATE 22012.*division by zero/,
  )
  expect(messages.h_foreign).toMatch(
    /^Stream public\.h_foreign: .*could not connect to server "dead"/,
  )
  expect(messages.h_function).toBe(
    `User ${user} may not read public.h_function: permission denied for function sec`,
  )
  expect(messages.h_raises).toMatch(/the function slow failed/)
  expect(messages.m_column_renamed).toBe(
    'Stream public.m_column_renamed: column p no longer exists in the source',
  )
  expect(messages.m_dropped).toBe('Stream public.m_dropped does not exist in the source')
  expect(messages.m_revoked).toBe(
    `User ${user} may not read public.m_revoked: permission denied for table m_revoked`,
  )
  expect(JSON.stringify(result.streams)).not.toMatch(/hush|"\?"|\(none\)/)
  expect(await db.query('SELECT id, p FROM warehouse.m_widened')).toEqual([{ id: '1', p: '1' }])
  await db.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
})

longTest('a source that allows two connections is read one lane after the other', async () => {
  await using db = await testDatabase()
  await db.query(
    `CREATE TABLE a (id int PRIMARY KEY, t text);
     INSERT INTO a SELECT n, repeat('x', 100) FROM generate_series(1, 100000) n;
     CREATE TABLE b AS SELECT n AS id FROM generate_series(1, 10) n; CREATE TABLE c AS TABLE b; CREATE TABLE d AS TABLE b`,
  )
  const config = await readerOf(db)
  const user = z.string().parse(config.user)
  await db.query(`ALTER ROLE ${user} CONNECTION LIMIT 2`)
  const plan = await planRun({
    connection: `isolation-${randomUUID().slice(0, 8)}`,
    source: { type: 'postgres', config },
    destination: db.address,
    schema: 'warehouse',
    log: logConfig('embedded'),
    mode: 'overwrite',
    limits: { parallelLanes: 3, partitionsPerStream: 2 },
  })
  const { result } = await runPlan(plan)
  expect(result.streams.map(({ status, loaded, error }) => ({ status, loaded, error }))).toEqual(
    [100_000, 10, 10, 10].map((loaded) => ({ status: 'complete', loaded, error: undefined })),
  )
  await db.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
})
