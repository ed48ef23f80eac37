import { expect, test } from 'vitest'
import { quoteTable } from '../../sinks/postgres/tables/identifiers.ts'
import { streamTarget } from '../../sinks/postgres/tables/stream-target.ts'
import { planRun, runPlan } from '../support/engine.ts'
import { testDatabase } from '../support/postgres.ts'
import { blockOf, commit, finish, load, openLane, sinkStream, withDestination } from './loading.ts'
import { longTest, usually } from '../support/long.ts'

test.each(usually(1, ['append', 'append_dedup'] as const))(
  'a table that is dropped while a lane loads it is named, and the failure can be retried: %s',
  async (mode) => {
    await using db = await testDatabase()
    const sink = sinkStream({ id: 'integer' }, { mode, key: ['id'] })
    await withDestination(db, async (destination) => {
      const begun = await destination.begin(sink, await destination.startRun(sink.connection))
      await using lane = await openLane(db, begun)
      await db.query('DROP TABLE things')
      const loading = async (): Promise<unknown> => {
        await lane.write(blockOf(sink.columns, [{ id: 1 }]))
        return await commit(lane, 1)
      }
      const gone = {
        code: 'destination_table_gone',
        message: expect.stringMatching(/^"public"\."things" in .* is gone/) as unknown,
        retryable: true,
      }
      await expect(loading()).rejects.toMatchObject(gone)
      await expect(openLane(db, begun)).rejects.toMatchObject(gone)
    })
  },
)

test('a staged generation that is dropped is named', async () => {
  await using db = await testDatabase()
  const sink = sinkStream({ id: 'integer' }, { mode: 'overwrite' })
  await withDestination(db, async (destination) => {
    const begun = await destination.begin(sink, await destination.startRun(sink.connection))
    await load(db, begun, { records: [{ id: 1 }] })
    const stage = quoteTable(streamTarget(sink, undefined).stage)
    await db.query(`DROP TABLE ${stage}`)
    await expect(finish(db, begun)).rejects.toMatchObject({
      code: 'destination_table_gone',
      details: { object: stage },
    })
  })
})

test('a run whose table is dropped makes it again and reads the stream from the beginning', async () => {
  await using db = await testDatabase()
  const rows = 4_000
  const stream = { name: 'a', rows, state_every: 100, rows_per_second: 2_000 }
  const plan = await planRun({
    connection: 'shop',
    source: { type: 'faker', config: { streams: [stream] } },
    destination: db.address,
    schema: 'dest',
    log: { kind: 'embedded' },
    mode: 'append',
    limits: { commitMs: 50 },
  })
  const running = runPlan(plan)
  const loaded = (): Promise<readonly unknown[]> =>
    db.query('SELECT FROM reactor_connect.slices WHERE loaded > 0').catch(() => [])
  await expect.poll(loaded, { timeout: 20_000 }).toHaveLength(1)
  await db.query('DROP TABLE dest.a')
  const { result, log } = await running
  expect(result.status).toBe('complete')
  expect(log).toMatchObject([{ code: 'destination_table_gone' }])
  expect(await db.query('SELECT DISTINCT id FROM dest.a')).toHaveLength(rows)
})

test.each(
  usually(1, [
    ['append', 'DROP COLUMN v'],
    ['append_dedup', 'RENAME COLUMN v TO w'],
  ] as const),
)(
  'a column that is taken from the table while a lane loads it is named, and the failure can be retried: %s, %s',
  async (mode, change) => {
    await using db = await testDatabase()
    const sink = sinkStream({ id: 'integer', v: 'string' }, { mode, key: ['id'] })
    await withDestination(db, async (destination) => {
      const start = await destination.startRun(sink.connection)
      const begun = await destination.begin(sink, start)
      await using lane = await openLane(db, begun)
      const rows = [{ id: 1, v: 'a' }]
      await lane.write(blockOf(sink.columns, rows))
      await commit(lane, 1, { complete: false })
      await db.query(`ALTER TABLE things ${change}`)
      const loading = async (): Promise<unknown> => {
        await lane.write(blockOf(sink.columns, [{ id: 2, v: 'b' }], { seq: 1 }))
        return await commit(lane, 2)
      }
      await expect(loading()).rejects.toMatchObject({
        code: 'destination_column_gone',
        message: expect.stringMatching(/^"public"\."things" in .* lacks a column.*"v"/) as unknown,
        retryable: true,
      })
      await lane[Symbol.asyncDispose]()
      const again = await destination.begin(sink, start)
      const added = { kind: 'added', column: 'v', type: 'text', again: true }
      expect(again).toMatchObject({ resumed: true, tableNotes: [added] })
      await load(db, again, { records: [{ id: 2, v: 'b' }], seq: 1 })
      await finish(db, again)
    })
    expect(await db.query('SELECT id::int, v FROM things ORDER BY id')).toEqual([
      { id: 1, v: null },
      { id: 2, v: 'b' },
    ])
  },
)

longTest('a run whose column is dropped adds it again and completes', async () => {
  await using db = await testDatabase()
  const rows = 4_000
  const stream = { name: 'a', rows, state_every: 100, rows_per_second: 2_000 }
  const plan = await planRun({
    connection: 'shop',
    source: { type: 'faker', config: { streams: [stream] } },
    destination: db.address,
    schema: 'dest',
    log: { kind: 'embedded' },
    mode: 'append',
    limits: { commitMs: 50 },
  })
  const running = runPlan(plan)
  const loaded = (): Promise<readonly unknown[]> =>
    db.query('SELECT FROM reactor_connect.slices WHERE loaded > 0').catch(() => [])
  await expect.poll(loaded, { timeout: 20_000 }).toHaveLength(1)
  const [column] = await db.query(
    `SELECT attname AS name FROM pg_attribute
      WHERE attrelid = 'dest.a'::regclass AND attnum > 0 AND attname <> 'id' AND attname NOT LIKE '\\_%' LIMIT 1`,
  )
  await db.query(`ALTER TABLE dest.a DROP COLUMN "${String(column?.name)}"`)
  const { result, log } = await running
  expect(log).toMatchObject([{ code: 'destination_column_gone' }])
  const note = { kind: 'added', column: column?.name, again: true }
  expect(result).toMatchObject({ status: 'complete', streams: [{ tableNotes: [note] }] })
  expect(await db.query('SELECT DISTINCT id FROM dest.a')).toHaveLength(rows)
})

test('a run that the destination does not know any more says so, and not that another one took over', async () => {
  await using db = await testDatabase()
  const sink = sinkStream({ id: 'integer' })
  const replaced = { code: 'destination_replaced', retryable: false }
  await withDestination(db, async (destination) => {
    const start = await destination.startRun(sink.connection)
    const begun = await destination.begin(sink, start)
    await using lane = await openLane(db, begun)
    await lane.write(blockOf(sink.columns, [{ id: 1 }]))
    await db.query('DROP SCHEMA reactor_connect CASCADE')
    await expect(commit(lane, 1)).rejects.toMatchObject(replaced)
    await expect(destination.finish(begun)).rejects.toMatchObject(replaced)
    // Another connection makes the tables again.
    await withDestination(db, (other) => other.startRun('other'))
    await expect(openLane(db, begun)).rejects.toMatchObject(replaced)
    await expect(destination.finish(begun)).rejects.toMatchObject(replaced)
    await expect(destination.begin(sink, start)).rejects.toMatchObject(replaced)
  })
  expect(await db.query('SELECT FROM things')).toEqual([])
})
