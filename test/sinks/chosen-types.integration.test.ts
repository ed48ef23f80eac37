import { describe, expect, test } from 'vitest'
import { ConnectError, type ColumnKind } from '../../protocol/index.ts'
import type { LaneStats, SyncMode } from '../../sinks/sink.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { begin, finish, load, sinkStream } from './loading.ts'
import { longTest, usually } from '../support/long.ts'

const domains = `CREATE DOMAIN cents AS numeric(5,2); CREATE DOMAIN more_cents AS cents; CREATE DOMAIN seconds AS timestamp(0); CREATE DOMAIN single AS real NOT NULL;
  CREATE DOMAIN three AS varchar(3); CREATE DOMAIN padded AS char(3); CREATE DOMAIN small AS int; CREATE DOMAIN price AS numeric(5,2) CHECK (value < 900);
  CREATE DOMAIN few AS int CHECK (value < 1000); CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE pair AS (a int, b text); CREATE EXTENSION hstore`

async function databaseWith(table: string): Promise<TestDatabase> {
  const db = await testDatabase()
  await db.query(`${domains}; CREATE TABLE things (${table})`)
  return db
}

/** A whole sync, and what its commit said. */
async function loaded(
  db: TestDatabase,
  sink: ReturnType<typeof sinkStream>,
  records: Parameters<typeof load>[2]['records'],
  run = 1,
): Promise<LaneStats> {
  const begun = await begin(db, sink, run)
  const stats = await load(db, begun, { records })
  await finish(db, begun)
  return stats
}

async function typesOf(db: TestDatabase, table = 'things'): Promise<Record<string, unknown>> {
  const rows = await db.query(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
      WHERE attrelid = '${table}'::regclass AND attnum > 0 AND NOT attisdropped AND attname NOT LIKE '\\_airbyte%' ORDER BY attnum`,
  )
  return Object.fromEntries(rows.map(({ name, type }) => [String(name), type]))
}

async function refusal(work: Promise<unknown>): Promise<ConnectError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(thrown instanceof ConnectError)) throw new Error(`no refusal: ${String(thrown)}`)
  return thrown
}

/** The statement of a fix. */
function statementOf({ suggestedFix }: ConnectError): string {
  return /`(ALTER TABLE [^`]*)`/.exec(suggestedFix)?.[1] ?? suggestedFix
}

const long = 'n'.repeat(63)
/**
 * The type of the key, the kind of the field, two of its values that the type would make one, and what the
 * column becomes.
 */
const keys: readonly (readonly [string, ColumnKind, readonly unknown[], string])[] = [
  ['name', 'string', [`${long}A`, `${long}B`], 'text'],
  ['"char"', 'string', ['ab', 'ac'], 'text'],
  ['cents', 'number', [1.001, 1.004], 'numeric'],
  ['more_cents', 'number', [1.001, 1.004], 'numeric'],
  ['money', 'number', [1.001, 1.004], 'numeric'],
  ['money', 'integer', [1, 2], 'numeric'],
  ['money', 'string', ['1', '1.00'], 'text'],
  [
    'seconds',
    'timestamp',
    ['2020-01-01T10:00:00.1', '2020-01-01T10:00:00.2'],
    'timestamp without time zone',
  ],
  ['single', 'number', [16777216, 16777217], 'numeric'],
  ['single', 'double', [0.1, 0.100000001], 'numeric'],
  ['padded', 'string', ['a', 'a  '], 'text'],
  ['three', 'string', ['abc', 'abc '], 'text'],
  ['small', 'string', ['7', ' 7'], 'text'],
  ['oid', 'integer', [-1, 4294967295], 'bigint'],
  ['interval(0)', 'string', ['PT1.1S', 'PT1.2S'], 'text'],
  ['interval', 'string', ['1 day', '24:00:00'], 'text'],
  ['int4range', 'string', ['[1,3)', '[1,2]'], 'text'],
  ['text[]', 'string', ['{a}', '{"a"}'], 'text'],
  ['inet', 'integer', [1, 2], 'text'],
]

describe.each(['append_dedup', 'overwrite_dedup'] as const)('keys, with %s', (mode) => {
  longTest('no two keys become one in a column whose type would make them one', async () => {
    await using db = await databaseWith('id bigint')
    const name = (index: number): string => `keyed_${index}`
    const tables = keys.map(([type], index) => `CREATE TABLE ${name(index)} (id ${type}, v bigint)`)
    await db.query(tables.join(';'))
    for (const [index, [, kind, values, becomes]] of keys.entries()) {
      const options = { name: name(index), mode, key: ['id'] }
      const sink = sinkStream({ id: kind, v: 'integer' }, options)
      const records = values.map((id, v) => ({ id, v })) as Parameters<typeof loaded>[2]
      for (const run of [1, 2]) {
        const stats = await loaded(db, sink, records, run)
        expect(stats, `${index}`).toMatchObject({ loaded: 2, rejected: 0, nulled: 0, cut: 0 })
      }
      const rows = await db.query(`SELECT v::int FROM ${name(index)} ORDER BY v`)
      expect(rows, `${index}`).toEqual([{ v: 0 }, { v: 1 }])
      expect(await typesOf(db, name(index))).toEqual({ id: becomes, v: 'bigint' })
    }
  })

  test('a key whose domain has a CHECK is refused before anything is loaded, and loads after the statement of the fix', async () => {
    await using db = await databaseWith('id price, v bigint')
    const sink = sinkStream({ id: 'number', v: 'integer' }, { mode, key: ['id'] })
    const error = await refusal(begin(db, sink))
    expect(error).toMatchObject({
      code: 'destination_column_unfit',
      details: { table: '"public"."things"', column: '"id"', type: 'public.price' },
    })
    expect(await typesOf(db)).toEqual({ id: 'price', v: 'bigint' })
    await db.query(statementOf(error))
    const records = [
      { id: 1.001, v: 1 },
      { id: 1.004, v: 2 },
    ]
    expect(await loaded(db, sink, records)).toMatchObject({ loaded: 2, rejected: 0 })
  })
})

test('an own key type is not changed under the rows of a merge, but after the statement of the fix they are merged', async () => {
  await using db = await databaseWith('id text, v bigint')
  const sink = sinkStream({ id: 'string', v: 'integer' }, { mode: 'append_dedup', key: ['id'] })
  await loaded(db, sink, [{ id: 'PT1S', v: 1 }])
  await db.query(
    `SET intervalstyle = 'iso_8601'; ALTER TABLE things ALTER id TYPE interval USING id::interval`,
  )
  const error = await refusal(begin(db, sink, 2))
  expect(error).toMatchObject({ code: 'destination_column_unfit', details: { type: 'interval' } })
  await db.query(`SET intervalstyle = 'iso_8601'; ${statementOf(error)}`)
  await loaded(db, sink, [{ id: 'PT1S', v: 2 }], 2)
  expect(await db.query('SELECT id, v::int FROM things')).toEqual([{ id: 'PT1S', v: 2 }])
})

longTest(
  'a key of network addresses or labels stays, and what it takes for equal is told when the sync begins',
  async () => {
    await using db = await databaseWith('id inet, e mood')
    const sink = sinkStream(
      { id: 'string', e: 'string' },
      { mode: 'append_dedup', key: ['id', 'e'] },
    )
    const begun = await begin(db, sink)
    expect(begun.warnings.join()).toContain('type inet')
    expect(begun.warnings.join()).not.toContain('mood')
    expect(await typesOf(db)).toEqual({ id: 'inet', e: 'mood' })
  },
)

/**
 * The type of the column, the kind of the field, a value, the new type of the column, and the text of the
 * value in it.
 */
const others: readonly (readonly [string, ColumnKind, unknown, string, string])[] = [
  ['money', 'number', 1.005, 'numeric', '1.005'],
  ['money', 'string', '', 'text', ''],
  ['cents', 'number', 1.005, 'numeric', '1.005'],
  ['single', 'double', 0.123456789012345, 'numeric', '0.123456789012345'],
  [
    'seconds',
    'timestamp',
    '2020-01-01T10:00:00.6',
    'timestamp without time zone',
    '2020-01-01 10:00:00.6',
  ],
  ['interval(0)', 'string', '1.6 s', 'interval', '00:00:01.6'],
  ['interval year to month', 'string', '1 mon 2 days', 'interval', '1 mon 2 days'],
  ['interval', 'integer', 12, 'text', '12'],
  ['name', 'string', `${long}more`, 'text', `${long}more`],
  ['"char"', 'string', 'xyz', 'text', 'xyz'],
  ['padded', 'string', 'a ', 'text', 'a '],
  ['three', 'string', 'abcdef', 'text', 'abcdef'],
  ['small', 'string', ' 13 ', 'text', ' 13 '],
  ['small', 'integer', 2 ** 40, 'bigint', String(2 ** 40)],
  ['numeric(5,2)[]', 'string', '{1.005}', 'text', '{1.005}'],
  ['pair', 'string', '( 1,b)', 'text', '( 1,b)'],
  ['int4range', 'json', [1, 2], 'jsonb', '[1, 2]'],
  ['int[]', 'json', [1, null, 2], 'jsonb', '[1, null, 2]'],
  ['text[]', 'json', ['a', '{'], 'jsonb', '["a", "{"]'],
  ['bigint[]', 'json', [9000000000001], 'jsonb', '[9000000000001]'],
  ['numeric[]', 'json', [1.5, 'NaN'], 'jsonb', '[1.5, "NaN"]'],
  ['jsonb[]', 'json', [{ a: 1 }], 'jsonb', '[{"a": 1}]'],
  ['pair', 'json', { a: 1, b: 'x' }, 'jsonb', '{"a": 1, "b": "x"}'],
  ['hstore', 'json', { a: '1' }, 'jsonb', '{"a": "1"}'],
  ['mood', 'json', 'ok', 'jsonb', '"ok"'],
  ['uuid', 'json', [1], 'jsonb', '[1]'],
  ['uuid', 'integer', 5, 'text', '5'],
  ['inet', 'boolean', true, 'text', 'true'],
  ['int[]', 'integer', 5, 'text', '5'],
  ['oid', 'number', 1.5, 'numeric', '1.5'],
  // A column that can hold a text keeps its type.
  ['inet', 'string', '10.0.0.1', 'inet', '10.0.0.1/32'],
  [
    'uuid',
    'string',
    '00000000-0000-0000-0000-000000000001',
    'uuid',
    '00000000-0000-0000-0000-000000000001',
  ],
  ['mood', 'string', 'ok', 'mood', 'ok'],
  ['text[]', 'string', '{a,b}', 'text[]', '{a,b}'],
  ['hstore', 'string', '"a"=>"1"', 'hstore', '"a"=>"1"'],
  ['few', 'integer', 12, 'few', '12'],
]

describe.each(usually(1, ['append', 'append_dedup', 'overwrite', 'overwrite_dedup'] as const))(
  'other columns, with %s',
  (mode: SyncMode) => {
    test('values of columns that a user made arrive as they came', async () => {
      const columns = others.map(([type], index) => `c${index} ${type}`)
      await using db = await databaseWith(`id bigint, ${columns.join(', ')}`)
      const kinds = Object.fromEntries(others.map(([, kind], index) => [`c${index}`, kind]))
      const sink = sinkStream({ id: 'integer', ...kinds }, { mode, key: ['id'] })
      const values = Object.fromEntries(others.map(([, , value], index) => [`c${index}`, value]))
      const records = [{ id: 1, ...values }] as Parameters<typeof loaded>[2]
      expect(await loaded(db, sink, records)).toMatchObject({
        loaded: 1,
        rejected: 0,
        nulled: 0,
        cut: 0,
      })
      const becomes = others.map((other, index) => [`c${index}`, other[3]])
      expect(await typesOf(db)).toEqual({ id: 'bigint', ...Object.fromEntries(becomes) })
      const texts = others.map((_other, index) => `c${index}::text`)
      expect(await db.query(`SELECT ${texts.join(', ')} FROM things`)).toEqual([
        Object.fromEntries(others.map(([, , , , text], index) => [`c${index}`, text])),
      ])
    })
  },
)

longTest('the values that rows have are the same in the wider type', async () => {
  await using db = await databaseWith('a int[], h hstore, m money, n money, p inet, r int4range')
  await loaded(db, sinkStream({ a: 'json' }), [])
  await db.query('ALTER TABLE things ALTER a TYPE int[] USING ARRAY[1]')
  await db.query(
    `INSERT INTO things (a, h, m, n, p, r) VALUES ('{1,2}', 'a=>1', '1.5', '2.5', '10.0.0.1', '[1,2]'), (NULL, NULL, NULL, NULL, NULL, NULL)`,
  )
  const sink = sinkStream({
    a: 'json',
    h: 'json',
    m: 'number',
    n: 'string',
    p: 'integer',
    r: 'boolean',
  })
  await loaded(db, sink, [], 2)
  expect(await db.query('SELECT a, h, m, n, p, r FROM things ORDER BY m')).toEqual([
    { a: [1, 2], h: { a: '1' }, m: '1.50', n: '2.50', p: '10.0.0.1', r: '[1,3)' },
    { a: null, h: null, m: null, n: null, p: null, r: null },
  ])
})

test('a text that no column of its type can hold becomes NULL, and is counted', async () => {
  await using db = await databaseWith('id bigint, h hstore, a bigint[], f few')
  const sink = sinkStream({ id: 'integer', h: 'string', a: 'string', f: 'integer' })
  const stats = await loaded(db, sink, [
    { id: 1, h: '{"a": "1"}', a: '[9000000000001]', f: 2 ** 40 },
    { id: 2, h: 'a=>1', a: '{1}', f: 3 },
  ])
  expect(stats).toMatchObject({ loaded: 2, nulled: 3 })
  expect(await db.query('SELECT id::int, h, a::text, f FROM things ORDER BY id')).toEqual([
    { id: 1, h: null, a: null, f: null },
    { id: 2, h: '"a"=>"1"', a: '{1}', f: 3 },
  ])
})

test('a column that cannot get the type that its field needs is refused with the statement that helps', async () => {
  await using db = await databaseWith('id bigint, a int[], p price')
  await db.query('CREATE VIEW seen AS SELECT a FROM things')
  const viewed = await refusal(begin(db, sinkStream({ id: 'integer', a: 'json' })))
  expect(viewed).toMatchObject({ code: 'destination_column_in_use', details: { type: 'jsonb' } })
  const pinned = await refusal(begin(db, sinkStream({ id: 'integer', p: 'number' })))
  expect(pinned.code).toBe('destination_column_unfit')
  expect(statementOf(pinned)).toBe(
    'ALTER TABLE "public"."things" ALTER COLUMN "p" TYPE pg_catalog.numeric USING "p"::pg_catalog.numeric',
  )
  expect(await typesOf(db)).toEqual({ id: 'bigint', a: 'integer[]', p: 'price' })
})
