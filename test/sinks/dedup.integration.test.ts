import type { RecordData } from '../../protocol/index.ts'
import { describe, expect, test } from 'vitest'
import { testDatabase } from '../support/postgres.ts'
import { begin, finish, load, sinkStream, sync, openLane, blockOf, commit } from './loading.ts'
import { longTest, usually } from '../support/long.ts'

const deletedAt = '_ab_cdc_deleted_at'

describe('append_dedup keeps one row per key', () => {
  const sink = sinkStream(
    { id: 'integer', cursor: 'integer', value: 'string' },
    { mode: 'append_dedup', syncMode: 'incremental', key: ['id'], cursor: 'cursor' },
  )

  test('the highest cursor counts, nulls are the oldest, and of equal ones the last', async () => {
    await using db = await testDatabase()
    await sync(db, sink, [
      { id: 1, cursor: 2, value: 'newest' },
      { id: 1, cursor: 1, value: 'older' },
      { id: 1, cursor: null, value: 'no cursor' },
      { id: 2, cursor: 5, value: 'first of equal' },
      { id: 2, cursor: 5, value: 'last of equal' },
      { id: 3, cursor: null, value: 'null' },
    ])
    expect(await db.query('SELECT id, value FROM things ORDER BY id')).toEqual([
      { id: '1', value: 'newest' },
      { id: '2', value: 'last of equal' },
      { id: '3', value: 'null' },
    ])
  })

  test('an older row that comes in a later commit never replaces a newer one', async () => {
    await using db = await testDatabase()
    await sync(db, sink, [
      { id: 1, cursor: 5, value: 'five' },
      { id: 2, cursor: 5, value: 'five' },
      { id: 3, cursor: null, value: 'null' },
      { id: 4, cursor: 5, value: 'five' },
    ])
    await sync(db, sink, [
      { id: 1, cursor: 4, value: 'four' },
      { id: 2, cursor: 5, value: 'five again' },
      { id: 3, cursor: 1, value: 'one' },
      { id: 4, cursor: null, value: 'null' },
    ])
    expect(await db.query('SELECT id, value FROM things ORDER BY id')).toEqual([
      { id: '1', value: 'five' },
      { id: '2', value: 'five again' },
      { id: '3', value: 'one' },
      { id: '4', value: 'five' },
    ])
  })

  test('also in a batch with several rows of a key that the table has, after one with each key once', async () => {
    await using db = await testDatabase()
    const row = (id: number, cursor: number, value: string): RecordData => ({ id, cursor, value })
    await sync(db, sink, [row(1, 1, 'a'), row(2, 1, 'a')])
    await using lane = await openLane(db, await begin(db, sink))
    const batches = [
      [row(1, 2, 'b'), row(2, 2, 'b'), row(3, 2, 'b')],
      [row(1, 4, 'newest'), row(1, 3, 'older'), row(2, 1, 'too old'), row(4, 1, 'new')],
      [row(3, 3, 'c'), row(5, 1, 'new')],
    ]
    let seq = 0
    for (const batch of batches) {
      await lane.write(blockOf(sink.columns, batch, { seq }))
      seq += batch.length
      await commit(lane, seq)
    }
    expect(await db.query('SELECT id, value FROM things ORDER BY id')).toEqual([
      { id: '1', value: 'newest' },
      { id: '2', value: 'b' },
      { id: '3', value: 'c' },
      { id: '4', value: 'new' },
      { id: '5', value: 'new' },
    ])
  })

  test('of equal cursors the later extraction counts, across commits too', async () => {
    await using db = await testDatabase()
    const begun = await begin(db, sink)
    await load(db, begun, { records: [{ id: 1, cursor: 1, value: 'late' }], ms: 2000 })
    await load(db, await begin(db, sink), {
      records: [{ id: 1, cursor: 1, value: 'early' }],
      ms: 1000,
      seq: 1,
    })
    expect(await db.query('SELECT value FROM things')).toEqual([{ value: 'late' }])
  })
})

describe('deletes', () => {
  const columns = {
    id: 'integer',
    v: 'integer',
    value: 'string',
    [deletedAt]: 'timestamptz',
  } as const
  const options = { mode: 'append_dedup', key: ['id'], cursor: 'v' } as const
  const time = '2024-01-02T03:04:05Z'

  test.each(usually(1, ['hard', 'soft'] as const))(
    'rows that are not in the table since they are marked are counted: %s',
    async (deletes) => {
      await using db = await testDatabase()
      const sink = sinkStream(columns, { ...options, deletes })
      const loaded = async (records: readonly RecordData[]): Promise<number> => {
        const begun = await begin(db, sink)
        const { deleted } = await load(db, begun, { records })
        await finish(db, begun)
        return deleted
      }
      const first = [
        { id: 1, v: 1, value: 'a', [deletedAt]: null },
        { id: 2, v: 1, value: 'never there', [deletedAt]: time },
        { id: 3, v: 1, value: 'c', [deletedAt]: time },
        { id: 3, v: 2, value: 'again', [deletedAt]: null },
      ]
      const second = [
        { id: 1, v: 2, [deletedAt]: time },
        { id: 3, v: 1, [deletedAt]: time },
      ]
      expect(await loaded(first)).toBe(deletes === 'hard' ? 1 : 0)
      expect(await loaded(second)).toBe(deletes === 'hard' ? 1 : 0)
      expect(await loaded([{ id: 4, v: 1, value: 'd', [deletedAt]: null }])).toBe(0)
      const ids = await db.query('SELECT id::int FROM things ORDER BY id')
      expect(ids.map(({ id }) => id)).toEqual(deletes === 'hard' ? [3, 4] : [1, 2, 3, 4])
    },
  )

  test('a hard delete removes the row, unless it is older; a later insert brings it back', async () => {
    await using db = await testDatabase()
    const sink = sinkStream(columns, { ...options, deletes: 'hard' })
    await sync(db, sink, [
      { id: 1, v: 1, value: 'a', [deletedAt]: null },
      { id: 2, v: 9, value: 'b', [deletedAt]: null },
      { id: 3, v: 1, value: 'c', [deletedAt]: null },
      { id: 3, v: 2, [deletedAt]: time },
      { id: 4, v: 1, value: 'd', [deletedAt]: null },
      { id: null, v: 1, value: 'null', [deletedAt]: null },
    ])
    await sync(db, sink, [
      { id: 1, v: 2, [deletedAt]: time },
      { id: 2, v: 2, [deletedAt]: time },
      { id: 4, v: 2, [deletedAt]: time },
      { id: 4, v: 3, value: 'again', [deletedAt]: null },
      { id: 99, v: 1, [deletedAt]: time },
      { id: null, v: 2, [deletedAt]: time },
    ])
    expect(await db.query('SELECT id, value FROM things ORDER BY id')).toEqual([
      { id: '2', value: 'b' },
      { id: '4', value: 'again' },
    ])
  })

  test('a soft delete keeps the last values, of the batch or of the table', async () => {
    await using db = await testDatabase()
    const sink = sinkStream(columns, { ...options, deletes: 'soft' })
    await sync(db, sink, [
      { id: 1, v: 1, value: 'in the table', [deletedAt]: null },
      { id: 2, v: 1, value: 'in the batch', [deletedAt]: null },
      { id: 2, v: 2, [deletedAt]: time },
    ])
    await sync(db, sink, [
      { id: 1, v: 2, value: null, [deletedAt]: time },
      { id: 3, v: 1, [deletedAt]: time },
    ])
    const deleted = { [deletedAt]: new Date(time) }
    expect(await db.query(`SELECT id, v, value, ${deletedAt} FROM things ORDER BY id`)).toEqual([
      { id: '1', v: '2', value: 'in the table', ...deleted },
      { id: '2', v: '2', value: 'in the batch', ...deleted },
      { id: '3', v: '1', value: null, ...deleted },
    ])
  })
})

test('a field that a record lacks is NULL where the stream is not one of changes', async () => {
  await using db = await testDatabase()
  const sink = sinkStream(
    { id: 'integer', v: 'integer', phone: 'string' },
    { mode: 'append_dedup', key: ['id'], cursor: 'v' },
  )
  await sync(db, sink, [{ id: 1, v: 1, phone: '123' }])
  await sync(db, sink, [{ id: 1, v: 2 }])
  expect(await db.query('SELECT id, v, phone FROM things')).toEqual([
    { id: '1', v: '2', phone: null },
  ])
})

test('a missing field of a change stream leaves its column alone, and null does not', async () => {
  await using db = await testDatabase()
  const sink = sinkStream(
    { id: 'integer', v: 'integer', big: 'string', other: 'json', _ab_cdc_lsn: 'integer' },
    { mode: 'append_dedup', key: ['id'], cursor: 'v' },
  )
  await sync(db, sink, [
    { id: 1, v: 1, big: 'toast', other: { a: 1 } },
    { id: 2, v: 1, big: 'toast', other: { a: 2 } },
    { id: 3, v: 1, big: 'first', other: null },
    { id: 3, v: 2, other: [3] },
    { id: 3, v: 3, other: [4] },
  ])
  await sync(db, sink, [
    { id: 1, v: 2, other: { a: 9 } },
    { id: 2, v: 2, big: null },
    { id: 4, v: 1 },
    { id: 1, v: 3 },
  ])
  expect(await db.query('SELECT id, v, big, other FROM things ORDER BY id')).toEqual([
    { id: '1', v: '3', big: 'toast', other: { a: 9 } },
    { id: '2', v: '2', big: null, other: { a: 2 } },
    { id: '3', v: '3', big: 'first', other: [4] },
    { id: '4', v: '1', big: null, other: null },
  ])
})

longTest('a cursor inside of an object orders the rows', async () => {
  await using db = await testDatabase()
  const plain = sinkStream({ id: 'integer', meta: 'json' }, { mode: 'append_dedup', key: ['id'] })
  const sink = { ...plain, stream: { ...plain.stream, cursor_field: ['meta', 'at'] } }
  await sync(db, sink, [
    { id: 1, meta: { at: 10 } },
    { id: 1, meta: { at: 9 } },
  ])
  expect(await db.query('SELECT meta FROM things')).toEqual([{ meta: { at: 10 } }])
})

longTest('several lanes merge into one table at the same time', async () => {
  await using db = await testDatabase()
  const sink = sinkStream(
    { id: 'integer', v: 'integer' },
    { mode: 'append_dedup', key: ['id'], cursor: 'v' },
  )
  const begun = await begin(db, sink)
  const ids = Array.from({ length: 500 }, (_, id) => id)
  await Promise.all(
    [0, 1, 2, 3].map(async (partition) => {
      await using lane = await openLane(db, begun, partition)
      for (let round = 0; round < 5; round++) {
        const records = (partition % 2 === 0 ? ids : ids.toReversed()).map((id) => ({
          id,
          v: round,
        }))
        const slice = String(partition)
        await lane.write(blockOf(sink.columns, records, { seq: round * 500, slice }))
        await commit(lane, (round + 1) * 500, { slice })
      }
    }),
  )
  expect(await db.query('SELECT count(*)::int, sum(v)::int FROM things')).toEqual([
    { count: 500, sum: 2000 },
  ])
})

longTest('minimal metadata gets its third column in a merge', async () => {
  await using db = await testDatabase()
  const sink = sinkStream(
    { id: 'integer', text: 'string' },
    { mode: 'append_dedup', key: ['id'], metadata: 'minimal' },
  )
  await sync(db, sink, [{ id: 1, text: 'a' }])
  await sync(db, sink, [{ id: 1, text: 'nul\0' }])
  await sync(db, sink, [{ id: 2, text: 'b' }])
  expect(
    await db.query('SELECT id, text, _airbyte_meta IS NULL AS plain FROM things ORDER BY id'),
  ).toEqual([
    { id: '1', text: 'nul', plain: false },
    { id: '2', text: 'b', plain: true },
  ])
})

longTest(
  'a table that was appended to is deduplicated when the mode changes, and may be appended to again',
  async () => {
    await using db = await testDatabase()
    const columns = { id: 'integer', v: 'integer' } as const
    const appending = sinkStream(columns)
    const deduping = sinkStream(columns, { mode: 'append_dedup', key: ['id'], cursor: 'v' })
    await sync(db, appending, [
      { id: 1, v: 2 },
      { id: 1, v: 1 },
      { id: 2, v: 1 },
    ])
    await sync(db, deduping, [{ id: 2, v: 2 }])
    const rows = 'SELECT id::int, v::int FROM things ORDER BY id, v'
    expect(await db.query(rows)).toEqual([
      { id: 1, v: 2 },
      { id: 2, v: 2 },
    ])
    await sync(db, appending, [{ id: 2, v: 0 }])
    expect(await db.query(rows)).toHaveLength(3)
  },
)

longTest(
  'a table that somebody put in the place of another, which still has the index of the key, gets its own',
  async () => {
    await using db = await testDatabase()
    const sink = sinkStream({ id: 'integer', v: 'string' }, { mode: 'append_dedup', key: ['id'] })
    await sync(db, sink, [{ id: 1, v: 'a' }])
    await db.query(`ALTER TABLE things RENAME TO things_old;
    CREATE TABLE things (LIKE things_old) PARTITION BY RANGE (id);
    CREATE TABLE things_1 PARTITION OF things DEFAULT;
    INSERT INTO things SELECT * FROM things_old`)
    for (const v of ['b', 'c']) {
      await sync(db, sink, [
        { id: 1, v },
        { id: 2, v },
      ])
      expect(await db.query('SELECT id, v FROM things ORDER BY id')).toEqual([
        { id: '1', v },
        { id: '2', v },
      ])
    }
    // The old table keeps its properties.
    await expect(db.query('INSERT INTO things_old (id) VALUES (1)')).rejects.toThrow(/unique/)
  },
)

longTest('a partitioned table that was appended to loses only what is there twice', async () => {
  await using db = await testDatabase()
  const columns = { id: 'integer', part: 'integer', v: 'integer' } as const
  await sync(db, sinkStream(columns), [])
  await db.query(
    `ALTER TABLE things RENAME TO model; CREATE TABLE things (LIKE model) PARTITION BY LIST (part);
     CREATE TABLE things_0 PARTITION OF things FOR VALUES IN (0); CREATE TABLE things_1 PARTITION OF things FOR VALUES IN (1)`,
  )
  await sync(db, sinkStream(columns), [
    { id: 1, part: 0, v: 1 },
    { id: 2, part: 1, v: 1 },
    { id: 1, part: 0, v: 2 },
    { id: 4, part: 1, v: 1 },
  ])
  const key = ['id', 'part']
  await sync(db, sinkStream(columns, { mode: 'append_dedup', key, cursor: 'v' }), [])
  expect(await db.query('SELECT id::int, v::int FROM things ORDER BY id')).toEqual([
    { id: 1, v: 2 },
    { id: 2, v: 1 },
    { id: 4, v: 1 },
  ])
})

longTest(
  'where the source gives rows in the order of the cursor, the order of its text does not count',
  async () => {
    await using db = await testDatabase()
    const sink = sinkStream(
      { id: 'integer', cursor: 'string', v: 'integer' },
      { mode: 'append_dedup', syncMode: 'incremental', key: ['id'], cursor: 'cursor' },
    )
    const stream = { ...sink.stream.stream, is_cursor_ordered: true }
    const ordered = { ...sink, stream: { ...sink.stream, stream } }
    await sync(db, ordered, [{ id: 1, cursor: '9', v: 1 }])
    await sync(db, ordered, [
      { id: 1, cursor: '10', v: 2 },
      { id: 2, cursor: '99', v: 1 },
      { id: 2, cursor: '100', v: 2 },
    ])
    expect(await db.query('SELECT id::int, v::int FROM things ORDER BY id')).toEqual([
      { id: 1, v: 2 },
      { id: 2, v: 2 },
    ])
  },
)

test('what dedup lacks is said before anything is made', async () => {
  await using db = await testDatabase()
  const columns = { id: 'integer' } as const
  const mode = 'append_dedup'
  await expect(begin(db, sinkStream(columns, { mode }))).rejects.toMatchObject({
    code: 'destination_key_missing',
  })
  await expect(begin(db, sinkStream(columns, { mode, key: ['nope'] }))).rejects.toMatchObject({
    code: 'destination_field_missing',
    details: { field: 'nope', role: 'primary key' },
  })
  const noCursor = sinkStream(columns, { mode, key: ['id'], syncMode: 'incremental' })
  await expect(begin(db, noCursor)).rejects.toThrow(/^stream things: cursor_field: /)
  expect(await db.query(`SELECT FROM pg_class WHERE relname = 'things'`)).toEqual([])
})
