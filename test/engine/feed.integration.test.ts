import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { RunPlan } from '../../engine/run-types.ts'
import { logConfig, planRun, runPlan, type EngineRun, type LogName } from '../support/engine.ts'
import { startEngine } from '../support/engine-process.ts'
import { newFolder } from '../support/new-folder.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'

const logs: readonly LogName[] = ['embedded', 'kafka block']

/** All tables of the shop, by their keys, over one slot. */
async function feedPlan(
  shop: TestDatabase,
  warehouse: TestDatabase,
  log: LogName,
): Promise<RunPlan> {
  return planRun({
    connection: shop.address.database,
    source: {
      type: 'postgres',
      config: { ...shop.address, replication: 'cdc', slot: shop.address.database },
    },
    destination: warehouse.address,
    schema: 'copy',
    log: logConfig(log),
    mode: 'append_dedup',
    syncMode: 'incremental',
    types: 'source',
    limits: { partitionsPerStream: 1 },
  })
}

async function createTables(shop: TestDatabase, tables: number, rows: number): Promise<void> {
  for (let table = 0; table < tables; table += 1) {
    const name = `t${String(table)}`
    await shop.query(`CREATE TABLE ${name} (id int PRIMARY KEY, note text)`)
    await shop.query(
      `INSERT INTO ${name} SELECT n, 'first' FROM generate_series(1, ${String(rows)}) n`,
    )
  }
}

/** The rows of both sides as one text each. */
async function contents(db: TestDatabase, schema: string, table: string): Promise<unknown> {
  const sql = `SELECT string_agg(id || ':' || coalesce(note, ''), ',' ORDER BY id) AS rows FROM ${schema}.${table}`
  return (await db.query(sql))[0]?.rows
}

async function expectSame(
  shop: TestDatabase,
  warehouse: TestDatabase,
  tables: readonly string[],
): Promise<void> {
  for (const table of tables)
    expect([table, await contents(warehouse, 'copy', table)]).toEqual([
      table,
      await contents(shop, 'public', table),
    ])
}

/** Resolves when both sides are equal, and throws if they are not in time. */
async function untilSame(
  shop: TestDatabase,
  warehouse: TestDatabase,
  tables: readonly string[],
): Promise<number> {
  const started = performance.now()
  await expect
    .poll(
      async () =>
        expectSame(shop, warehouse, tables).then(
          () => 'same',
          () => 'other',
        ),
      {
        timeout: 25_000,
        interval: 20,
      },
    )
    .toBe('same')
  return performance.now() - started
}

/** A continuous run, and how it is stopped. */
function start(plan: RunPlan): { readonly stop: () => Promise<EngineRun> } {
  const stop = new AbortController()
  const limits = { ...plan.limits, commitMs: 100 }
  const run = runPlan({ ...plan, limits, isContinuous: true }, stop.signal)
  return {
    stop: () => {
      stop.abort()
      return run
    },
  }
}

async function confirmedLsn(shop: TestDatabase): Promise<unknown> {
  const sql = `SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = $1`
  return (await shop.query(sql, [shop.address.database]))[0]?.lsn
}

describe.each(logs)('a feed through the log %s', (log) => {
  test('inserts, updates and deletes arrive in batch runs and in a continuous run', async () => {
    await using shop = await testDatabase()
    await using warehouse = await testDatabase()
    await createTables(shop, 3, 100)
    const tables = ['t0', 't1', 't2']
    const plan = await feedPlan(shop, warehouse, log)
    const first = await runPlan(plan)
    expect(first.log).toEqual([])
    expect(first.result).toMatchObject({ status: 'complete' })
    await expectSame(shop, warehouse, tables)
    const confirmed = await confirmedLsn(shop)

    await shop.query(`INSERT INTO t0 VALUES (1000, 'new')`)
    await shop.query(`UPDATE t1 SET note = 'changed' WHERE id = 7`)
    await shop.query(`DELETE FROM t2 WHERE id < 50`)
    expect((await runPlan(plan)).result).toMatchObject({ status: 'complete' })
    await expectSame(shop, warehouse, tables)
    expect(await confirmedLsn(shop)).not.toBe(confirmed)

    const running = start(plan)
    await shop.query(`INSERT INTO t0 SELECT n, 'more' FROM generate_series(2000, 2100) n`)
    await untilSame(shop, warehouse, tables)
    await shop.query(`DELETE FROM t0 WHERE id > 2050; UPDATE t2 SET note = 'last' WHERE id = 60`)
    expect(await untilSame(shop, warehouse, tables)).toBeLessThan(5_000)
    const { result, log: lines } = await running.stop()
    expect(lines).toEqual([])
    expect(result).toMatchObject({ status: 'stopped' })
    expect(result.streams.map(({ status }) => status)).toEqual(['stopped', 'stopped', 'stopped'])
    // The next run goes on there.
    await shop.query(`DELETE FROM t1`)
    await runPlan(plan)
    await expectSame(shop, warehouse, tables)
  })
})

describe('a feed of many streams', () => {
  test('two threads and a few sessions serve 60 of them', async () => {
    await using shop = await testDatabase()
    await using warehouse = await testDatabase()
    await createTables(shop, 60, 3)
    const tables = Array.from({ length: 60 }, (_, index) => `t${String(index)}`)
    const plan = await feedPlan(shop, warehouse, 'embedded')
    let sessions = 0
    const watch = setInterval(() => {
      void warehouse
        .query(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database()`)
        .then(([row]) => {
          sessions = Math.max(sessions, Number(row?.n))
        })
    }, 200)
    const running = start(plan)
    const touch = tables.map((name) => `UPDATE ${name} SET note = 'changed' WHERE id = 2;`)
    await untilSame(shop, warehouse, tables)
    // Also in one transaction: more streams than sessions wait for its end.
    await shop.query(touch.join(' '))
    await untilSame(shop, warehouse, tables)
    clearInterval(watch)
    const { result, log } = await running.stop()
    expect(log).toEqual([])
    expect(result.status).toBe('stopped')
    expect(sessions).toBeLessThan(40)
  })

  test('a stream that fails is tried again alone, and the others go on', async () => {
    await using shop = await testDatabase()
    await using warehouse = await testDatabase()
    await createTables(shop, 3, 10)
    const tables = ['t0', 't1', 't2']
    const plan = await feedPlan(shop, warehouse, 'embedded')
    const running = start(plan)
    await untilSame(shop, warehouse, tables)
    // Sessions at the destination are lost in the middle.
    for (let id = 200; id < 204; id += 1) {
      await shop.query(
        `INSERT INTO t0 VALUES (${String(id)}, 'x'); UPDATE t2 SET note = '${String(id)}' WHERE id = 3`,
      )
      await warehouse.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      )
    }
    await untilSame(shop, warehouse, tables)
    // The table of one stream is away.
    await warehouse.query(`ALTER TABLE copy.t1 RENAME TO hidden`)
    await shop.query(`INSERT INTO t1 VALUES (100, 'later'); INSERT INTO t0 VALUES (100, 'now')`)
    await untilSame(shop, warehouse, ['t0', 't2'])
    await warehouse.query(`ALTER TABLE copy.hidden RENAME TO t1`)
    await untilSame(shop, warehouse, tables)
    const { result } = await running.stop()
    expect(result.status).toBe('stopped')
    await shop.query('DELETE FROM t1 WHERE id < 5')
    expect((await runPlan(plan)).result.status).toBe('complete')
    await expectSame(shop, warehouse, tables)
  })

  test('a source without a feed refuses a continuous run', async () => {
    await using warehouse = await testDatabase()
    const plan = await planRun({
      connection: 'shop',
      source: { type: 'faker', config: { streams: [{ name: 'items', rows: 10 }] } },
      destination: warehouse.address,
      schema: 'copy',
      log: { kind: 'embedded' },
      mode: 'append',
    })
    await expect(runPlan({ ...plan, isContinuous: true })).rejects.toMatchObject({
      code: 'stream_mode_unsupported',
    })
  })
})

describe('the process of a continuous run', () => {
  test('a run that is killed goes on where it was, and SIGTERM ends it with 0', async () => {
    await using shop = await testDatabase()
    await using warehouse = await testDatabase()
    await createTables(shop, 2, 500)
    const file = join(await newFolder('feed'), 'run.yaml')
    await writeFile(file, runFile(shop, warehouse))
    const killed = startEngine(file)
    await untilSame(shop, warehouse, ['t0', 't1'])
    for (let round = 0; round < 20; round += 1) {
      await shop.query(
        `INSERT INTO t0 SELECT n, 'x' FROM generate_series(${String(1000 + round * 50)}, ${String(1049 + round * 50)}) n;
         UPDATE t1 SET note = '${String(round)}' WHERE id % 7 = 0; DELETE FROM t1 WHERE id = ${String(round)}`,
      )
      if (round === 12) killed.kill('SIGKILL')
    }
    await once(killed, 'exit')
    const next = startEngine(file)
    await untilSame(shop, warehouse, ['t0', 't1'])
    next.kill('SIGTERM')
    expect(await once(next, 'exit')).toEqual([0, null])
    await expectSame(shop, warehouse, ['t0', 't1'])
  })
})

function runFile(shop: TestDatabase, warehouse: TestDatabase): string {
  return JSON.stringify({
    connection: shop.address.database,
    source: {
      type: 'postgres',
      config: { ...shop.address, replication: 'cdc', slot: shop.address.database },
    },
    destination: { type: 'postgres', config: { ...warehouse.address, schema: 'copy' } },
    continuous: true,
    defaults: { sync_mode: 'incremental', destination_sync_mode: 'append_dedup' },
  })
}
