import { expect, test } from 'vitest'
import { rawJson } from '../../protocol/exact-json.ts'
import { testDatabase } from '../support/postgres.ts'
import {
  begin,
  blockOf,
  commit,
  keptCounts,
  load,
  openLane,
  sinkStream,
  sync,
  withDestination,
} from './loading.ts'
import { longTest, usually } from '../support/long.ts'

const meta = (changes: readonly unknown[], sync_id = 1): unknown => ({ sync_id, changes })
const nulled = (field: string): unknown => ({
  field,
  change: 'NULLED',
  reason: 'DESTINATION_TYPECAST_ERROR',
})

test('records of an append stream stand in the table with their metadata', async () => {
  await using db = await testDatabase()
  const sink = sinkStream({ id: 'integer', name: 'string' })
  await sync(db, sink, [
    { id: 1, name: 'one\ttab\\' },
    { id: 2, name: null },
  ])
  const rows = await db.query('SELECT * FROM things ORDER BY id')
  expect(rows).toMatchObject([
    {
      id: '1',
      name: 'one\ttab\\',
      _airbyte_extracted_at: new Date(1_700_000_000_000),
      _airbyte_generation_id: '0',
      _airbyte_meta: meta([]),
    },
    { id: '2', name: null },
  ])
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8000-00000000000[01]$/
  for (const row of rows) expect(row._airbyte_raw_id).toMatch(uuid)
})

test('a second sync appends, keeps positions and starts its slices anew', async () => {
  await using db = await testDatabase()
  const sink = sinkStream({ id: 'integer' })
  await sync(db, sink, [{ id: 1 }])
  const second = await begin(db, sink, 2)
  expect(second).toMatchObject({ syncId: 2, generationId: 0, epoch: 2, resumed: false })
  expect(second.positions).toEqual([{ partition: 0, next: '1', columns: sink.columns }])
  expect(second.slices).toEqual([])
  await load(db, second, { records: [{ id: 2 }] })
  expect(await db.query('SELECT id FROM things ORDER BY id')).toEqual([{ id: '1' }, { id: '2' }])
})

test('a replayed record gets the same raw id', async () => {
  await using db = await testDatabase()
  const begun = await begin(db, sinkStream({ id: 'integer' }))
  const records = Array.from({ length: 300 }, (_, id) => ({ id }))
  await load(db, begun, { records })
  const ids = await db.query('SELECT id, _airbyte_raw_id FROM things ORDER BY id')
  await db.query('TRUNCATE things; DELETE FROM reactor_connect.slices')
  await using lane = await openLane(db, begun)
  for (let position = 0; position < 300; position += 7) {
    await lane.write(
      blockOf(begun.sink.columns, records.slice(position, position + 7), { seq: position }),
    )
  }
  await commit(lane, 300)
  expect(await db.query('SELECT id, _airbyte_raw_id FROM things ORDER BY id')).toEqual(ids)
  expect(new Set(ids.map((row) => row._airbyte_raw_id)).size).toBe(300)
})

test('rejected records count, and are kept with their keys and reasons', async () => {
  await using db = await testDatabase()
  const begun = await begin(db, sinkStream({ id: 'integer' }))
  await using lane = await openLane(db, begun)
  await lane.write(blockOf(begun.sink.columns, [{ id: 1 }]))
  await lane.reject({ slice: '', seq: 1, reason: 'too large', key: '[7]' })
  await lane.reject({ slice: '', seq: 2, reason: 'too large too' })
  await lane.write(blockOf(begun.sink.columns, [{ id: 2 }], { seq: 3 }))
  expect(await commit(lane, 4)).toMatchObject({
    loaded: 2,
    rejected: 2,
    losses: [
      { kind: 'rejected', subject: 'too large', key: '[7]' },
      { kind: 'rejected', subject: 'too large too' },
    ],
  })
  expect(
    await db.query(
      'SELECT sync_id, slice, seq, reason, key FROM reactor_connect.rejected_records ORDER BY seq',
    ),
  ).toEqual([
    { sync_id: '1', slice: '', seq: '1', reason: 'too large', key: '[7]' },
    { sync_id: '1', slice: '', seq: '2', reason: 'too large too', key: null },
  ])
  expect(await db.query('SELECT seq, loaded, rejected FROM reactor_connect.slices')).toEqual([
    { seq: '4', loaded: '2', rejected: '2' },
  ])
})

test('records that were committed already are not committed again', async () => {
  await using db = await testDatabase()
  const begun = await begin(db, sinkStream({ id: 'integer' }))
  await load(db, begun, { records: [{ id: 1 }] })
  // The lane got an older checkpoint than the saved one.
  await expect(load(db, begun, { records: [{ id: 1 }] })).rejects.toMatchObject({
    code: 'accounting_mismatch',
  })
  expect(await db.query('SELECT id FROM things')).toEqual([{ id: '1' }])
})

test('values that Postgres refuses become NULL with a note, wherever they stand', async () => {
  await using db = await testDatabase()
  const sink = sinkStream({ id: 'integer', amount: 'number', at: 'timetz' })
  const begun = await begin(db, sink)
  await using lane = await openLane(db, begun)
  const records = Array.from({ length: 3000 }, (_, id) => ({
    id,
    amount: id % 500 === 3 ? rawJson('1e200000') : id,
    at: id % 500 === 3 || id === 2999 ? '99:99:99+00' : '12:00:00+00',
  }))
  for (let position = 0; position < 3000; position += 100) {
    await lane.write(
      blockOf(sink.columns, records.slice(position, position + 100), { seq: position }),
    )
    if (position === 1000) await lane.flush()
  }
  expect(await commit(lane, 3000)).toMatchObject({ loaded: 3000 })
  const rows = await db.query(
    `SELECT id::int, amount, at, _airbyte_meta FROM things
     WHERE amount IS NULL OR at IS NULL ORDER BY id`,
  )
  expect(rows).toEqual([
    ...[3, 503, 1003, 1503, 2003, 2503].map((id) => ({
      id,
      amount: null,
      at: null,
      _airbyte_meta: meta([nulled('amount'), nulled('at')]),
    })),
    { id: 2999, amount: '2999', at: null, _airbyte_meta: meta([nulled('at')]) },
  ])
  expect(
    await db.query('SELECT count(*)::int, count(DISTINCT id)::int AS ids FROM things'),
  ).toEqual([{ count: 3000, ids: 3000 }])
})

test('minimal metadata has two columns, and a third once a change needs it', async () => {
  await using db = await testDatabase()
  const sink = sinkStream({ id: 'integer', text: 'string' }, { metadata: 'minimal' })
  await sync(db, sink, [{ id: 1, text: 'a' }])
  expect(Object.keys((await db.query('SELECT * FROM things'))[0] ?? {}).sort()).toEqual([
    '_airbyte_extracted_at',
    '_airbyte_generation_id',
    'id',
    'text',
  ])
  await sync(db, sink, [
    { id: 2, text: 'b' },
    { id: 3, text: 'nul\0' },
    { id: 4, text: 'd' },
  ])
  expect(await db.query('SELECT id::int, text, _airbyte_meta FROM things ORDER BY id')).toEqual([
    { id: 1, text: 'a', _airbyte_meta: null },
    { id: 2, text: 'b', _airbyte_meta: null },
    {
      id: 3,
      text: 'nul',
      _airbyte_meta: meta(
        [{ field: 'text', change: 'TRUNCATED', reason: 'DESTINATION_SERIALIZATION_ERROR' }],
        2,
      ),
    },
    { id: 4, text: 'd', _airbyte_meta: null },
  ])
})

test.each(usually(1, ['append', 'overwrite'] as const))(
  'without metadata a table has the data alone, and a third column once a change needs it: %s',
  async (mode) => {
    await using db = await testDatabase()
    const sink = sinkStream({ id: 'integer', day: 'date' }, { mode, metadata: 'none' })
    await sync(db, sink, [{ id: 1, day: '2024-01-01' }])
    expect(await db.query('SELECT * FROM things')).toEqual([
      { id: '1', day: expect.any(Date) as unknown },
    ])
    // A year before Christ is written as text, a text in a date not at all.
    await sync(db, sink, [
      { id: 2, day: '0044-03-15 BC' },
      { id: 3, day: 'today' },
    ])
    const rows = await db.query(
      `SELECT id::int, day::text, jsonb_array_length(_airbyte_meta->'changes') AS changes FROM things ORDER BY id`,
    )
    expect(rows).toEqual([
      ...(mode === 'append' ? [{ id: 1, day: '2024-01-01', changes: null }] : []),
      { id: 2, day: '0044-03-15 BC', changes: null },
      { id: 3, day: null, changes: 1 },
    ])
  },
)

test('a table with rows that is not ours is not loaded without metadata either', async () => {
  await using db = await testDatabase()
  await db.query('CREATE TABLE things (id bigint)')
  await db.query('INSERT INTO things VALUES (1)')
  const sink = sinkStream({ id: 'integer' }, { mode: 'overwrite', metadata: 'none' })
  await expect(begin(db, sink)).rejects.toMatchObject({ code: 'destination_table_foreign' })
  await db.query(
    'ALTER TABLE things ADD COLUMN _airbyte_extracted_at timestamptz, ADD COLUMN _airbyte_generation_id bigint',
  )
  await sync(db, sink, [{ id: 2 }])
  expect(await db.query('SELECT * FROM things')).toEqual([
    { id: '2', _airbyte_extracted_at: null, _airbyte_generation_id: null },
  ])
})

longTest(
  'a stage that was gathered without metadata is merged when the mode changes to dedup',
  async () => {
    await using db = await testDatabase()
    const none = sinkStream(
      { id: 'integer', text: 'string' },
      { mode: 'overwrite', metadata: 'none' },
    )
    const begun = await begin(db, none)
    await load(db, begun, { records: [{ id: 1, text: 'a' }] })
    const dedup = sinkStream(
      { id: 'integer', text: 'string' },
      { mode: 'append_dedup', key: ['id'], metadata: 'minimal' },
    )
    await sync(db, dedup, [{ id: 2, text: 'b' }])
    expect(await db.query('SELECT id::int, text FROM things ORDER BY id')).toEqual([
      { id: 1, text: 'a' },
      { id: 2, text: 'b' },
    ])
  },
)

test.each(usually(1, ['full', 'minimal'] as const))(
  'values that became NULL or were shortened count once each, and name their rows, with %s metadata',
  async (metadata) => {
    await using db = await testDatabase()
    const columns = { id: 'integer', day: 'date', doc: 'json' } as const
    const begun = await begin(db, sinkStream(columns, { metadata, key: ['id'] }))
    await using lane = await openLane(db, begun)
    const records = [
      { id: 1n, day: '2024-01-01', doc: { a: 'x\0y' } },
      { id: 2n ** 60n, day: '2024-02-31', doc: '\ud83d' },
      { id: 3n, day: 'today', doc: {} },
      { id: 4n, day: '2024-02-32', doc: {} },
      { id: 5n, day: '0044-03-15 BC', doc: {} },
    ]
    for (const [seq, record] of records.entries())
      await lane.write(blockOf(begun.sink.columns, [record], { seq }))
    const stats = await commit(lane, records.length)
    expect(stats).toMatchObject({ loaded: 5, rejected: 0, nulled: 3, cut: 2 })
    const byKey = stats.losses.map(({ kind, subject, key }) => [kind, subject, key])
    expect(byKey).toHaveLength(5)
    expect(byKey).toEqual(
      expect.arrayContaining([
        ['cut', 'doc', '[1]'],
        ['cut', 'doc', '[1152921504606846976]'],
        ['nulled', 'day', '[1152921504606846976]'],
        ['nulled', 'day', '[3]'],
        ['nulled', 'day', '[4]'],
      ]),
    )
    await lane.write(blockOf(begun.sink.columns, [{ id: 6 }], { seq: 5 }))
    expect(await commit(lane, 6)).toMatchObject({ nulled: 0, cut: 0, losses: [] })
  },
)

test('a later start of a run finds how many values the ones before it lost, and another run none', async () => {
  await using db = await testDatabase()
  const sink = sinkStream({ id: 'integer', day: 'date', doc: 'json' }, { key: ['id'] })
  const begun = await begin(db, sink)
  const lost = { id: 1, day: 'today', doc: 'x\0y' }
  {
    await using lane = await openLane(db, begun)
    const slices = ['b', 'a']
    for (const slice of slices) {
      await lane.write(blockOf(sink.columns, [lost, lost], { slice }))
    }
    await lane.commit({
      partition: 0,
      next: '1',
      slices: slices.map((slice) => {
        return { slice, partition: 0, state: {}, seq: 2, complete: false }
      }),
    })
    await lane.write(blockOf(sink.columns, [{ id: 2, day: 'x' }], { slice: 'a', seq: 2 }))
    await commit(lane, 3, { slice: 'a', complete: false })
    // Rows that are rolled back are lost with their values.
    await lane.write(blockOf(sink.columns, [lost], { slice: 'a', seq: 3 }))
    await lane.flush()
    await lane.rollback()
  }
  await withDestination(db, async (destination) => {
    const start = await destination.startRun('test')
    const { untoldCounts, streamId } = await destination.begin(sink, start)
    expect(untoldCounts).toEqual(keptCounts({ loaded: 5, nulled: 5, cut: 4 }))
    await destination.endRun('test', { start, how: 'ended', reported: [streamId] })
    const another = await destination.begin(sink, await destination.startRun('test'))
    expect(another.untoldCounts).toEqual(keptCounts())
  })
})
