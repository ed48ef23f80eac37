import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { unreadMetrics } from '../../engine/metrics/run-metrics.ts'
import { runConnection } from '../../engine/run/run-connection.ts'
import { openWorkerThreads } from '../../engine/threads/worker-threads.ts'
import type { RunPlan, RunProgress, RunResult } from '../../engine/run-types.ts'
import { logConfig, planRun, runPlan, type LogName } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { silent as logger } from '../support/logger.ts'

const mebibyte = 1024 * 1024
const rowBytes = 16 * 1024
/** 94 and 375 MiB: many times what any queue may hold. */
const embeddedRows = 6_000
const kafkaRows = 24_000
/**
 * The process grows by 190 to 200 MB while Kafka takes the records, whether they are 188 or 470 MiB
 * (2026-11): threads, heaps and the client. One that kept them would not fit.
 */
const grownBoundBytes = 0.75 * kafkaRows * rowBytes

const limits = { commitBytes: 4 * mebibyte, commitMs: 200, parallelLanes: 1 }
/**
 * The most that the embedded log has in flight, plus a transaction and a block that may come on top of it.
 */
const embeddedBoundBytes = 8 * mebibyte + limits.commitBytes + 2 * mebibyte

async function planOf(warehouse: TestDatabase, log: LogName, count: number): Promise<RunPlan> {
  const stream = { name: 'users', rows: count, row_bytes: rowBytes, state_every: 20 }
  return planRun({
    connection: `slow-${warehouse.address.database}`,
    source: { type: 'faker', config: { seed: 3, streams: [stream] } },
    destination: warehouse.address,
    schema: 'slow',
    log: logConfig(log),
    mode: 'append',
    syncMode: 'incremental',
    limits,
  })
}

interface TableLock extends AsyncDisposable {
  release(): Promise<void>
}

/** A session that keeps every sink worker waiting in its COPY, as a long migration of the table would. */
async function lockTable(warehouse: TestDatabase): Promise<TableLock> {
  const client = new pg.Client({ connectionString: warehouse.url })
  await client.connect()
  await client.query('BEGIN; LOCK TABLE slow.users IN SHARE MODE')
  return {
    release: async () => {
      await client.query('ROLLBACK')
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}

interface WatchedRun extends AsyncDisposable {
  readonly reports: RunProgress[]
  readonly result: Promise<RunResult>
  /** The largest resident set of this process that a report saw. */
  readonly peakRssBytes: () => number
}

/** Disposing ends the run, also one that waits for the lock. */
function startRun(plan: RunPlan, lock: TableLock): WatchedRun {
  const reports: RunProgress[] = []
  let peakRssBytes = 0
  const threads = openWorkerThreads({ lanes: 1, heapMb: 64, logger })
  const ports = {
    logger,
    threads,
    metrics: unreadMetrics,
    now: Date.now,
    onProgress: (report: RunProgress) => {
      reports.push(report)
      peakRssBytes = Math.max(peakRssBytes, process.memoryUsage.rss())
    },
  }
  const stop = new AbortController()
  const result = runConnection(plan, ports, stop.signal).then((ended) => ended.result)
  return {
    reports,
    result,
    peakRssBytes: () => peakRssBytes,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await lock.release()
      await result
      await threads[Symbol.asyncDispose]()
    },
  }
}

function bytesRead(report: RunProgress | undefined): number {
  return report?.streams[0]?.readBytes ?? 0
}

/** Whether reading went on and has stood still for the last two seconds. */
function standsStill(reports: readonly RunProgress[]): boolean {
  const last = reports.slice(-8)
  const bytes = bytesRead(last[0])
  return last.length === 8 && bytes > 0 && last.every((report) => bytesRead(report) === bytes)
}

async function expectAllLoaded(warehouse: TestDatabase, rows: number): Promise<void> {
  const [found] = await warehouse.query(
    'SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM slow.users',
  )
  expect(found).toEqual({ rows, ids: rows })
}

describe('a source that is much faster than its sink', () => {
  test('waits once the embedded log is full, and the run says for which stage', async () => {
    await using warehouse = await testDatabase()
    await runPlan(await planOf(warehouse, 'embedded', 100))
    const plan = await planOf(warehouse, 'embedded', embeddedRows)
    await using lock = await lockTable(warehouse)
    await using run = startRun(plan, lock)
    await expect.poll(() => standsStill(run.reports), { timeout: 30_000 }).toBe(true)
    const held = run.reports.at(-1)
    expect(bytesRead(held)).toBeLessThan(embeddedBoundBytes)
    expect(held?.streams[0]).toMatchObject({ loaded: 0, bottleneck: 'copy' })
    await lock.release()
    const { status } = await run.result
    expect(status).toBe('complete')
    await expectAllLoaded(warehouse, embeddedRows)
  }, 120_000)

  test('goes on into Kafka, and the process holds no more for it', async () => {
    await using warehouse = await testDatabase()
    await runPlan(await planOf(warehouse, 'kafka block', 100))
    const plan = await planOf(warehouse, 'kafka block', kafkaRows)
    const rssBefore = process.memoryUsage.rss()
    await using lock = await lockTable(warehouse)
    await using run = startRun(plan, lock)
    await expect
      .poll(() => run.reports.at(-1)?.streams[0]?.read, { timeout: 90_000 })
      .toBe(kafkaRows - 100)
    expect(run.reports.at(-1)?.streams[0]).toMatchObject({ loaded: 0 })
    expect(run.peakRssBytes() - rssBefore).toBeLessThan(grownBoundBytes)
    await lock.release()
    const { status } = await run.result
    expect(status).toBe('complete')
    await expectAllLoaded(warehouse, kafkaRows)
  }, 120_000)
})
