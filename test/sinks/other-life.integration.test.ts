import { expect, test } from 'vitest'
import { testDatabase } from '../support/postgres.ts'
import { blockOf, commit, finish, load, openLane, sinkStream, withDestination } from './loading.ts'

const sink = sinkStream({ id: 'integer' })
const replaced = { code: 'destination_replaced', retryable: false }

/**
 * The bookkeeping was created again while a process lived on, and another run reached the same numbers: start
 * 1, epoch 1. Only the random key of the attempt distinguishes the two.
 */
test('a process of an earlier destination has no part in one that was made again, although its numbers are the same', async () => {
  await using db = await testDatabase()
  await withDestination(db, async (destination) => {
    const start = await destination.startRun(sink.connection)
    const older = await destination.begin(sink, start)
    await db.query('DROP SCHEMA reactor_connect CASCADE; DROP TABLE things')
    await withDestination(db, async (other) => {
      const newStart = await other.startRun(sink.connection)
      const newer = await other.begin(sink, newStart)
      expect({ ...newStart, epoch: newer.epoch }).toEqual({ ...start, epoch: older.epoch })
      await expect(openLane(db, older)).rejects.toMatchObject(replaced)
      const slice = { slice: '', partition: 0, state: null }
      await expect(destination.savePlan(older, [slice])).rejects.toMatchObject(replaced)
      await expect(finish(db, older)).rejects.toMatchObject(replaced)
      await destination.leaveLog(older)
      expect(await db.query('SELECT attempt_keys FROM reactor_connect.streams')).toEqual([
        { attempt_keys: newer.attemptKeys },
      ])
      await load(db, newer, { records: [{ id: 2 }] })
      await other.finish(newer)
    })
  })
  expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 2 }])
})

test('a lane of an earlier destination cannot commit where another attempt has its numbers', async () => {
  await using db = await testDatabase()
  await withDestination(db, async (destination) => {
    const older = await destination.begin(sink, await destination.startRun(sink.connection))
    await using lane = await openLane(db, older)
    await lane.write(blockOf(sink.columns, [{ id: 1 }]))
    // A `begin` of the other attempt would wait for the lane, or end it: its row alone is put there.
    await db.query(`UPDATE reactor_connect.streams SET attempt = 'another'`)
    await expect(commit(lane, 1)).rejects.toMatchObject(replaced)
  })
  expect(await db.query('SELECT FROM things')).toEqual([])
})

test('an attempt whose log was left goes on to commit', async () => {
  await using db = await testDatabase()
  await withDestination(db, async (destination) => {
    const begun = await destination.begin(sink, await destination.startRun(sink.connection))
    await destination.leaveLog(begun)
    await load(db, begun, { records: [{ id: 1 }] })
    await destination.finish(begun)
  })
  expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 1 }])
})

test('a reset of a stream that is being loaded is told as one', async () => {
  await using db = await testDatabase()
  await withDestination(db, async (destination) => {
    const begun = await destination.begin(sink, await destination.startRun(sink.connection))
    await using lane = await openLane(db, begun)
    await lane.write(blockOf(sink.columns, [{ id: 1 }]))
    await destination.forget(sink.connection, 'all')
    await expect(commit(lane, 1)).rejects.toMatchObject({
      code: 'fenced',
      details: { by: 'a reset of the stream' },
    })
  })
})
