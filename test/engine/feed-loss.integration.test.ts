import { cp, rename } from 'node:fs/promises'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import type { TablePlan } from '../../engine/run-types.ts'
import { logConfig, planRun, runPlan, type LogName } from '../support/engine.ts'
import {
  onServer,
  type PostgresAddress,
  startPostgres,
  testDatabase,
  type TestDatabase,
} from '../support/postgres.ts'

async function feedPlan(
  shop: PostgresAddress,
  warehouse: TestDatabase,
  {
    log = 'embedded',
    ...more
  }: Partial<Pick<TablePlan, 'isContinuous'>> & {
    readonly log?: LogName
    readonly mode?: 'append' | 'append_dedup'
  } = {},
): Promise<TablePlan> {
  const plan = await planRun({
    connection: warehouse.address.database,
    source: {
      type: 'postgres',
      config: { ...shop, replication: 'cdc', slot: slotOf(warehouse) },
    },
    destination: warehouse.address,
    schema: 'copy',
    log: logConfig(log),
    mode: more.mode ?? 'append_dedup',
    syncMode: 'incremental',
    types: 'source',
    limits: { partitionsPerStream: 1 },
  })
  return { ...plan, ...more }
}

function slotOf(warehouse: TestDatabase): string {
  return `loss_${warehouse.address.database}`
}

const softly = (plan: TablePlan): TablePlan => ({
  ...plan,
  streams: plan.streams.map((stream) => ({ ...stream, deletes: 'soft' as const })),
})

async function loseSlot(shop: TestDatabase, warehouse: TestDatabase): Promise<void> {
  const slot = slotOf(warehouse)
  await expect
    .poll(() => shop.query('SELECT active FROM pg_replication_slots WHERE slot_name = $1', [slot]))
    .toEqual([{ active: false }])
  await shop.query('SELECT pg_drop_replication_slot($1)', [slot])
}

describe.each(['embedded', 'kafka block'] as const)('a lost slot, through the log %s', (log) => {
  test('rows that were deleted meanwhile are deleted when all were read again', async () => {
    await using shop = await testDatabase()
    await using warehouse = await testDatabase()
    await shop.query(`CREATE TABLE goods (id int PRIMARY KEY, note text);
      INSERT INTO goods SELECT n, 'first' FROM generate_series(1, 12000) n`)
    const plan = await feedPlan(shop.address, warehouse, { log })
    expect((await runPlan(plan)).result.status).toBe('complete')
    await loseSlot(shop, warehouse)
    await shop.query(`DELETE FROM goods WHERE id % 3 = 0; UPDATE goods SET note = 'x' WHERE id = 7`)
    const again = await runPlan(plan)
    expect(again.result.status).toBe('complete')
    expect(again.result.streams[0]?.warnings.join()).toContain('all rows are read again')
    expect(await textOf(warehouse.address, 'copy.goods')).toEqual(
      await textOf(shop.address, 'goods'),
    )
    // The feed goes on, and its changes win.
    await shop.query(
      `UPDATE goods SET note = 'later' WHERE id < 50; DELETE FROM goods WHERE id = 1`,
    )
    await runPlan(plan)
    expect(await textOf(warehouse.address, 'copy.goods')).toEqual(
      await textOf(shop.address, 'goods'),
    )
  })
})

describe('a lost slot', () => {
  test('with soft deletes, rows that are gone keep their values and get the time', async () => {
    await using shop = await testDatabase()
    await using warehouse = await testDatabase()
    await shop.query(`CREATE TABLE goods (id int PRIMARY KEY, note text);
      INSERT INTO goods SELECT n, 'note ' || n FROM generate_series(1, 10) n`)
    const plan = softly(await feedPlan(shop.address, warehouse))
    await runPlan(plan)
    await loseSlot(shop, warehouse)
    await shop.query('DELETE FROM goods WHERE id > 8')
    await runPlan(plan)
    expect(
      await warehouse.query(
        `SELECT id, note FROM copy.goods WHERE _ab_cdc_deleted_at IS NOT NULL ORDER BY id`,
      ),
    ).toEqual([
      { id: 9, note: 'note 9' },
      { id: 10, note: 'note 10' },
    ])
  })

  test('a server that was restored has lower positions, and its rows win', async () => {
    await using server = await startPostgres({ settings: { fsync: 'off' } })
    await using warehouse = await testDatabase()
    const { address } = server
    await onServer(
      address,
      'CREATE TABLE goods (id int PRIMARY KEY, note text)',
      `INSERT INTO goods SELECT n, 'first' FROM generate_series(1, 100) n`,
    )
    const plan = await feedPlan(address, warehouse)
    expect((await runPlan(plan)).result.status).toBe('complete')
    await server.stop()
    const backup = `${server.dataDir}-backup`
    await cp(server.dataDir, backup, { recursive: true, preserveTimestamps: true })
    await server.restart()
    await onServer(
      address,
      `INSERT INTO goods SELECT n, repeat('lost ', 100) FROM generate_series(101, 3000) n`,
      `UPDATE goods SET note = 'lost' WHERE id < 50`,
      'DELETE FROM goods WHERE id = 60',
    )
    await runPlan(plan)
    expect(await warehouse.query('SELECT count(*)::int AS n FROM copy.goods')).toEqual([
      { n: 2999 },
    ])
    // Restored to the moment of the backup.
    await server.stop()
    await rename(server.dataDir, `${server.dataDir}-lost`)
    await rename(backup, server.dataDir)
    await server.restart()
    await onServer(address, `UPDATE goods SET note = 'after' WHERE id = 1`)
    const restored = await runPlan(plan)
    expect(restored.result.streams[0]?.warnings.join()).toContain('it was restored')
    expect(await textOf(warehouse.address, 'copy.goods')).toBe(await textOf(address, 'goods'))
    await onServer(
      address,
      `UPDATE goods SET note = 'last' WHERE id < 10; DELETE FROM goods WHERE id = 11`,
    )
    await runPlan(plan)
    expect(await textOf(warehouse.address, 'copy.goods')).toBe(await textOf(address, 'goods'))
  })

  test('with append, a record without a key says that older rows are gone', async () => {
    await using shop = await testDatabase()
    await using warehouse = await testDatabase()
    await shop.query(`CREATE TABLE goods (id int PRIMARY KEY, note text);
      INSERT INTO goods VALUES (1, 'a'), (2, 'b')`)
    const plan = await feedPlan(shop.address, warehouse, { mode: 'append' })
    await runPlan(plan)
    await shop.query(`TRUNCATE goods; INSERT INTO goods VALUES (3, 'c')`)
    await runPlan(plan)
    const rows = await warehouse.query(
      `SELECT id, note, _ab_cdc_deleted_at IS NOT NULL AS deleted FROM copy.goods ORDER BY _ab_cdc_lsn, id`,
    )
    expect(rows).toEqual([
      { id: 1, note: 'a', deleted: false },
      { id: 2, note: 'b', deleted: false },
      { id: null, note: null, deleted: true },
      { id: 3, note: 'c', deleted: false },
    ])
  })
})

describe.each(['hard', 'soft'] as const)('TRUNCATE, with %s deletes', (deletes) => {
  test('removes the rows before it, and none after it', async () => {
    await using shop = await testDatabase()
    await using warehouse = await testDatabase()
    await shop.query(`
      CREATE TABLE goods (id int PRIMARY KEY, note text);
      CREATE TABLE parts (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
      CREATE TABLE parts_0 PARTITION OF parts FOR VALUES FROM (0) TO (100);
      CREATE TABLE parts_1 PARTITION OF parts DEFAULT;
      INSERT INTO goods SELECT n, 'first' FROM generate_series(1, 20) n;
      INSERT INTO parts SELECT n, 'first' FROM generate_series(90, 110) n`)
    const first = await feedPlan(shop.address, warehouse)
    const plan = deletes === 'soft' ? softly(first) : first
    await runPlan(plan)
    await shop.query(
      `UPDATE goods SET note = 'before' WHERE id = 3; INSERT INTO goods VALUES (30, 'x')`,
    )
    await shop.query('TRUNCATE goods, parts')
    await shop.query(
      `INSERT INTO goods VALUES (3, 'after'), (40, 'after'); INSERT INTO parts VALUES (95, 'y')`,
    )
    await shop.query(`BEGIN; TRUNCATE goods; ROLLBACK`)
    expect((await runPlan(plan)).result.status).toBe('complete')
    const live = (table: string): Promise<unknown> =>
      warehouse.query(
        `SELECT id, note FROM copy.${table} WHERE _ab_cdc_deleted_at IS NULL ORDER BY id`,
      )
    expect(await live('goods')).toEqual([
      { id: 3, note: 'after' },
      { id: 40, note: 'after' },
    ])
    expect(await live('parts')).toEqual([{ id: 95, note: 'y' }])
    const gone = await warehouse.query(
      `SELECT id, note FROM copy.goods WHERE _ab_cdc_deleted_at IS NOT NULL AND id IN (4, 30) ORDER BY id`,
    )
    expect(gone).toEqual(
      deletes === 'hard'
        ? []
        : [
            { id: 4, note: 'first' },
            { id: 30, note: 'x' },
          ],
    )
  })
})

/** The rows as one text. */
async function textOf(address: PostgresAddress, table: string): Promise<unknown> {
  const client = new pg.Client({ ...address, ssl: false })
  await client.connect()
  try {
    const { rows } = await client.query<{ all: string }>(
      `SELECT string_agg(id || ':' || note, ',' ORDER BY id) AS all FROM ${table}`,
    )
    return rows[0]?.all
  } finally {
    await client.end()
  }
}
