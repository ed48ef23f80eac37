import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { RunPlan, StreamResult } from '../../engine/run-types.ts'
import {
  logConfig,
  planRun,
  runPlan,
  runPlanIn,
  sharedThreads,
  type LogName,
} from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { slowProxy, type SlowProxy } from '../support/slow-proxy.ts'
import { longTest, usually } from '../support/long.ts'

/** 10 MB at 1 MB a second: more than is read before a stop arrives. */
const rows = 2_000
const slowBytesPerSecond = 1_000_000
const loadedFirst = 10
const replaced: unknown = expect.stringContaining(
  'Table src.a is not the one of the last checkpoint',
)

interface Place extends AsyncDisposable {
  readonly db: TestDatabase
  readonly proxy: SlowProxy
  readonly plan: RunPlan
}

/** The source is read through a proxy. */
async function openPlace(log: LogName, ...tables: readonly string[]): Promise<Place> {
  await using parts = new AsyncDisposableStack()
  const db = parts.use(await testDatabase())
  await source(db, ...tables)
  const proxy = parts.use(await slowProxy(db.address.port))
  const plan = await planOf(db, log, proxy.port)
  const opened = parts.move()
  return { db, proxy, plan, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

function planOf(db: TestDatabase, log: LogName, port: number): Promise<RunPlan> {
  const source = { ...db.address, port, schemas: ['src'], state_rows: 20 }
  return planRun({
    connection: `untold-${randomUUID().slice(0, 8)}`,
    source: { type: 'postgres', config: source },
    destination: db.address,
    schema: 'dest',
    log: logConfig(log),
    mode: 'append_dedup',
    syncMode: 'incremental',
    cursor: 'u',
    limits: { partitionsPerStream: 1 },
  })
}

/**
 * `stopped`: as soon as rows of stream a are loaded. `untold`: as if the process were killed before it could
 * print the result.
 */
async function runTo(
  plan: RunPlan,
  status: StreamResult['status'],
  then: 'told' | 'untold' = 'told',
): Promise<StreamResult> {
  const stop = new AbortController()
  const { result } = await runPlanIn(sharedThreads(), plan, {
    signal: stop.signal,
    isReported: then === 'told',
    onProgress: ({ streams }) => {
      const a = streams.find(({ stream: { name } }) => name === 'a')
      if (status === 'stopped' && a !== undefined && a.loaded > 0) stop.abort()
    },
  })
  const stream = result.streams.find(({ stream: { name } }) => name === 'a')
  if (stream?.status !== status) throw new Error(`stream a is ${JSON.stringify(stream)}`)
  return stream
}

/**
 * Loads the table of the source, replaces it by another one with more rows, and stops in the middle of these.
 * Resolves with the rows that were loaded until then.
 */
async function stopInReplaced(
  { db, proxy, plan }: Place,
  then: 'told' | 'untold',
): Promise<number> {
  await runTo(plan, 'complete')
  await db.query(
    `CREATE TABLE src.next (LIKE src.a INCLUDING ALL); INSERT INTO src.next SELECT * FROM src.a;
     DROP TABLE src.a; ALTER TABLE src.next RENAME TO a;
     INSERT INTO src.a SELECT n, repeat(n::text, 5000 / length(n::text)) FROM generate_series(${String(loadedFirst + 1)}, ${String(rows)}) n`,
  )
  await db.query(
    `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END';
     CREATE TRIGGER wait BEFORE INSERT ON dest.a FOR EACH ROW WHEN (new.u % 20 = 0) EXECUTE FUNCTION wait()`,
  )
  const slow = { ...plan, limits: { ...plan.limits, commitBytes: 1 } }
  proxy.bytesPerSecond = slowBytesPerSecond
  const stopped = await runTo(slow, 'stopped', then)
  proxy.bytesPerSecond = Infinity
  await db.query('DROP TRIGGER wait ON dest.a')
  expect(stopped.warnings).toEqual([replaced])
  expect(stopped.loaded).toBeGreaterThan(0)
  return stopped.loaded
}

async function source(db: TestDatabase, ...tables: readonly string[]): Promise<void> {
  await db.query('CREATE SCHEMA src')
  for (const table of tables)
    await db.query(
      `CREATE TABLE src.${table} (u int PRIMARY KEY, body text);
       INSERT INTO src.${table} SELECT n, n::text FROM generate_series(1, ${String(loadedFirst)}) n`,
    )
}

const logs = ['embedded', 'kafka block'] as const

// Concurrent: a run waits for its slow table most of the time.
test.concurrent.each(usually(1, logs))(
  'a run that cannot begin a stream tells what earlier starts left untold, and only it does: %s log',
  { timeout: 120_000 },
  async (log) => {
    await using place = await openPlace(log, 'a')
    const { db, plan } = place
    const loaded = await stopInReplaced(place, 'untold')
    await db.query('CREATE TABLE dest.child () INHERITS (dest.a)')
    expect(await runTo(plan, 'failed')).toMatchObject({
      error: { code: 'destination_table_inherited' },
      warnings: [replaced],
      loaded: 0,
      before: { loaded },
    })
    await db.query('DROP TABLE dest.child')
    const last = await runTo(plan, 'complete')
    expect(last).toMatchObject({ warnings: [], before: { loaded: 0 } })
    expect(loadedFirst + loaded + last.loaded).toBe(rows)
    expect(await db.query('SELECT count(*)::int AS n FROM dest.a')).toEqual([{ n: rows }])
  },
)

longTest.concurrent.each(logs)(
  'a run without a stream leaves what is untold of it to the next one that has it: %s log',
  { timeout: 120_000 },
  async (log) => {
    await using place = await openPlace(log, 'a', 'b')
    const { plan } = place
    const loaded = await stopInReplaced(place, 'untold')
    const onlyB = plan.streams.filter(({ stream }) => stream.stream.name === 'b')
    const { result } = await runPlan({ ...plan, streams: onlyB })
    expect(result).toMatchObject({ status: 'complete', streams: [{ warnings: [] }] })
    const next = await runTo(plan, 'complete')
    expect(next).toMatchObject({ warnings: [replaced], before: { loaded } })
    expect(loadedFirst + loaded + next.loaded).toBe(rows)
    expect(await runTo(plan, 'complete')).toMatchObject({ warnings: [], before: { loaded: 0 } })
  },
)

test.concurrent(
  'what a stopped run told is not told again by the next one, which continues it',
  { timeout: 120_000 },
  async () => {
    await using place = await openPlace('embedded', 'a')
    const { db, plan } = place
    const loaded = await stopInReplaced(place, 'told')
    const last = await runTo(plan, 'complete')
    expect(last).toMatchObject({ warnings: [], before: { loaded: 0 } })
    expect(loadedFirst + loaded + last.loaded).toBe(rows)
    expect(await db.query('SELECT count(*)::int AS n FROM dest.a')).toEqual([{ n: rows }])
    expect(await runTo(plan, 'complete')).toMatchObject({ loaded: 0, before: { loaded: 0 } })
  },
)
