import { expect, test } from 'vitest'
import { laneLockKey } from '../../sinks/postgres/bookkeeping/run-sessions.ts'
import type { StreamSync } from '../../sinks/sink.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { begin, blockOf, commit, openLane, sinkStream, withDestination } from './loading.ts'

/** The sessions of the sink: the test's own ones have no bookkeeping lock. */
async function sessions(db: TestDatabase): Promise<readonly unknown[]> {
  const rows = await db.query(
    `SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  )
  return rows.map(({ pid }) => pid)
}

test('calls of a destination use a session again, and another one if the server has ended it', async () => {
  await using db = await testDatabase()
  const start = { run: 1, start: 0, hasKey: false }
  await withDestination(db, async (destination) => {
    const things = await destination.begin(sinkStream({ id: 'integer' }), start)
    const [first, ...others] = await sessions(db)
    expect([first, others]).toEqual([expect.any(Number), []])
    await destination.begin(sinkStream({ id: 'integer' }, { name: 'others' }), start)
    expect(await sessions(db)).toEqual([first])
    await db.query('SELECT pg_terminate_backend($1, 10000)', [first])
    await destination.savePlan(things, [{ slice: '', partition: 0, state: null }])
    const [next, ...more] = await sessions(db)
    expect([next, more]).toEqual([expect.any(Number), []])
    expect(next).not.toBe(first)
  })
  expect(await sessions(db)).toEqual([])
})

test('a session that another start marked is not used', async () => {
  await using db = await testDatabase()
  await withDestination(db, async (destination) => {
    const sink = sinkStream({ id: 'integer' })
    const run = await destination.startRun(sink.connection)
    await destination.begin(sink, run)
    const before = await sessions(db)
    await destination.begin(sink, await destination.startRun(sink.connection))
    expect(await sessions(db)).not.toEqual(expect.arrayContaining([...before]))
  })
})

test('a lane leaves neither its lock nor its staging table to the next one of its session', async () => {
  await using db = await testDatabase()
  const dedup = { mode: 'append_dedup', key: ['id'] } as const
  const pids: unknown[] = []
  // Both begin first: a session is idle for 2 s at most.
  const syncs: StreamSync[] = []
  for (const name of ['things', 'others'])
    syncs.push(await begin(db, sinkStream({ id: 'integer' }, { ...dedup, name })))
  for (const sync of syncs) {
    const { sink } = sync
    await using lane = await openLane(db, sync)
    await lane.write(blockOf(sink.columns, [{ id: 1 }]))
    await commit(lane, 1)
    const [row] = await db.query(
      `SELECT pid, count(*) OVER ()::int AS lanes FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND objsubid = 1
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND ((classid::bigint << 32) | objid::bigint) IN ($1, $2)`,
      ['things', 'others'].map((stream) => laneLockKey(sink.connection, { name: stream })),
    )
    expect(row?.lanes).toBe(1)
    pids.push(row?.pid)
  }
  expect(pids[0]).toBe(pids[1])
  expect(await db.query(`SELECT relname FROM pg_class WHERE relname = '_reactor_staging'`)).toEqual(
    [],
  )
  expect(await db.query('SELECT id::int FROM others')).toEqual([{ id: 1 }])
})
