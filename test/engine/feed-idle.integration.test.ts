import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { parsePostgresConfig } from '../../connectors/postgres/config.ts'
import { watchSlot } from '../../connectors/postgres/cdc/slot-watch.ts'
import type { SourceLag } from '../../connectors/connector.ts'
import { SourceWatch } from '../../engine/run/source-watch.ts'
import { unreadMetrics } from '../../engine/metrics/run-metrics.ts'
import { ConnectError } from '../../protocol/index.ts'
import { planRun, runPlan } from '../support/engine.ts'
import { silent } from '../support/logger.ts'
import { onServer, startPostgres, testDatabase, type TestDatabase } from '../support/postgres.ts'
import pg from 'pg'

const megabyte = 2 ** 20

test('the log is freed while the tables of a feed are idle and another database writes', async () => {
  await using server = await startPostgres({
    settings: { fsync: 'off', max_wal_size: '64MB', min_wal_size: '32MB', wal_keep_size: '0' },
  })
  await using warehouse = await testDatabase()
  const { address } = server
  await onServer(
    address,
    'CREATE TABLE idle (id int PRIMARY KEY, note text)',
    `INSERT INTO idle VALUES (1, 'a')`,
    'CREATE DATABASE busy',
  )
  const plan = await planRun({
    connection: warehouse.address.database,
    source: { type: 'postgres', config: { ...address, replication: 'cdc', slot: 'idle' } },
    destination: warehouse.address,
    schema: 'copy',
    log: { kind: 'embedded' },
    mode: 'append_dedup',
    syncMode: 'incremental',
    limits: { partitionsPerStream: 1 },
  })
  const stop = new AbortController()
  const lags: SourceLag[] = []
  const run = runPlan({ ...plan, isContinuous: true }, stop.signal, ({ lag }) => {
    if (lag !== undefined && lags.at(-1) !== lag) lags.push(lag)
  })
  const busy = new pg.Client({ ...address, database: 'busy', ssl: false })
  busy.on('error', () => undefined)
  await busy.connect()
  await busy.query('CREATE TABLE filler (v text)')
  const [{ start } = { start: '0/0' }] = await rows(
    busy,
    'SELECT pg_current_wal_lsn()::text AS start',
  )
  for (let round = 0; round < 40; round += 1) {
    await busy.query(
      `INSERT INTO filler SELECT repeat(md5(n::text), 20) FROM generate_series(1, 20000) n`,
    )
    await busy.query('TRUNCATE filler')
    await sleep(100)
  }
  const [{ written } = { written: 0 }] = await rows(
    busy,
    `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '${String(start)}')::float8 AS written`,
  )
  expect(Number(written)).toBeGreaterThan(400 * megabyte)
  await expect
    .poll(
      async () => {
        await busy.query('CHECKPOINT')
        return walBytes(busy)
      },
      { timeout: 40_000, interval: 1_000 },
    )
    .toBeLessThan(200 * megabyte)
  // The slot passes what nothing of the feed is in.
  const [{ end } = { end: '0/0' }] = await rows(busy, 'SELECT pg_current_wal_lsn()::text AS end')
  await expect
    .poll(
      () =>
        rows(
          busy,
          `SELECT confirmed_flush_lsn >= '${String(end)}' AS passed FROM pg_replication_slots`,
        ),
      { timeout: 30_000 },
    )
    .toEqual([{ passed: true }])
  await busy.end()
  stop.abort()
  const { metrics } = await run
  expect(lags.length).toBeGreaterThan(3)
  expect(Math.max(...lags.map(({ seconds }) => seconds))).toBeLessThan(30)
  expect(metrics).toContain('reactor_connect_source_lag_bytes{connection=')
}, 120_000)

async function walBytes(client: pg.Client): Promise<number> {
  const [row] = await rows(client, 'SELECT sum(size)::float8 AS size FROM pg_ls_waldir()')
  return Number(row?.size)
}

async function rows(client: pg.Client, sql: string): Promise<Record<string, unknown>[]> {
  return (await client.query<Record<string, unknown>>(sql)).rows
}

async function slotBehind(db: TestDatabase): Promise<string> {
  const slot = db.address.database
  await db.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [slot])
  await db.query('CREATE TABLE filler (v text)')
  await db.query(
    'INSERT INTO filler SELECT repeat(md5(n::text), 20) FROM generate_series(1, 20000) n',
  )
  return slot
}

test.each(['stop', 'drop', 'warn'] as const)('a log beyond `max_slot_wal`: %s', async (how) => {
  await using db = await testDatabase()
  const slot = await slotBehind(db)
  const config = parsePostgresConfig({
    ...db.address,
    slot,
    replication: 'cdc',
    max_slot_wal: '5MB',
    at_max_slot_wal: how,
  })
  const lags: SourceLag[] = []
  const stop = new AbortController()
  const watching = watchSlot({
    config,
    logger: silent,
    onLag: (lag) => {
      lags.push(lag)
      if (lags.length > 20) stop.abort()
    },
    signal: stop.signal,
    lookMs: 20,
    patienceMs: 100,
  })
  if (how === 'warn') await watching
  else await expect(watching).rejects.toMatchObject({ code: 'source_wal_limit' })
  expect(lags[0]?.keptBytes).toBeGreaterThan(5 * megabyte)
  const left = await db.query('SELECT slot_name FROM pg_replication_slots WHERE slot_name = $1', [
    slot,
  ])
  expect(left).toHaveLength(how === 'drop' ? 0 : 1)
})

test('a run whose source must stop drains, and its streams have failed', async () => {
  const error = new ConnectError('source_wal_limit', {
    details: {
      host: 'h',
      port: 1,
      slot: 's',
      megabytes: 9,
      limit: '5MB',
      outcome: 'the slot stays',
    },
  })
  const signal = new AbortController().signal
  const session = { watch: () => Promise.reject(error) }
  await using watch = new SourceWatch(session, { connection: 'c', metrics: unreadMetrics, signal })
  await expect.poll(() => watch.signal.aborted).toBe(true)
  const stream = { name: 'goods' }
  const judged = watch.judge([{ ...emptyResult, stream, status: 'stopped' }])
  expect(judged).toMatchObject([{ status: 'failed', error: { code: 'source_wal_limit' } }])
})

const emptyResult = {
  read: 0,
  readAgain: 0,
  readBytes: 0,
  loaded: 0,
  rejected: 0,
  nulled: 0,
  cut: 0,
  syncId: 1,
  generationId: 0,
  resumed: false,
  tableNotes: [],
  seconds: 0,
  progressed: false,
  warnings: [],
}
