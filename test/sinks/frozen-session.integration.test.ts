import { expect, test } from 'vitest'
import { startRun } from '../../sinks/postgres/bookkeeping/runs.ts'
import { laneLockKey, markSession } from '../../sinks/postgres/bookkeeping/run-sessions.ts'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import {
  blockOf,
  commit,
  finish,
  keptCounts,
  load,
  openLane,
  sinkStream,
  withDestination,
} from './loading.ts'
import { longTest, usually } from '../support/long.ts'

const sink = sinkStream({ id: 'integer' }, { mode: 'overwrite' })
const { connection } = sink

/** The locks that an older start holds while its process is frozen in … */
const frozenIn: Readonly<Record<string, string>> = {
  begin: `SELECT pg_advisory_xact_lock(${laneLockKey(connection, { name: sink.stream.stream.name })});
    SELECT FROM reactor_connect.streams FOR UPDATE`,
  'the exchange': 'SELECT FROM reactor_connect.streams FOR UPDATE; LOCK TABLE things',
  savePlan: 'SELECT FROM reactor_connect.streams FOR UPDATE',
}

test.each(usually(1, Object.entries(frozenIn)))(
  'a process that is frozen in %s does not hold up the next run, and commits nothing when it wakes',
  async (_where, locks) => {
    await using db = await testDatabase()
    await withDestination(db, async (destination) => {
      const older = await destination.startRun(connection)
      await destination.begin(sink, older)
      await using frozen = await DestinationSession.open({ address: db.address })
      await markSession(frozen, connection, older.start)
      await frozen.run(`BEGIN; ${locks}`)
      // The frozen session never lets go of its locks: the load ends only if it does not wait for them.
      await loadWhole(db, sink)
      await expect(frozen.run('COMMIT')).rejects.toMatchObject({
        code: 'destination_connection_lost',
      })
    })
  },
)

longTest(
  'a process that is frozen in a commit does not hold up the run of another key',
  async () => {
    await using db = await testDatabase()
    await withDestination(db, async (destination) => {
      const older = await destination.startRun(connection, 'a')
      const begun = await destination.begin(sink, older)
      await load(db, begun, { records: [{ id: 1 }], complete: false })
      await using frozen = await DestinationSession.open({ address: db.address })
      await markSession(frozen, connection, older.start)
      await frozen.run('BEGIN; SELECT FROM reactor_connect.slices FOR UPDATE')
      const { untoldCounts } = await destination.begin(
        sink,
        await destination.startRun(connection, 'b'),
      )
      expect(untoldCounts).toEqual(keptCounts())
      await expect(frozen.run('COMMIT')).rejects.toMatchObject({
        code: 'destination_connection_lost',
      })
    })
  },
)

longTest(
  'a process that is frozen while it starts a run does not hold up the next one',
  async () => {
    await using db = await testDatabase()
    await withDestination(db, async (destination) => {
      await destination.startRun(connection)
      await using frozen = await DestinationSession.open({ address: db.address })
      const held = Promise.withResolvers<undefined>()
      const woken = Promise.withResolvers<undefined>()
      const starting = frozen.transaction(async () => {
        await frozen.run('SELECT FROM reactor_connect.runs FOR UPDATE')
        held.resolve(undefined)
        await woken.promise
      })
      const refused = expect(starting).rejects.toMatchObject({
        code: 'destination_connection_lost',
      })
      await held.promise
      await loadWhole(db, sink)
      woken.resolve(undefined)
      await refused
    })
  },
)

test('from the start of a newer run, nothing of an older one is accepted', async () => {
  await using db = await testDatabase()
  await withDestination(db, async (destination) => {
    const older = await destination.begin(sink, await destination.startRun(connection))
    await using lane = await openLane(db, older)
    await lane.write(blockOf(sink.columns, [{ id: 1 }]))
    await destination.startRun(connection)
    const fenced = { code: 'fenced' }
    await expect(commit(lane, 1)).rejects.toMatchObject(fenced)
    await expect(destination.savePlan(older, [])).rejects.toMatchObject(fenced)
    await expect(finish(db, older)).rejects.toMatchObject(fenced)
    await expect(openLane(db, older)).rejects.toMatchObject(fenced)
  })
})

longTest('a begin whose session a newer run ends, hears who took over', async () => {
  await using db = await testDatabase()
  await withDestination(db, async (destination) => {
    const older = await destination.startRun(connection)
    await destination.begin(sink, older)
    await using holder = await DestinationSession.open({ address: db.address })
    await holder.run('BEGIN; SELECT FROM reactor_connect.streams FOR UPDATE')
    const refused = expect(destination.begin(sink, older)).rejects.toMatchObject({
      code: 'fenced',
      message: expect.stringContaining('taken over by run run_7') as unknown,
    })
    await untilOneWaits(db)
    await destination.startRun(connection, 'run_7')
    await refused
  })
})

test('a reset waits for a commit of the stream, and forgets it', async () => {
  await using db = await testDatabase()
  await withDestination(db, async (destination) => {
    const begun = await destination.begin(sink, await destination.startRun(connection))
    await using lane = await openLane(db, begun)
    await lane.write(blockOf(sink.columns, [{ id: 1 }]))
    await commit(lane, 1)
    await using holder = await DestinationSession.open({ address: db.address })
    await holder.run(
      'BEGIN; UPDATE reactor_connect.streams SET planned = planned; UPDATE reactor_connect.slices SET seq = seq',
    )
    const forgotten = destination.forget(connection, 'all')
    await untilOneWaits(db)
    await holder.run('COMMIT')
    await forgotten
    expect(await db.query('SELECT FROM reactor_connect.slices')).toEqual([])
  })
})

longTest('a newer start whose locks the older one did not see fences its commits too', async () => {
  await using db = await testDatabase()
  await withDestination(db, async (destination) => {
    const older = await destination.begin(sink, await destination.startRun(connection))
    await using lane = await openLane(db, older)
    await lane.write(blockOf(sink.columns, [{ id: 1 }]))
    await using session = await DestinationSession.open({ address: db.address })
    // Without the end of the older one's sessions: those of another role cannot be ended.
    await startRun(session, connection)
    await expect(commit(lane, 1)).rejects.toMatchObject({ code: 'fenced' })
    expect(await db.query('SELECT FROM reactor_connect.slices')).toEqual([])
  })
})

test('runs of other connections are left alone', async () => {
  await using db = await testDatabase()
  await withDestination(db, async (destination) => {
    const other = sinkStream({ id: 'integer' }, { connection: 'other', name: 'others' })
    const begun = await destination.begin(other, await destination.startRun('other'))
    await using lane = await openLane(db, begun)
    await lane.write(blockOf(other.columns, [{ id: 1 }]))
    for (let again = 0; again < 3; again++) await destination.startRun(connection)
    expect(await commit(lane, 1)).toMatchObject({ loaded: 1 })
  })
})

longTest(
  'the server notices within half a minute that the machine of a session is gone',
  async () => {
    await using db = await testDatabase()
    await using session = await DestinationSession.open({ address: db.address })
    const settings = await session.rows(
      `SELECT current_setting('tcp_keepalives_idle') AS idle, current_setting('tcp_keepalives_interval') AS interval,
            current_setting('tcp_keepalives_count') AS count`,
    )
    expect(settings).toEqual([{ idle: '10', interval: '5', count: '4' }])
  },
)

/** A run of its own, as a process does that knows of no other. */
async function loadWhole(
  db: Awaited<ReturnType<typeof testDatabase>>,
  stream: SinkStream,
): Promise<void> {
  await withDestination(db, async (destination) => {
    const start = await destination.startRun(stream.connection)
    const sync = await destination.begin(stream, start)
    await load(db, sync, { records: [{ id: 2 }] })
    await destination.finish(sync)
  })
  expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 2 }])
}

/** For a lock. */
async function untilOneWaits(db: TestDatabase): Promise<void> {
  const waiting = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
  await expect.poll(() => db.query(waiting), { timeout: 10_000 }).toHaveLength(1)
}
