import pg from 'pg'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { createRunMetrics } from '../../engine/metrics/run-metrics.ts'
import { runConnection } from '../../engine/run.ts'
import type { RunPlan, RunProgress, RunResult } from '../../engine/run-types.ts'
import { logConfig, planRun, runPlan, type LogName } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'

const mebibyte = 1024 * 1024
const rowBytes = 16 * 1024
const rows = 12_000
/**
 * All records are 188 MiB, several times what any queue may hold. The process grows by 75 MB while Kafka takes them and by 115 MB
 * until they are loaded (2026-11): threads, heaps and the client, whatever the number of records. A process that kept them would not fit.
 */
const grownBoundBytes = 0.75 * rows * rowBytes

const limits = { commitBytes: 4 * mebibyte, commitMs: 200, workerHeapMb: 64, parallelLanes: 1 }
/** What the embedded log has in flight at most, and a transaction and a block that may be on top of it. */
const embeddedBoundBytes = 32 * mebibyte + limits.commitBytes + 2 * mebibyte

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

/** A session that keeps every sink worker waiting in its COPY, as a long migration of the table would. */
async function lockTable(warehouse: TestDatabase): Promise<AsyncDisposable> {
  const client = new pg.Client({ connectionString: warehouse.url })
  await client.connect()
  await client.query('BEGIN; LOCK TABLE slow.users IN SHARE MODE')
  return { [Symbol.asyncDispose]: () => client.end() }
}

interface WatchedRun {
  readonly reports: RunProgress[]
  readonly result: Promise<RunResult>
  /** The largest resident set of this process that a report saw. */
  readonly peakRssBytes: () => number
}

function startRun(plan: RunPlan): WatchedRun {
  const reports: RunProgress[] = []
  let peakRssBytes = 0
  const ports = {
    logger: pino({ level: 'silent' }),
    metrics: createRunMetrics(new Registry()),
    now: Date.now,
    onProgress: (report: RunProgress) => {
      reports.push(report)
      peakRssBytes = Math.max(peakRssBytes, process.memoryUsage.rss())
    },
  }
  const result = runConnection(plan, ports, new AbortController().signal)
  return { reports, result, peakRssBytes: () => peakRssBytes }
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

async function expectAllLoaded(warehouse: TestDatabase, run: WatchedRun): Promise<void> {
  const result = await run.result
  expect(result.streams[0]).toMatchObject({ status: 'complete' })
  const [found] = await warehouse.query(
    'SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM slow.users',
  )
  expect(found).toEqual({ rows, ids: rows })
}

describe('a source that is much faster than its sink', () => {
  test('waits once the embedded log is full, and the run says for which stage', async () => {
    await using warehouse = await testDatabase()
    await runPlan(await planOf(warehouse, 'embedded', 100))
    const lock = await lockTable(warehouse)
    const run = startRun(await planOf(warehouse, 'embedded', rows))
    await expect.poll(() => standsStill(run.reports), { timeout: 30_000 }).toBe(true)
    const held = run.reports.at(-1)
    expect(bytesRead(held)).toBeGreaterThan(16 * mebibyte)
    expect(bytesRead(held)).toBeLessThan(embeddedBoundBytes)
    expect(held?.streams[0]).toMatchObject({ loaded: 0, bottleneck: 'copy' })
    await lock[Symbol.asyncDispose]()
    await expectAllLoaded(warehouse, run)
  }, 60_000)

  test('goes on into Kafka, and the process holds no more for it', async () => {
    await using warehouse = await testDatabase()
    await runPlan(await planOf(warehouse, 'kafka block', 100))
    const rssBefore = process.memoryUsage.rss()
    const lock = await lockTable(warehouse)
    const run = startRun(await planOf(warehouse, 'kafka block', rows))
    await expect
      .poll(() => run.reports.at(-1)?.streams[0]?.read, { timeout: 40_000 })
      .toBe(rows - 100)
    expect(run.reports.at(-1)?.streams[0]).toMatchObject({ loaded: 0 })
    expect(run.peakRssBytes() - rssBefore).toBeLessThan(grownBoundBytes)
    await lock[Symbol.asyncDispose]()
    await expectAllLoaded(warehouse, run)
    expect(run.peakRssBytes() - rssBefore).toBeLessThan(grownBoundBytes)
  }, 60_000)
})
