import { expect, test } from 'vitest'
import { openPostgresDestination } from '../../sinks/postgres/postgres-destination.ts'
import type { SinkStream, SyncMode } from '../../sinks/sink.ts'
import { bookkeepingBefore } from '../support/old-bookkeeping.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import {
  begin,
  finish,
  load,
  sinkStream,
  sync,
  withDestination,
  type StreamOptions,
} from './loading.ts'
import { longTest, usually } from '../support/long.ts'

const columns = { id: 'integer', u: 'integer' } as const

function following(mode: SyncMode, options: StreamOptions = {}): SinkStream {
  return sinkStream(columns, {
    mode,
    syncMode: 'incremental',
    key: ['id'],
    cursor: 'u',
    ...options,
  })
}

async function warningsOf(
  db: TestDatabase,
  sink: SinkStream,
  records: readonly { id: number; u: number }[] = [],
): Promise<readonly string[]> {
  return (await sync(db, sink, records)).warnings
}

const rows = [
  { id: 1, u: 1 },
  { id: 2, u: 2 },
]
const anew =
  'ALTER TABLE things RENAME TO moved; CREATE TABLE things (LIKE moved INCLUDING INDEXES)'
const isEmpty =
  /^Table "public"\."things" is empty.*`reactor connect reset FILE --streams things`.*`reactor connect connections reset test --streams things`/
const isOther = /^Table "public"\."things" is not the one that was loaded before.* reset the stream/

test.each(
  usually(1, [
    ['TRUNCATE things', 'append_dedup', isEmpty],
    ['DELETE FROM things', 'append', isEmpty],
    [anew, 'append_dedup', isOther],
    [`${anew}; INSERT INTO things SELECT * FROM moved WHERE id = 2`, 'append_dedup', isOther],
    [anew, 'append', isOther],
  ] as const),
)(
  'rows that a table lost before an incremental run are warned of, once: %s, %s',
  async (change, mode, warning) => {
    await using db = await testDatabase()
    const sink = following(mode)
    expect(await warningsOf(db, sink, rows)).toEqual([])
    expect(await warningsOf(db, sink)).toEqual([])
    await db.query(change)
    expect(await warningsOf(db, sink)).toEqual([expect.stringMatching(warning)])
    expect(await warningsOf(db, sink)).toEqual([])
  },
)

longTest('a table that is emptied right after the run that loaded it is warned of', async () => {
  await using db = await testDatabase()
  await sync(db, following('append_dedup'), rows)
  await db.query('TRUNCATE things')
  expect(await warningsOf(db, following('append_dedup'))).toEqual([expect.stringMatching(isEmpty)])
})

test('a stream that never had rows, or is read from the beginning anyway, is not warned of', async () => {
  await using db = await testDatabase()
  const sink = following('append_dedup')
  for (let run = 0; run < 3; run += 1) expect(await warningsOf(db, sink)).toEqual([])
  await sync(db, sink, rows)
  await db.query('TRUNCATE things')
  await withDestination(db, (destination) => destination.forget('test', 'all'))
  expect(await warningsOf(db, sink, rows)).toEqual([])
  await db.query('DROP TABLE things')
  expect(await warningsOf(db, sink, rows)).toEqual([])
  await db.query('TRUNCATE things')
  const whole = following('overwrite', { syncMode: 'full_refresh' })
  expect(await warningsOf(db, whole, rows)).toEqual([])
})

test('a table whose rows were all deleted by the source is not warned of', async () => {
  await using db = await testDatabase()
  const sink = sinkStream(
    { ...columns, _ab_cdc_deleted_at: 'timestamptz' },
    { mode: 'append_dedup', syncMode: 'incremental', key: ['id'], cursor: 'u' },
  )
  await sync(db, sink, [{ id: 1, u: 1, _ab_cdc_deleted_at: null }])
  await sync(db, sink, [{ id: 1, u: 2, _ab_cdc_deleted_at: '2026-01-01T00:00:00Z' }])
  expect(await db.query('SELECT FROM things')).toEqual([])
  expect((await sync(db, sink, [])).warnings).toEqual([])
})

longTest(
  'a destination that was restored as a whole, so that all tables are other ones, is not warned of',
  async () => {
    await using db = await testDatabase()
    const sink = following('append_dedup')
    await sync(db, sink, rows)
    await db.query(
      `ALTER TABLE things RENAME TO moved; CREATE TABLE things (LIKE moved INCLUDING INDEXES); INSERT INTO things SELECT * FROM moved;
     UPDATE reactor_connect.streams SET bookkeeping_oid = bookkeeping_oid + 1`,
    )
    expect(await warningsOf(db, sink)).toEqual([])
  },
)

longTest(
  'a bookkeeping of an earlier version does not know the table, and the next run does',
  async () => {
    await using db = await testDatabase()
    const sink = following('append_dedup')
    await sync(db, sink, rows)
    await db.query(`${bookkeepingBefore(9)}; ${anew}`)
    expect(await warningsOf(db, sink)).toEqual([])
    await db.query('DROP TABLE moved')
    await db.query(anew)
    expect(await warningsOf(db, sink)).toEqual([expect.stringMatching(isOther)])
  },
)

test('a stream in another schema is told only that', async () => {
  await using db = await testDatabase()
  const sink = following('append_dedup')
  await sync(db, sink, rows)
  await using destination = await openPostgresDestination({ address: db.address, schema: 'p2' })
  const run = await destination.startRun(sink.connection)
  const { warnings } = await destination.begin(sink, run)
  expect(warnings).toEqual([expect.stringContaining('from the beginning into "p2"."things"')])
})

longTest('an attempt after one that died does not forget the warning', async () => {
  await using db = await testDatabase()
  const sink = following('append_dedup')
  await sync(db, sink, rows)
  await db.query('TRUNCATE things')
  expect((await begin(db, sink, 2)).warnings).toEqual([expect.stringMatching(isEmpty)])
  expect((await begin(db, sink, 2)).warnings).toEqual([expect.stringMatching(isEmpty)])
})

test.each(
  usually(1, [
    [
      'TRUNCATE things',
      /^Table "public"\."things" is empty.*loads nothing of it.*run the connection/,
    ],
    [anew, /^Table "public"\."things" is not the one that was loaded before.*loads nothing of it/],
  ] as const),
)(
  'rows that a table lost after its stream was complete are warned of when the run goes on: %s',
  async (change, warning) => {
    await using db = await testDatabase()
    const sink = sinkStream(columns, { mode: 'append' })
    const first = await begin(db, sink)
    await load(db, first, { records: rows })
    await finish(db, first)
    expect(await begin(db, sink)).toMatchObject({ doneInRun: true, warnings: [] })
    await db.query(change)
    const again = { doneInRun: true, warnings: [expect.stringMatching(warning)] }
    expect(await begin(db, sink)).toMatchObject(again)
    // The warning is there each time that the run is started again before it has reported it.
    const { warnings } = await begin(db, sink)
    expect(warnings[0]).toMatch(warning)
    expect(new Set(warnings).size).toBe(warnings.length)
  },
)
