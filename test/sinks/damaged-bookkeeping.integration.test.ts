import { expect, test } from 'vitest'
import { ConnectError } from '../../protocol/index.ts'
import { bookkeepingColumns } from '../../sinks/postgres/bookkeeping/bookkeeping-columns.ts'
import type { SinkStream, SliceStart, StreamSync } from '../../sinks/sink.ts'
import { planRun, runPlan } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { begin, load, sinkStream, sync, withDestination } from './loading.ts'
import { longTest, usually } from '../support/long.ts'

const columns = { id: 'integer' } as const
const incremental = sinkStream(columns, { syncMode: 'incremental', cursor: 'id' })
const code = 'destination_bookkeeping_damaged'

async function refusal(work: Promise<unknown>): Promise<ConnectError> {
  const error = ConnectError.from(await work.catch((thrown: unknown) => thrown))
  expect(error).toMatchObject({ code, retryable: false })
  expect(`${error.message} ${error.suggestedFix}`).not.toMatch(/\{\w+\}/)
  return error
}

/** Carries out the statement that the fix gives for a run file. */
async function mend(db: TestDatabase, { suggestedFix }: ConnectError): Promise<void> {
  await db.query(/`((?:DELETE FROM|DROP SCHEMA) [^`]+)`/.exec(suggestedFix)?.[1] ?? 'none')
}

const slice: SliceStart = { slice: '', partition: 0, state: null }

/** One whose slice is planned, as the engine does. */
async function beginPlanned(db: TestDatabase, sink: SinkStream): Promise<StreamSync> {
  const begun = await begin(db, sink)
  await withDestination(db, (destination) => destination.savePlan(begun, [slice]))
  return begun
}

test.each(
  usually(2, [
    ['slices', 'state', 'UPDATE reactor_connect.slices SET state = $1'],
    ['streams', 'settings', 'UPDATE reactor_connect.streams SET settings = $1'],
    ['streams', 'columns', 'UPDATE reactor_connect.streams SET columns = $1'],
    ['streams', 'table_notes', 'UPDATE reactor_connect.streams SET table_notes = $1'],
    ['streams', 'earlier_tables', 'UPDATE reactor_connect.streams SET earlier_tables = $1'],
    ['streams', 'merged_key', 'UPDATE reactor_connect.streams SET merged_key = $1'],
    ['streams', 'untold_counts', 'UPDATE reactor_connect.streams SET untold_counts = ARRAY[$1]'],
    ['positions', 'columns', 'UPDATE reactor_connect.positions SET columns = $1'],
  ]),
)(
  'a row of %s whose %s nobody can read is named with its stream, and a reset mends it',
  async (table, column, damage) => {
    await using db = await testDatabase()
    for (const mended of ['by the statement', 'by a reset']) {
      await load(db, await begin(db, incremental), { records: [{ id: 1 }], complete: false })
      await db.query(damage, ['{"no'])
      const error = await refusal(begin(db, incremental))
      expect(error.message).toContain(
        `column ${column} of "reactor_connect"."${table}", stream things of connection test`,
      )
      expect(error.suggestedFix).toContain('connections reset test --streams things')
      if (mended === 'by the statement') await mend(db, error)
      else await withDestination(db, (destination) => destination.forget('test', 'all'))
      expect(await begin(db, incremental)).toMatchObject({ resumed: false, slices: [] })
    }
  },
)

test('the row of another stream that has the table is named', async () => {
  await using db = await testDatabase()
  await sync(db, sinkStream(columns, { connection: 'other' }), [])
  await db.query(`UPDATE reactor_connect.streams SET settings = '[]'`)
  const { message } = await refusal(begin(db, sinkStream(columns)))
  expect(message).toContain('stream things of connection other')
})

test.each(
  usually(1, [
    ['an unfinished append', sinkStream(columns), false],
    ['an append that read all and did not end', sinkStream(columns), true],
    ['an incremental stream', incremental, true],
    ['an unfinished overwrite', sinkStream(columns, { mode: 'overwrite' }), false],
  ]),
)(
  '%s whose slices were deleted does not load its rows a second time',
  async (_, sink, complete) => {
    await using db = await testDatabase()
    await load(db, await beginPlanned(db, sink), { records: [{ id: 1 }], complete })
    await db.query('DELETE FROM reactor_connect.slices')
    const error = await refusal(begin(db, sink))
    expect(error.message).toMatch(/"slices", stream things .*: 1 of 1 rows are gone$/)
    await mend(db, error)
    await db.query('TRUNCATE things')
    const again = await beginPlanned(db, sink)
    expect(again).toMatchObject({ resumed: false, slices: [] })
    await load(db, again, { records: [{ id: 1 }] })
  },
)

longTest(
  'slices that a sync does not go on from are not missed, and a reset forgets them',
  async () => {
    await using db = await testDatabase()
    const whole = sinkStream(columns, { mode: 'overwrite' })
    await load(db, await beginPlanned(db, whole), { records: [{ id: 1 }] })
    await withDestination(db, (destination) => destination.forget('test', 'all'))
    await load(db, await beginPlanned(db, whole), { records: [{ id: 1 }] })
    const [row] = await db.query('SELECT planned::int FROM reactor_connect.streams')
    expect(row).toEqual({ planned: 1 })
    await db.query(
      'UPDATE reactor_connect.streams SET complete = true; DELETE FROM reactor_connect.slices',
    )
    expect(await begin(db, whole)).toMatchObject({ resumed: false })
  },
)

test.each(
  usually(1, [
    ['DROP TABLE reactor_connect.slices', '"reactor_connect"."slices"'],
    ['DROP TABLE reactor_connect.migrations', '"reactor_connect"."migrations"'],
    ['DELETE FROM reactor_connect.migrations', '"reactor_connect"."migrations"'],
    [
      'ALTER TABLE reactor_connect.slices DROP COLUMN state',
      'column state of "reactor_connect"."slices"',
    ],
    [
      'DROP TABLE reactor_connect.positions; DELETE FROM reactor_connect.migrations WHERE version = 8',
      '"reactor_connect"."positions"',
    ],
  ]),
)('what somebody took from the bookkeeping is named: %s', async (damage, object) => {
  await using db = await testDatabase()
  await sync(db, incremental, [{ id: 1 }])
  await db.query(damage)
  const error = await refusal(sync(db, incremental, [{ id: 2 }]))
  expect(error.message).toContain(`damaged: ${object}: it is gone`)
  await mend(db, error)
  await sync(db, incremental, [{ id: 2 }])
})

test('the list of what the bookkeeping has is what the migrations make', async () => {
  await using db = await testDatabase()
  await begin(db, incremental)
  const rows = await db.query(
    `SELECT table_name AS name, array_agg(column_name::text ORDER BY column_name) AS columns
       FROM information_schema.columns WHERE table_schema = 'reactor_connect' GROUP BY table_name`,
  )
  const listed = Object.entries(bookkeepingColumns).map(([name, list]) => [name, list.toSorted()])
  const actual = rows.map(({ name, columns: list }) => [name, list])
  expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(actual))
})

test('the other streams of the run are loaded', async () => {
  await using db = await testDatabase()
  const run = async (): ReturnType<typeof runPlan> => {
    const plan = await planRun({
      connection: 'shop',
      source: {
        type: 'faker',
        config: { streams: ['a', 'b'].map((name) => ({ name, rows: 20 })) },
      },
      destination: db.address,
      schema: 'dest',
      log: { kind: 'embedded' },
      mode: 'overwrite',
    })
    return runPlan(plan)
  }
  await run()
  await db.query(`UPDATE reactor_connect.streams SET columns = 'no' WHERE name = 'a'`)
  const { result } = await run()
  expect(result).toMatchObject({
    status: 'partial',
    streams: [
      { status: 'failed', error: { code } },
      { status: 'complete', loaded: 20 },
    ],
  })
})
