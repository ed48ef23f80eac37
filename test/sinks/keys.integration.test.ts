import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { RecordData } from '../../protocol/index.ts'
import type { LaneStats, SyncMode } from '../../sinks/sink.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { begin, finish, load, sinkStream, sync, type StreamOptions } from './loading.ts'
import { longTest, usually } from '../support/long.ts'

const dedupModes = ['append_dedup', 'overwrite_dedup'] as const

function keyed(
  mode: SyncMode,
  columns: Parameters<typeof sinkStream>[0],
  options: StreamOptions = {},
): ReturnType<typeof sinkStream> {
  return sinkStream(columns, { mode, key: ['id'], ...options })
}

/** A whole sync, and what its commit said. */
async function loaded(
  db: TestDatabase,
  sink: ReturnType<typeof sinkStream>,
  records: readonly RecordData[],
): Promise<LaneStats> {
  const begun = await begin(db, sink)
  const stats = await load(db, begun, { records })
  await finish(db, begun)
  return stats
}

async function rejections(db: TestDatabase): Promise<unknown> {
  return db.query('SELECT seq::int, reason, key FROM reactor_connect.rejected_records ORDER BY seq')
}

describe.each(usually(1, dedupModes))('with %s', (mode) => {
  test('records whose key does not fit its column are rejected, each with its key', async () => {
    await using db = await testDatabase()
    const records = [{ id: 1 }, { id: 2n ** 63n }, { id: 2n ** 63n + 1n }, { id: 'x' }, { id: 2 }]
    const stats = await loaded(db, keyed(mode, { id: 'integer' }), records)
    expect(stats).toMatchObject({ loaded: 2, rejected: 3, nulled: 0 })
    const reason = 'its primary key does not fit: column id (bigint) cannot hold the value'
    expect(stats.losses[0]).toEqual({
      kind: 'rejected',
      subject: reason,
      key: '[9223372036854775808]',
    })
    expect(await rejections(db)).toEqual([
      { seq: 1, reason, key: '[9223372036854775808]' },
      { seq: 2, reason, key: '[9223372036854775809]' },
      { seq: 3, reason, key: '["x"]' },
    ])
    expect(await db.query('SELECT id::int FROM things ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }])
    expect(
      await db.query(
        'SELECT loaded::int, rejected::int, run_loaded::int FROM reactor_connect.slices',
      ),
    ).toEqual([{ loaded: 2, rejected: 3, run_loaded: 2 }])
  })

  test('records without a key are rejected, also in several syncs', async () => {
    await using db = await testDatabase()
    const sink = keyed(mode, { id: 'integer', v: 'string' })
    const records = [{ id: null, v: 'a' }, { v: 'b' }, { id: 1, v: 'c' }]
    for (let run = 0; run < 2; run++) {
      expect(await loaded(db, sink, records)).toMatchObject({ loaded: 1, rejected: 2 })
    }
    expect(await db.query('SELECT id::int, v FROM things')).toEqual([{ id: 1, v: 'c' }])
    expect(await rejections(db)).toContainEqual({
      seq: 0,
      reason: 'it has no primary key: id is NULL or missing',
      key: '[null]',
    })
  })

  test('in a key of several fields NULL is a value, and a value that does not fit is none', async () => {
    await using db = await testDatabase()
    const sink = keyed(mode, { id: 'integer', b: 'integer', v: 'string' }, { key: ['id', 'b'] })
    const stats = await loaded(db, sink, [
      { id: 1, b: null, v: 'first' },
      { id: 1, b: null, v: 'second' },
      { id: 1, b: 'x', v: 'third' },
      { id: null, b: null, v: 'fourth' },
    ])
    expect(stats).toMatchObject({ loaded: 2, rejected: 2 })
    expect(await db.query('SELECT id::int, b, v FROM things')).toEqual([
      { id: 1, b: null, v: 'second' },
    ])
  })

  test('a row whose key has NULL in some fields is one row in all syncs', async () => {
    await using db = await testDatabase()
    const sink = keyed(mode, { id: 'integer', b: 'integer', v: 'string' }, { key: ['id', 'b'] })
    for (const v of ['first', 'second', 'third']) {
      const stats = await loaded(db, sink, [
        { id: 1, b: null, v },
        { id: 2, v },
        { id: null, b: 1, v },
        { id: 1, b: 1, v },
      ])
      expect(stats).toMatchObject({ loaded: 4, rejected: 0 })
      expect(await db.query('SELECT id::int, b::int, v FROM things ORDER BY id, b')).toEqual([
        { id: 1, b: 1, v },
        { id: 1, b: null, v },
        { id: 2, b: null, v },
        { id: null, b: 1, v },
      ])
    }
  })

  test('a key that the server refuses is rejected, and the lines after it are those of their rows', async () => {
    await using db = await testDatabase()
    await db.query(
      `CREATE TABLE things (_airbyte_extracted_at timestamptz, _airbyte_generation_id bigint, _airbyte_raw_id uuid,
         _airbyte_meta jsonb, id uuid, n text, at uuid)`,
    )
    const sink = keyed(mode, { id: 'string', n: 'integer', at: 'string' })
    const uuid = (n: number): string => `00000000-0000-0000-0000-00000000000${n}`
    const stats = await loaded(db, sink, [
      { id: null, n: 0 },
      { id: uuid(1), n: 1, at: uuid(1) },
      { id: 'no uuid', n: 2 },
      { n: 3 },
      { id: uuid(4), n: 4, at: 'no uuid' },
      { id: uuid(5), n: 5, at: uuid(5) },
    ])
    expect(stats).toMatchObject({ loaded: 3, rejected: 3, nulled: 1 })
    expect(await db.query('SELECT id, n, at::text FROM things ORDER BY n')).toEqual([
      { id: uuid(1), n: '1', at: uuid(1) },
      { id: uuid(4), n: '4', at: null },
      { id: uuid(5), n: '5', at: uuid(5) },
    ])
    expect(await rejections(db)).toMatchObject([
      { seq: 0 },
      { seq: 2, key: '["no uuid"]' },
      { seq: 3 },
    ])
  })

  test.each(['full', 'minimal'] as const)(
    'keys that their column holds only in part are rejected, with %s metadata',
    async (metadata) => {
      await using db = await testDatabase()
      const columns = { id: 'string', b: 'json', at: 'timestamptz', v: 'string' } as const
      const sink = keyed(mode, columns, { metadata, key: ['id', 'b', 'at'] })
      const time = '2024-01-01T00:00:00Z'
      const unfit = [
        { id: 'a\u0000', b: 1, at: time },
        { id: '\ud83d', b: 1, at: time },
        { id: '\ud83e', b: 1, at: time },
        { id: 'a', b: 'b\u0000', at: time },
        { id: 'a', b: '\ud83d', at: time },
        { id: 'a', b: 1, at: '2024-01-01T00:00:00.0000001Z' },
        { id: 'a', b: 1, at: '2024-01-01T00:00:00.0000002Z' },
      ]
      const records = [
        { id: 'a', b: 1, at: time, v: 'a' },
        ...unfit,
        { id: 'b', b: 1, at: time, v: 'b\u0000' },
      ]
      for (let run = 0; run < 2; run++) {
        const stats = await loaded(db, sink, records)
        expect(stats).toMatchObject({ loaded: 2, rejected: 7, nulled: 0, cut: 1 })
        expect(stats.losses[0]).toMatchObject({
          kind: 'rejected',
          subject: 'its primary key does not fit: column id (text) cannot hold the value',
        })
      }
      expect(await db.query('SELECT id, v FROM things ORDER BY id')).toEqual([
        { id: 'a', v: 'a' },
        { id: 'b', v: 'b' },
      ])
      const reasons = (await rejections(db)) as readonly { readonly reason: string }[]
      expect(reasons.map(({ reason }) => /column (\w+)/.exec(reason)?.[1])).toEqual(
        ['id', 'id', 'id', 'b', 'b', 'at', 'at'].flatMap((name) => [name, name]),
      )
    },
  )

  test('a key that is too long for an index is rejected, and one that compresses is not', async () => {
    await using db = await testDatabase()
    const long = randomBytes(6000).toString('hex')
    const records = [{ id: 'a' }, { id: long }, { id: 'x'.repeat(50_000) }, { id: 'b' }]
    const sink = keyed(mode, { id: 'string' })
    for (let run = 0; run < 2; run++) {
      expect(await loaded(db, sink, records)).toMatchObject({ loaded: 3, rejected: 1 })
    }
    expect(await db.query('SELECT length(id) FROM things ORDER BY id')).toEqual([
      { length: 1 },
      { length: 1 },
      { length: 50_000 },
    ])
    expect(await rejections(db)).toContainEqual({
      seq: 1,
      reason:
        'its primary key is too long: an entry of an index holds about 2,700 bytes, compressed',
      key: JSON.stringify([long]),
    })
  })
})

longTest(
  'a record with a long key that comes twice, beside a delete, is rejected each time',
  async () => {
    await using db = await testDatabase()
    const sink = keyed('append_dedup', { id: 'string', _ab_cdc_deleted_at: 'timestamptz' })
    const long = randomBytes(2000).toString('hex')
    const deletion = { id: 'b', _ab_cdc_deleted_at: '2026-01-01T00:00:00Z' }
    const records = [{ id: long }, { id: 'a' }, { id: long }, deletion]
    expect(await loaded(db, sink, records)).toMatchObject({ loaded: 2, rejected: 2 })
  },
)

longTest('an index of the user’s own that a value is too long for fails the stream', async () => {
  await using db = await testDatabase()
  const sink = keyed('append_dedup', { id: 'integer', v: 'string' })
  await sync(db, sink, [{ id: 1, v: 'a' }])
  await db.query('CREATE INDEX ON things (v)')
  const records = [{ id: 2, v: randomBytes(6000).toString('hex') }]
  await expect(sync(db, sink, records)).rejects.toMatchObject({ details: { sqlstate: '54000' } })
})

test('where rows are only appended, a key is a value like any other', async () => {
  await using db = await testDatabase()
  const records = [{ id: null }, { id: 'x' }, {}]
  expect(await loaded(db, keyed('append', { id: 'integer' }), records)).toMatchObject({
    loaded: 3,
    rejected: 0,
    nulled: 1,
  })
})

test.each([
  ['rows without a key', [{ v: 'a' }, { v: 'b' }], '2 rows have no key ("id" IS NULL)'],
  ['keys that are too long', [{ id: randomBytes(6000).toString('hex') }], 'too long for an index'],
])('a table that was appended to, with %s, is not deduplicated', async (_, records, problem) => {
  await using db = await testDatabase()
  const columns = { id: 'string', v: 'string' } as const
  await sync(db, keyed('append', columns), records)
  await expect(begin(db, keyed('append_dedup', columns))).rejects.toMatchObject({
    code: 'destination_key_unusable',
    message: expect.stringContaining(problem) as unknown,
  })
  expect(await db.query('SELECT v FROM things')).toHaveLength(records.length)
})

/** A table that the user made, for the stream to load. */
function ownTable(db: TestDatabase, columns: string): Promise<unknown> {
  return db.query(
    `CREATE TABLE things (_airbyte_extracted_at timestamptz, _airbyte_generation_id bigint, _airbyte_raw_id uuid, _airbyte_meta jsonb, ${columns})`,
  )
}

test.each(usually(1, [...dedupModes, 'append'] as const))(
  'a column of type real is made wide enough for a double, with %s, and its values stay as they were written',
  async (mode) => {
    await using db = await testDatabase()
    await ownTable(db, 'id real, d double precision')
    await db.query('INSERT INTO things (id, d) VALUES (16777216, 0.30000000000000004)')
    const sink = keyed(mode, { id: 'double', d: 'number' })
    const records = [{ id: 0.1 }, { id: 0.10000000001 }, { id: 16777217 }]
    await loaded(db, sink, mode === 'overwrite_dedup' ? [...records, { id: 5 }] : records)
    const rows = await db.query(
      'SELECT id::text AS id, d::text AS d FROM things ORDER BY things.id',
    )
    const there = { id: '16777216', d: '0.30000000000000004' }
    const ofRun = ['0.1', '0.10000000001', '16777217'].map((id) => ({ id, d: null }))
    expect(rows).toEqual(
      mode === 'overwrite_dedup'
        ? [...ofRun.slice(0, 2), { id: '5', d: null }, ...ofRun.slice(2)]
        : [...ofRun.slice(0, 2), there, ...ofRun.slice(2)],
    )
  },
)

test.each([
  ['uuid', 'type uuid'],
  ['text COLLATE folded', 'collation folded'],
])('a key column of %s, which takes different texts for equal, is warned of', async (type, why) => {
  await using db = await testDatabase()
  await db.query(
    `CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
  )
  await ownTable(db, `id ${type}, v ${type}`)
  const begun = await begin(db, keyed('append_dedup', { id: 'string', v: 'string' }))
  expect(begun.warnings).toEqual([expect.stringContaining(`Column "id" of the key has the ${why}`)])
  expect((await begin(db, keyed('append', { id: 'string', v: 'string' }))).warnings).toEqual([])
})
