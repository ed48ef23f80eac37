import { describe, expect, test } from 'vitest'
import { ConnectError } from '../../protocol/index.ts'
import type { SinkStream } from '../../sinks/sink.ts'
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

const columns = { id: 'integer', cursor: 'integer', value: 'string' } as const

function keyed(key: readonly string[], options: StreamOptions = {}): SinkStream {
  const ofStream = { mode: 'append_dedup', syncMode: 'incremental', cursor: 'cursor' } as const
  return sinkStream(columns, { ...ofStream, key, ...options })
}

const first = [
  { id: 1, cursor: 1, value: 'a' },
  { id: 2, cursor: 1, value: 'b' },
]
const later = [
  { id: 1, cursor: 2, value: 'changed' },
  { id: 2, cursor: 1, value: 'b' },
]

async function values(db: TestDatabase): Promise<unknown> {
  const rows = await db.query('SELECT value FROM things ORDER BY id, cursor')
  return rows.map(({ value }) => value)
}

async function refused(db: TestDatabase, sink: SinkStream): Promise<ConnectError> {
  const error: unknown = await sync(db, sink, later).catch((thrown: unknown) => thrown)
  return ConnectError.from(error)
}

describe('a stream that is merged by another key than before', () => {
  test.each(usually(1, [[['id', 'value']], [['value']]]))(
    '%j stops before it changes anything',
    async (key) => {
      await using db = await testDatabase()
      await sync(db, keyed(['id']), first)
      const error = await refused(db, keyed(key))
      expect(error).toMatchObject({ code: 'destination_key_changed', retryable: false })
      expect(error.message).toContain(
        `by the key (id), but stream things now has the key (${key.join(', ')})`,
      )
      expect(error.suggestedFix).toContain('TRUNCATE "public"."things"')
      expect(await values(db)).toEqual(['a', 'b'])
      // The old key is still the one to go on with.
      await sync(db, keyed(['id']), later)
      expect(await values(db)).toEqual(['changed', 'b'])
    },
  )

  test('stops also after a reset, which leaves the rows', async () => {
    await using db = await testDatabase()
    await sync(db, keyed(['id']), first)
    await withDestination(db, (destination) => destination.forget('test', 'all'))
    expect(await refused(db, keyed(['id', 'value']))).toMatchObject({
      code: 'destination_key_changed',
    })
  })

  test('fills the table from the beginning once it is empty', async () => {
    await using db = await testDatabase()
    await sync(db, keyed(['id']), first)
    await db.query('TRUNCATE things')
    const begun = await sync(db, keyed(['id', 'value']), later)
    expect(begun.slices).toEqual([])
    expect(await values(db)).toEqual(['changed', 'b'])
    await sync(db, keyed(['id', 'value']), later)
    expect(await values(db)).toEqual(['changed', 'b'])
  })

  longTest('goes on after an overwrite replaced the rows', async () => {
    await using db = await testDatabase()
    await sync(db, keyed(['id']), first)
    await sync(
      db,
      keyed(['id', 'value'], { mode: 'overwrite_dedup', syncMode: 'full_refresh' }),
      later,
    )
    await sync(db, keyed(['id', 'value']), later)
    expect(await values(db)).toEqual(['changed', 'b'])
    // A key by which an overwrite merged rows counts too.
    expect(await refused(db, keyed(['id']))).toMatchObject({ code: 'destination_key_changed' })
  })

  longTest('stops also after it was appended in between, until the table is empty', async () => {
    await using db = await testDatabase()
    const appended = keyed(['id'], { mode: 'append' })
    await sync(db, keyed(['id']), first)
    await sync(db, appended, later)
    await sync(db, appended, later)
    expect(await refused(db, keyed(['value']))).toMatchObject({
      code: 'destination_key_changed',
      message: expect.stringContaining('by the key (id)') as unknown,
    })
    // An overwrite that did not end has replaced nothing.
    await begin(db, keyed(['value'], { mode: 'overwrite_dedup', syncMode: 'full_refresh' }))
    expect(await refused(db, keyed(['value']))).toMatchObject({ code: 'destination_key_changed' })
    await db.query('TRUNCATE things')
    await sync(db, appended, later)
    await sync(db, keyed(['value']), later)
    expect(await values(db)).toEqual(['changed', 'b'])
  })

  longTest('says how many rows a key deletes that were appended before', async () => {
    await using db = await testDatabase()
    const appended = keyed(['id'], { mode: 'append' })
    for (let run = 0; run < 3; run++) await sync(db, appended, first)
    const begun = await sync(db, keyed(['id']), later)
    expect(begun.warnings).toEqual([
      '4 rows of "public"."things" were deleted, because newer rows have the same key (id): the table was not merged by this key until now.',
    ])
    expect(await values(db)).toEqual(['changed', 'b'])
    expect((await sync(db, keyed(['id']), later)).warnings).toEqual([])
  })

  longTest('goes on after an overwrite without a key, whatever the one before was', async () => {
    await using db = await testDatabase()
    await sync(db, keyed(['id']), first)
    await sync(db, keyed(['id'], { mode: 'overwrite', syncMode: 'full_refresh' }), later)
    await sync(db, keyed(['value']), later)
    expect(await values(db)).toEqual(['changed', 'b'])
  })

  longTest(
    'goes on when only the order of the fields changed, or rows were appended before',
    async () => {
      await using db = await testDatabase()
      await sync(db, keyed(['id', 'value'], { mode: 'append' }), first)
      await sync(db, keyed(['id']), first)
      expect(await values(db)).toEqual(['a', 'b'])
      await using other = await testDatabase()
      await sync(other, keyed(['id', 'value']), first)
      await sync(other, keyed(['value', 'id']), first)
      expect(await values(other)).toEqual(['a', 'b'])
    },
  )
})

describe('a key whose type changed', () => {
  type Kinds = Parameters<typeof sinkStream>[0]
  const typed = (id: Kinds[string], options: StreamOptions = {}): SinkStream =>
    sinkStream({ id }, { mode: 'append_dedup', key: ['id'], ...options })

  test.each(
    usually(1, [
      ['double', 1e20, 'string', '1e+20'],
      ['timestamptz', '2024-01-02T03:04:05Z', 'string', '2024-01-02T03:04:05Z'],
      ['json', { a: 1 }, 'string', '{"a": 1}'],
      ['boolean', true, 'integer', 1],
    ] as const),
  )('from %s (%j) to %s (%j) stops before it changes anything', async (...row) => {
    const [was, a, is, b] = row
    await using db = await testDatabase()
    await sync(db, typed(was), [{ id: a }])
    const error: unknown = await sync(db, typed(is), [{ id: b }]).catch((thrown: unknown) => thrown)
    expect(ConnectError.from(error)).toMatchObject({
      code: 'destination_key_changed',
      message: expect.stringContaining(
        `key (id as ${was}), but stream things now has the key (id as ${is})`,
      ) as unknown,
      suggestedFix: expect.stringContaining('give id its old type back at the source') as unknown,
    })
    expect(await db.query('SELECT FROM things')).toHaveLength(1)
    await sync(db, typed(was), [{ id: a }])
    await db.query('TRUNCATE things')
    await sync(db, typed(is), [{ id: b }])
    await sync(db, typed(is), [{ id: b }])
    expect(await db.query('SELECT FROM things')).toHaveLength(1)
  })

  test.each(
    usually(2, [
      ['integer', 1, 'number', 1],
      ['integer', 1, 'string', '1'],
      ['number', 1.5, 'string', '1.5'],
      ['integer', 1, 'json', 1],
      ['string', 'a', 'json', 'a'],
      ['date', '2024-01-02', 'timestamp', '2024-01-02T00:00:00'],
    ] as const),
  )('from %s (%j) to %s (%j) goes on with the same row', async (...row) => {
    const [was, a, is, b] = row
    await using db = await testDatabase()
    await sync(db, typed(was), [{ id: a }])
    await sync(db, typed(is), [{ id: b }])
    expect(await db.query('SELECT FROM things')).toHaveLength(1)
  })

  longTest(
    'from varchar(3) and uuid to text goes on with the same row, and an overwrite may change it',
    async () => {
      const id = '7d444840-9dc0-11d1-b245-5ffdce74fad2'
      for (const [type, value] of [
        ['varchar(3)', 'abc'],
        ['uuid', id],
      ] as const) {
        await using db = await testDatabase()
        await db.query(
          `CREATE TABLE things (_airbyte_extracted_at timestamptz, _airbyte_generation_id bigint, _airbyte_raw_id uuid, _airbyte_meta jsonb, id ${type})`,
        )
        await sync(db, typed('string'), [{ id: value }])
        await sync(db, typed('string'), [{ id: value }])
        expect(await db.query('SELECT id::text FROM things')).toEqual([{ id: value }])
      }
      await using db = await testDatabase()
      const mode = 'overwrite_dedup'
      await sync(db, typed('timestamptz', { mode }), [{ id: '2024-01-02T03:04:05Z' }])
      await sync(db, typed('string', { mode }), [{ id: 'a' }])
      expect(await db.query('SELECT id FROM things')).toEqual([{ id: 'a' }])
    },
  )
})

describe('an overwrite by a key that the table was not merged by', () => {
  const overwritten = (
    key: readonly string[],
    fields: Parameters<typeof sinkStream>[0] = columns,
  ) => sinkStream(fields, { mode: 'overwrite_dedup', key })

  async function keysOf(db: TestDatabase): Promise<unknown> {
    const rows = await db.query(
      `SELECT pg_get_indexdef(indexrelid, 0, true) AS index FROM pg_index
        WHERE indrelid = 'things'::regclass AND indisunique`,
    )
    return rows.map(({ index }) => /\((.*)\)/.exec(String(index))?.[1])
  }

  test('leaves the rows alone that have the same new key, until it replaces them', async () => {
    await using db = await testDatabase()
    const rows = [
      { id: 1, cursor: 1, value: 'a' },
      { id: 2, cursor: 1, value: 'a' },
    ]
    await sync(db, overwritten(['id']), rows)
    const begun = await begin(db, overwritten(['value']))
    expect(begun.warnings).toEqual([])
    expect(await values(db)).toEqual(['a', 'a'])
    await load(db, begun, { records: later })
    expect(await values(db)).toEqual(['a', 'a'])
    // The run fails here, and the next one goes back to the key of before.
    await sync(db, keyed(['id']), later)
    expect(await values(db)).toEqual(['changed', 'b'])
    expect(await keysOf(db)).toEqual(['id'])
    await sync(db, overwritten(['value']), rows)
    expect(await values(db)).toEqual(['a'])
    expect(await keysOf(db)).toEqual(['value'])
    expect(await db.query('SELECT key_index FROM reactor_connect.streams')).toEqual([
      { key_index: expect.stringContaining('things_') as unknown },
    ])
  })

  longTest('leaves rows alone that were appended several times', async () => {
    await using db = await testDatabase()
    for (let run = 0; run < 2; run++) await sync(db, keyed(['id'], { mode: 'append' }), first)
    const begun = await begin(db, overwritten(['id']))
    expect(await values(db)).toEqual(['a', 'a', 'b', 'b'])
    await load(db, begun, { records: later })
    await finish(db, begun)
    expect(await values(db)).toEqual(['changed', 'b'])
    await sync(db, keyed(['id']), first)
    expect(await keysOf(db)).toEqual(['id'])
  })

  longTest(
    'takes a key column that the table lacks, as does an emptied table, and goes on merging by it',
    async () => {
      const wider = { ...columns, region: 'string' } as const
      const merged = sinkStream(wider, { mode: 'append_dedup', key: ['region'] })
      const records = first.map((record) => ({ ...record, region: record.value }))
      for (const way of ['overwrite', 'TRUNCATE things']) {
        await using db = await testDatabase()
        await sync(db, keyed(['id'], { syncMode: 'full_refresh' }), first)
        if (way === 'overwrite') await sync(db, overwritten(['region'], wider), records)
        else await db.query(way)
        await sync(db, merged, records)
        expect(await values(db)).toEqual(['a', 'b'])
        expect(await keysOf(db)).toEqual(['region'])
      }
    },
  )

  longTest(
    'makes its key where rows are referred to, and where a trigger changes the key says so',
    async () => {
      await using db = await testDatabase()
      await sync(db, overwritten(['id']), first)
      await db.query(
        `ALTER TABLE things ADD UNIQUE (value);
       CREATE TABLE orders (thing text REFERENCES things (value) DEFERRABLE INITIALLY DEFERRED);
       INSERT INTO orders VALUES ('b')`,
      )
      await sync(db, overwritten(['value']), later)
      expect(await values(db)).toEqual(['changed', 'b'])
      await db.query(
        `CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.cursor := 7; RETURN new; END $$;
       CREATE TRIGGER change BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION change()`,
      )
      const error: unknown = await sync(db, overwritten(['cursor']), later).catch(
        (thrown: unknown) => thrown,
      )
      expect(ConnectError.from(error)).toMatchObject({ code: 'destination_key_unusable' })
      expect(await values(db)).toEqual(['changed', 'b'])
    },
  )
})
