import { expect, test } from 'vitest'
import { openPostgresDestination } from '../../sinks/postgres/postgres-destination.ts'
import { openPostgresLane } from '../../sinks/postgres/load/postgres-lane.ts'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import { startPostgres, testDatabase, type TestPostgres } from '../support/postgres.ts'
import { begin, blockOf, commit, finish, load, openLane, sinkStream, someStart } from './loading.ts'
import { longTest, usually } from '../support/long.ts'

longTest(
  'after a crash of the server, exactly what was committed is there, and the sync goes on',
  async () => {
    await using server = await startPostgres()
    const place = { address: server.address }
    const sink = sinkStream({ id: 'integer' })
    await using destination = await openPostgresDestination(place)
    const begun = await destination.begin(sink, someStart)
    {
      await using lane = await openPostgresLane(place, begun, 0)
      await lane.setColumns(sink.columns)
      await lane.write(blockOf(sink.columns, [{ id: 1 }, { id: 2 }]))
      await commit(lane, 2, { complete: false })
      await lane.write(blockOf(sink.columns, [{ id: 3 }], { seq: 2 }))
      await lane.flush()
      await killAll(server)
      await expect(commit(lane, 3)).rejects.toMatchObject({ retryable: true })
    }
    await server.restart()
    const again = await destination.begin(sink, someStart)
    expect(again).toMatchObject({
      resumed: true,
      epoch: 2,
      slices: [{ seq: 2, state: { seq: 2 } }],
    })
    await using lane = await openPostgresLane(place, again, 0)
    await lane.setColumns(sink.columns)
    await lane.write(blockOf(sink.columns, [{ id: 3 }], { seq: 2 }))
    await commit(lane, 3)
    await destination.finish(again)
    expect(await destination.begin(sink, someStart)).toMatchObject({
      doneInRun: true,
      slices: [{ seq: 3 }],
    })
  },
)

test('a session that an administrator ends is a transient failure, and nothing was committed', async () => {
  await using db = await testDatabase()
  const begun = await begin(db, sinkStream({ id: 'integer' }))
  await using lane = await openLane(db, begun)
  await lane.write(blockOf(begun.sink.columns, [{ id: 1 }]))
  await db.query(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'reactor-connect'`,
  )
  await expect(commit(lane, 1)).rejects.toMatchObject({ code: 'destination_connection_lost' })
  expect(await db.query('SELECT * FROM things')).toEqual([])
})

test('timeouts and isolation that the database sets for others do not reach a lane', async () => {
  await using db = await testDatabase()
  const { database } = db.address
  await db.query(
    `ALTER DATABASE ${database} SET idle_session_timeout = '50ms'; ALTER DATABASE ${database} SET transaction_timeout = '50ms';
     ALTER DATABASE ${database} SET default_transaction_isolation = 'serializable'`,
  )
  const begun = await begin(db, sinkStream({ id: 'integer' }))
  await using lane = await openLane(db, begun)
  const show = `SELECT name, setting FROM pg_settings WHERE name IN ('idle_session_timeout', 'transaction_timeout', 'transaction_isolation') ORDER BY name`
  await using session = await DestinationSession.open({ address: db.address })
  expect(await session.rows(show)).toEqual([
    { name: 'idle_session_timeout', setting: '0' },
    { name: 'transaction_isolation', setting: 'read committed' },
    { name: 'transaction_timeout', setting: '0' },
  ])
  await session.rows('SELECT pg_sleep(0.1)')
  await lane.write(blockOf(begun.sink.columns, [{ id: 1 }]))
  await commit(lane, 1)
  expect(await session.rows('SELECT id::int FROM public.things')).toEqual([{ id: 1 }])
})

test('a lane that hangs inside of its transaction does not hold up the next attempt', async () => {
  await using db = await testDatabase()
  const begun = await begin(
    db,
    sinkStream({ id: 'integer' }, { mode: 'append_dedup', key: ['id'] }),
  )
  await using lane = await openLane(db, begun)
  await lane.write(blockOf(begun.sink.columns, [{ id: 1 }]))
  await lane.flush()
  // Alters the table, whose lock the hanging lane may hold.
  const wider = sinkStream({ id: 'string' }, { mode: 'append_dedup', key: ['id'] })
  const again = await begin(db, wider)
  await load(db, again, { records: [{ id: 'a' }] })
  await finish(db, again)
  await expect(commit(lane, 1)).rejects.toMatchObject({ code: 'fenced' })
  expect(await db.query('SELECT id FROM things')).toEqual([{ id: 'a' }])
})

test('a commit that fails before its end leaves rows, states and positions as they were', async () => {
  await using db = await testDatabase()
  const begun = await begin(db, sinkStream({ id: 'integer' }))
  await db.query(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' USING ERRCODE = '53100'; END $$;
     CREATE TRIGGER refuse BEFORE INSERT ON reactor_connect.positions FOR EACH ROW EXECUTE FUNCTION refuse()`,
  )
  await using lane = await openLane(db, begun)
  await lane.write(blockOf(begun.sink.columns, [{ id: 1 }]))
  await expect(commit(lane, 1)).rejects.toMatchObject({ code: 'destination_disk_full' })
  expect(await db.query('SELECT * FROM things')).toEqual([])
  expect(await db.query('SELECT * FROM reactor_connect.slices')).toEqual([])
  await db.query('DROP TRIGGER refuse ON reactor_connect.positions')
  await lane.rollback()
  await lane.write(blockOf(begun.sink.columns, [{ id: 1 }]))
  await commit(lane, 1)
  expect(await db.query('SELECT id FROM things')).toEqual([{ id: '1' }])
})

test.each(usually(1, ['append', 'append_dedup'] as const))(
  'a statement that was cancelled can be retried, and says why it was: %s',
  async (mode) => {
    await using db = await testDatabase()
    const begun = await begin(db, sinkStream({ id: 'integer' }, { mode, key: ['id'] }))
    await using holder = await DestinationSession.open({ address: db.address })
    await holder.run('BEGIN; LOCK TABLE things')
    const failed = expect(load(db, begun, { records: [{ id: 1 }] })).rejects.toMatchObject({
      code: 'destination_query_cancelled',
      message: expect.stringMatching(
        /for "public"\."things" \(SQLSTATE 57014\): .* due to user request$/,
      ) as unknown,
      retryable: true,
    })
    const cancel = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'reactor-connect' AND wait_event_type = 'Lock'`
    await expect.poll(() => db.query(cancel), { timeout: 10_000 }).toHaveLength(1)
    await failed
  },
)

longTest('a session that is given up while it waits for a lock leaves the queue', async () => {
  await using db = await testDatabase()
  await db.query('CREATE TABLE things (id int)')
  await using holder = await DestinationSession.open({ address: db.address })
  await holder.run('BEGIN; LOCK TABLE things')
  const waiting = await DestinationSession.open({ address: db.address })
  const writing = waiting.run('INSERT INTO things VALUES (1)')
  const queue = (): Promise<unknown> =>
    db.query(
      `SELECT FROM pg_locks WHERE relation = 'things'::regclass AND NOT granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    )
  await expect.poll(queue, { timeout: 5_000 }).toHaveLength(1)
  waiting.destroy()
  await expect(writing).rejects.toMatchObject({ code: 'destination_connection_lost' })
  await expect.poll(queue, { timeout: 15_000 }).toHaveLength(0)
})

/**
 * Also kills its sessions: the process of a session can still commit for a moment after the server's first
 * process was killed.
 */
async function killAll(server: TestPostgres): Promise<void> {
  await using session = await DestinationSession.open({ address: server.address })
  const others = await session.rows<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
  )
  await server.kill9()
  for (const { pid } of others) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      // ESRCH: the process has ended by itself.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
  }
}
