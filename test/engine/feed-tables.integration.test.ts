import { expect, test } from 'vitest'
import type { TablePlan } from '../../engine/run-types.ts'
import { planRun, runPlanIn, sharedThreads, type EngineRun } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'

async function feedPlan(shop: TestDatabase, warehouse: TestDatabase): Promise<TablePlan> {
  const plan = await planRun({
    connection: shop.address.database,
    source: {
      type: 'postgres',
      config: { ...shop.address, replication: 'cdc', slot: shop.address.database },
    },
    destination: warehouse.address,
    schema: 'copy',
    log: { kind: 'embedded' },
    mode: 'append_dedup',
    syncMode: 'incremental',
    types: 'source',
    limits: { partitionsPerStream: 1, commitMs: 100, newStreamsMs: 500 },
  })
  return { ...plan, isContinuous: true }
}

/** A continuous run that plans its streams again when the source changes. */
async function begin(
  shop: TestDatabase,
  warehouse: TestDatabase,
): Promise<{ readonly stop: () => Promise<EngineRun> }> {
  const stop = new AbortController()
  const run = runPlanIn(sharedThreads(), await feedPlan(shop, warehouse), {
    signal: stop.signal,
    replan: async () => (await feedPlan(shop, warehouse)).streams,
  })
  return {
    stop: () => {
      stop.abort()
      return run
    },
  }
}

/** The rows of a table, with the columns of the source. */
async function rowsOf(db: TestDatabase, schema: string, table: string): Promise<unknown> {
  try {
    const rows = await db.query(`SELECT to_jsonb(t) AS row FROM ${schema}.${table} t ORDER BY id`)
    return rows.map(({ row }) =>
      Object.fromEntries(
        Object.entries(row as object)
          .filter(([name]) => !name.startsWith('_a'))
          .toSorted(),
      ),
    )
  } catch {
    return 'no table'
  }
}

const patiently = { timeout: 20_000, interval: 50 }

async function untilSame(
  shop: TestDatabase,
  warehouse: TestDatabase,
  ...tables: string[]
): Promise<void> {
  for (const table of tables) {
    await expect
      .poll(async () => [table, await rowsOf(warehouse, 'copy', table)], patiently)
      .toEqual([table, await rowsOf(shop, 'public', table)])
  }
}

test('columns that are added, with their values in older rows, reach the table while the run goes on', async () => {
  await using shop = await testDatabase()
  await using warehouse = await testDatabase()
  await shop.query(`CREATE TABLE goods (id int PRIMARY KEY, note text);
    CREATE TABLE other (id int PRIMARY KEY, note text);
    INSERT INTO goods SELECT n, 'first' FROM generate_series(1, 20) n`)
  const run = await begin(shop, warehouse)
  await untilSame(shop, warehouse, 'goods', 'other')
  // No default: only later rows have it.
  await shop.query(`ALTER TABLE goods ADD plain int; UPDATE goods SET plain = 7 WHERE id = 1`)
  await untilSame(shop, warehouse, 'goods')
  // The values of the older rows are never in the log.
  await shop.query(
    `ALTER TABLE goods ADD fixed text DEFAULT 'as it was', ADD random float8 DEFAULT random()`,
  )
  await shop.query(
    `ALTER TABLE goods ALTER fixed SET DEFAULT 'later'; INSERT INTO goods (id) VALUES (100)`,
  )
  await shop.query(`INSERT INTO other VALUES (1, 'meanwhile')`)
  await untilSame(shop, warehouse, 'other', 'goods')
  // In one transaction, and with a rewrite of the values.
  await shop.query(
    `BEGIN; UPDATE goods SET plain = 1; ALTER TABLE goods ALTER plain TYPE text USING 'n' || plain; DELETE FROM goods WHERE id = 3; COMMIT`,
  )
  await shop.query(`UPDATE goods SET note = 'x' WHERE id = 5`)
  await untilSame(shop, warehouse, 'goods')
  const { result } = await run.stop()
  expect(result.streams.map(({ status }) => status)).toEqual(['stopped', 'stopped'])
}, 60_000)

test('a column that is dropped or renamed, and tables that are new or dropped', async () => {
  await using shop = await testDatabase()
  await using warehouse = await testDatabase()
  await shop.query(`CREATE TABLE goods (id int PRIMARY KEY, note text, size int);
    CREATE TABLE gone (id int PRIMARY KEY);
    INSERT INTO goods SELECT n, 'first', n FROM generate_series(1, 20) n`)
  const run = await begin(shop, warehouse)
  await untilSame(shop, warehouse, 'goods', 'gone')
  await shop.query(`ALTER TABLE goods DROP size; UPDATE goods SET note = 'small' WHERE id = 2`)
  await expect
    .poll(() => warehouse.query(`SELECT note, size FROM copy.goods WHERE id = 2`), patiently)
    .toEqual([{ note: 'small', size: 2 }])
  await shop.query(`DROP TABLE gone; CREATE TABLE fresh (id int PRIMARY KEY, v text);
    INSERT INTO fresh SELECT n, 'v' || n FROM generate_series(1, 500) n`)
  await untilSame(shop, warehouse, 'fresh')
  await shop.query(`UPDATE fresh SET v = 'changed' WHERE id < 9; DELETE FROM fresh WHERE id = 10`)
  await shop.query(`INSERT INTO goods VALUES (50, 'new')`)
  await untilSame(shop, warehouse, 'fresh')
  await expect
    .poll(() => warehouse.query(`SELECT note FROM copy.goods WHERE id = 50`), patiently)
    .toEqual([{ note: 'new' }])
  // The slot goes on although one of its tables is gone.
  const confirmed = async (): Promise<unknown> =>
    (
      await shop.query(
        `SELECT confirmed_flush_lsn > $1::pg_lsn AS passed FROM pg_replication_slots WHERE slot_name = $2`,
        [lsn, shop.address.database],
      )
    )[0]?.passed
  const [{ lsn } = {}] = await shop.query('SELECT pg_current_wal_lsn()::text AS lsn')
  await expect.poll(confirmed, patiently).toBe(true)
  await run.stop()
}, 60_000)

test('a slot that is lost while the run goes on is made again, and the rows are read again', async () => {
  await using shop = await testDatabase()
  await using warehouse = await testDatabase()
  await shop.query(`CREATE TABLE goods (id int PRIMARY KEY, note text);
    INSERT INTO goods SELECT n, 'first' FROM generate_series(1, 20) n`)
  const run = await begin(shop, warehouse)
  await untilSame(shop, warehouse, 'goods')
  await shop.query(`BEGIN; DELETE FROM goods WHERE id = 5;
    SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE slot_name = current_database(); ROLLBACK`)
  await shop.query(
    `DO $$ BEGIN
       FOR attempt IN 1..200 LOOP
         PERFORM pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE slot_name = current_database() AND active_pid IS NOT NULL;
         BEGIN PERFORM pg_drop_replication_slot(current_database()); EXIT; EXCEPTION WHEN object_in_use THEN NULL; END;
       END LOOP; END $$`,
  )
  await shop.query(`DELETE FROM goods WHERE id = 7; INSERT INTO goods VALUES (70, 'x')`)
  await untilSame(shop, warehouse, 'goods')
  await shop.query(`UPDATE goods SET note = 'last'`)
  await untilSame(shop, warehouse, 'goods')
  await run.stop()
}, 60_000)
