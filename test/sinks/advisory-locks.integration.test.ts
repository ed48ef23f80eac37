import { expect, test } from 'vitest'
import { lockForSession, lockForTransaction } from '../../sinks/postgres/advisory-locks.ts'
import { markSession } from '../../sinks/postgres/bookkeeping/run-sessions.ts'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import { testDatabase } from '../support/postgres.ts'
import { sinkStream, sync } from './loading.ts'
import { longTest, usually } from '../support/long.ts'

longTest(
  'a run does not wait for ever for a login that took its lock, and names the session',
  async () => {
    await using db = await testDatabase()
    const sink = sinkStream({ id: 'integer' })
    await sync(db, sink, [{ id: 1 }])
    await using intruder = await DestinationSession.open({ address: db.address })
    {
      await using marked = await DestinationSession.open({ address: db.address })
      await markSession(marked, sink.connection, 1)
      // As anybody reads it, who then waits until the session ends.
      const [seen] = await intruder.rows<{ key: string; pid: number }>(
        `SELECT ((classid::int8 << 32) | objid::int8)::text AS key, pg_backend_pid() AS pid
         FROM pg_locks JOIN pg_database d ON d.oid = database
        WHERE datname = current_database() AND locktype = 'advisory' AND objsubid = 1`,
      )
      const waiting = intruder.rows('SELECT pg_advisory_lock($1)', [seen?.key])
      await marked[Symbol.asyncDispose]()
      await waiting
    }
    const [{ pid } = { pid: 0 }] = await intruder.rows<{ pid: number }>(
      'SELECT pg_backend_pid() AS pid',
    )
    await expect(sync(db, sink, [{ id: 2 }])).rejects.toMatchObject({
      code: 'destination_lock_held',
      retryable: true,
      message: expect.stringMatching(
        `session ${pid} of user ${db.address.user} held the lock on connection test for more than`,
      ) as unknown,
      suggestedFix: expect.stringContaining(`pg_terminate_backend(${pid})`) as unknown,
    })
    await intruder.rows('SELECT pg_advisory_unlock_all()')
    await sync(db, sink, [{ id: 2 }])
    expect(await db.query('SELECT id::int FROM things ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }])
  },
)

test.each<[string, 'shared' | 'exclusive']>(
  usually(1, [
    ['-9223372036854775808', 'shared'],
    ['-1', 'exclusive'],
    ['4611686018427387905', 'exclusive'],
  ]),
)('a transaction waits as long as it may (%s, %s)', async (key, how) => {
  await using db = await testDatabase()
  await using holder = await DestinationSession.open({ address: db.address })
  await using waiter = await DestinationSession.open({ address: db.address })
  const lock = { keys: [key], subject: 'a thing', seconds: 1 }
  await lockForSession(holder, how, lock)
  const waited = waiter.transaction(() => lockForTransaction(waiter, lock))
  await expect(waited).rejects.toMatchObject({ code: 'destination_lock_held' })
  await expect(lockForSession(waiter, 'exclusive', lock)).rejects.toMatchObject({
    code: 'destination_lock_held',
  })
  await holder[Symbol.asyncDispose]()
  await waiter.transaction(() => lockForTransaction(waiter, lock))
})

test('a lock with two numbers is told from one with one, and the limit ends with the wait', async () => {
  await using db = await testDatabase()
  await using holder = await DestinationSession.open({ address: db.address })
  await using waiter = await DestinationSession.open({ address: db.address })
  const both = { keys: ['7', [1, 2]] as const, subject: 'a thing', seconds: 1 }
  await lockForSession(holder, 'exclusive', { ...both, keys: [[1, 2]] })
  await expect(lockForSession(waiter, 'shared', both)).rejects.toMatchObject({
    code: 'destination_lock_held',
  })
  await lockForSession(waiter, 'shared', { ...both, keys: ['4294967298'] })
  const shown = `SELECT current_setting('lock_timeout') AS limit`
  expect(await waiter.rows(shown)).toEqual([{ limit: '10min' }])
})
