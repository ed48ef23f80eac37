import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { rawJson } from '../../protocol/exact-json.ts'
import type { ColumnKind, RecordData, RecordValue } from '../../protocol/index.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { begin, blockOf, commit, openLane, sinkStream, sync } from './loading.ts'
import { anyText } from '../support/any-text.ts'
import { usually } from '../support/long.ts'

/** A value as a source gives it, and as Postgres itself reads it from text. */
interface Sample {
  readonly value: RecordValue | undefined
  readonly text: string | null
}

const plain = (text: string): Sample => ({ value: text, text })
const withoutNul = (text: string): string => text.replaceAll('\0', '')

const micros = fc.integer({ min: 0, max: 999_999 }).map((n) => String(n).padStart(6, '0'))
const moment = fc
  .tuple(
    fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    }),
    micros,
  )
  .map(([date, fraction]) => `${date.toISOString().slice(0, 19)}.${fraction}`)
const clock = fc
  .tuple(fc.integer({ min: 0, max: 86_399 }), micros)
  .map(([second, fraction]) => `${new Date(second * 1000).toISOString().slice(11, 19)}.${fraction}`)
const decimal = fc
  .tuple(
    fc.boolean(),
    fc.stringMatching(/^(0|[1-9][0-9]{0,30})$/),
    fc.option(fc.stringMatching(/^[0-9]{1,30}$/)),
    fc.option(fc.integer({ min: -200, max: 200 })),
  )
  .map(([negative, whole, fraction, exponent]) => {
    const mantissa = `${negative ? '-' : ''}${whole}${fraction === null ? '' : `.${fraction}`}`
    return exponent === null ? mantissa : `${mantissa}e${exponent}`
  })
const text = anyText({ maxLength: 60 })
const anyJson = fc.jsonValue({ stringUnit: 'grapheme' })
const infinite = fc.constantFrom('infinity', '-infinity')

const samples: Readonly<Record<ColumnKind, fc.Arbitrary<Sample>>> = {
  boolean: fc.boolean().map((value) => ({ value, text: String(value) })),
  integer: fc
    .oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.integer().map(BigInt),
      fc.constantFrom(
        2n ** 63n - 1n,
        -(2n ** 63n),
        0n,
        -1n,
        999_999_999n,
        10n ** 9n,
        2n ** 52n,
        -(2n ** 53n) - 1n,
      ),
    )
    .map((value) => ({ value, text: String(value) })),
  number: fc.oneof(
    decimal.map((digits) => ({ value: rawJson(digits), text: digits })),
    fc.double({ noNaN: true }).map((value) => ({ value, text: String(value) })),
  ),
  double: fc.double().map((value) => ({ value, text: String(value) })),
  string: fc
    .oneof(text, fc.constantFrom('\\N', '\\.', '\\', '', '\t\n\v\f\r\b\\', '\u2028', '\0', '😀'))
    .map((value) => ({ value, text: withoutNul(value) })),
  date: fc.oneof(
    moment.map((time) => plain(time.slice(0, 10))),
    infinite.map(plain),
    fc.constantFrom('0044-03-15 BC', '12345-01-02', '0001-01-01', '9999-12-31').map(plain),
  ),
  timestamptz: fc.oneof(
    moment.map((time) => plain(`${time}Z`)),
    moment.map((time) => plain(`${time}+05:30`)),
    infinite.map(plain),
    fc.constantFrom('0044-03-15 10:00:00+00 BC', '12345-01-02 03:04:05.6+00').map(plain),
  ),
  timestamp: fc.oneof(
    moment.map(plain),
    infinite.map(plain),
    fc.constant(plain('0044-03-15 10:00:00 BC')),
  ),
  timetz: clock.map((time) => plain(`${time}+02`)),
  time: fc.oneof(clock.map(plain), fc.constant(plain('24:00:00'))),
  bytes: fc.uint8Array({ maxLength: 40 }).map((value) => ({
    value,
    text: `\\x${Buffer.from(value).toString('hex')}`,
  })),
  json: anyJson.map((value) => ({ value, text: value === null ? null : JSON.stringify(value) })),
}

/** Values that binary COPY can say: all but exponents, infinities and years out of the usual. */
const plainSamples: typeof samples = {
  ...samples,
  number: fc
    .oneof(
      decimal.map((digits) => digits.replace(/e.*/, '')),
      fc.constantFrom('0.00', '-0.0', '1.10', '0.00001', '10000', '99990000.0000', '0.12345'),
    )
    .map((digits) => ({ value: rawJson(digits), text: digits })),
  double: fc
    .oneof(
      fc.double({ min: 1e-6, max: 1e20, noNaN: true }),
      fc.double({ min: -1e20, max: -1e-6, noNaN: true }),
      fc.integer().map((units) => units / 100),
      fc.constantFrom(0, -0, 0.1, 1 / 3, 1e15, 123456789012345.6, 9999.9999, 0.3 - 0.1),
    )
    .map((value) => ({ value, text: String(value) })),
  date: moment.map((time) => plain(time.slice(0, 10))),
  timestamptz: moment.map((time) => plain(`${time}Z`)),
  timestamp: moment.map(plain),
}

const kinds = Object.keys(samples) as ColumnKind[]
const columns = columnsOf(kinds)
/** A table that has one of these is loaded as text. */
const binaryColumns = columnsOf(kinds.filter((kind) => kind !== 'timetz'))

function columnsOf(kindsOfTable: readonly ColumnKind[]): Readonly<Record<string, ColumnKind>> {
  return Object.fromEntries(kindsOfTable.map((kind) => [`c_${kind}`, kind]))
}
const absent = fc.constantFrom<Sample>(
  { value: null, text: null },
  { value: undefined, text: null },
)

function rowOf(values: typeof samples): fc.Arbitrary<Record<string, Sample>> {
  return fc.record(
    Object.fromEntries(
      kinds.map((kind) => [`c_${kind}`, fc.oneof({ weight: 9, arbitrary: values[kind] }, absent)]),
    ),
  )
}

/** Rows of the table that are not what Postgres makes of the texts. */
async function differences(
  db: TestDatabase,
  rows: readonly Record<string, Sample>[],
  names: readonly string[],
): Promise<unknown> {
  const casts: Readonly<Record<string, string>> = {
    ...Object.fromEntries(names.map((name) => [name, 'text'])),
  }
  const types = await db.query(
    `SELECT attname AS name, format_type(atttypid, -1) AS type FROM pg_attribute WHERE attrelid = 'things'::regclass AND attnum > 0`,
  )
  const typeOf = new Map(types.map(({ name, type }) => [String(name), String(type)]))
  const expected = rows.map((sample, id) => ({
    id,
    ...Object.fromEntries(names.map((name) => [name, sample[name]?.text ?? null])),
  }))
  const definition = Object.entries(casts).map(([name, type]) => `${name} ${type}`)
  const differs = names.map(
    (name) => `t.${name}::text IS DISTINCT FROM (e.${name}::${typeOf.get(name) ?? 'text'})::text`,
  )
  return db.query(
    `SELECT to_jsonb(t) AS loaded, to_jsonb(e) AS expected FROM json_to_recordset($1) AS e (id bigint, ${definition.join(', ')})
     FULL JOIN things t ON t.id = e.id WHERE t.id IS NULL OR e.id IS NULL OR ${differs.join(' OR ')}`,
    [JSON.stringify(expected)],
  )
}

test.each(
  usually(1, [
    { road: 'as text, where a column has no binary form', declared: columns, values: samples },
    { road: 'in binary up to a row that needs text', declared: binaryColumns, values: samples },
    { road: 'in binary', declared: binaryColumns, values: plainSamples, format: 'FORMAT binary' },
  ]),
)(
  'any value of any kind arrives as Postgres itself would read it: $road',
  async ({ declared, values, format }) => {
    await using db = await testDatabase()
    const sink = sinkStream({ id: 'integer', ...declared })
    const begun = await begin(db, sink)
    const names = Object.keys(declared)
    let runs = 0
    await fc.assert(
      fc.asyncProperty(fc.array(rowOf(values), { minLength: 1, maxLength: 40 }), async (rows) => {
        const records = rows.map((sample, id): RecordData => ({
          id,
          ...Object.fromEntries(names.map((name) => [name, sample[name]?.value])),
        }))
        runs += 1
        const slice = `run-${runs}`
        await db.query('TRUNCATE things')
        // Opens a lane of its own: a lane that had to fall back to text stays with it.
        await using lane = await openLane(db, begun)
        await lane.write(blockOf(sink.columns, records, { slice }))
        if (format !== undefined) await expectCopy(db, format)
        await commit(lane, rows.length, { slice })
        expect(await differences(db, rows, names)).toEqual([])
      }),
      { numRuns: 60 },
    )
  },
  120_000,
)

/** A COPY in this format waits for rows. */
async function expectCopy(db: TestDatabase, format: string): Promise<void> {
  await vi.waitFor(async () => {
    const open = await db.query(
      `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%COPY %' AND pid <> pg_backend_pid()`,
    )
    expect(open.map(({ query }) => String(query)).join()).toContain(format)
  }, 10_000)
}

test.each([
  [{ id: 'integer' }, 'FORMAT binary'],
  [{ id: 'integer', at: 'timetz' }, 'FORMAT text'],
] as const)('a table of %j is loaded with %s', async (declared, format) => {
  await using db = await testDatabase()
  const sink = sinkStream(declared)
  await using lane = await openLane(db, await begin(db, sink))
  await lane.write(blockOf(sink.columns, [{ id: 1 }]))
  await expectCopy(db, format)
  await commit(lane, 1)
})

test('what a declared type cannot hold goes where the column can hold it, else it is NULL with a note', async () => {
  await using db = await testDatabase()
  const reason = 'DESTINATION_TYPECAST_ERROR'
  const sink = sinkStream({
    id: 'integer',
    i: 'integer',
    n: 'number',
    d: 'date',
    t: 'timestamptz',
    l: 'timestamp',
    b: 'boolean',
    x: 'bytes',
    s: 'string',
  })
  await sync(db, sink, [
    {
      id: 1,
      i: 2n ** 63n,
      n: 'NaN',
      d: 'now',
      t: 'today',
      l: '2024-01-01T00:00:00+05:00',
      b: 'true',
      x: '?',
      s: { a: 1 },
    },
    {
      id: 2,
      i: '12',
      n: '1.50',
      d: 'infinity',
      t: '-0044-03-15T00:00:00Z',
      l: '-infinity',
      b: 1,
      s: 12.5,
    },
    { id: 3, t: '2024-01-01T00:00:00.123456789Z', d: '2024-01-01T00:00:00Z' },
  ])
  const rows = await db.query(
    `SELECT id::int, i, n::text, d::text, (t AT TIME ZONE 'UTC')::text AS t, l::text, b, x, s, _airbyte_meta->'changes' AS changes FROM things ORDER BY id`,
  )
  const nulled = (...fields: string[]): unknown[] =>
    fields.map((field) => ({ field, change: 'NULLED', reason }))
  expect(rows).toEqual([
    {
      id: 1,
      i: null,
      n: 'NaN',
      d: null,
      t: null,
      l: null,
      b: null,
      x: null,
      s: '{"a":1}',
      changes: nulled('i', 'd', 't', 'l', 'b', 'x'),
    },
    {
      id: 2,
      i: '12',
      n: '1.50',
      d: 'infinity',
      t: '0045-03-15 00:00:00 BC',
      l: '-infinity',
      b: null,
      x: null,
      s: '12.5',
      changes: nulled('b'),
    },
    {
      id: 3,
      i: null,
      n: null,
      d: null,
      t: '2024-01-01 00:00:00.123457',
      l: null,
      b: null,
      x: null,
      s: null,
      changes: [
        { field: 'd', change: 'NULLED', reason },
        { field: 't', change: 'TRUNCATED', reason },
      ],
    },
  ])
})

test('an integer of 2^63 goes into a column that has become numeric', async () => {
  await using db = await testDatabase()
  await sync(db, sinkStream({ v: 'number' }), [{ v: 0.5 }])
  await sync(db, sinkStream({ v: 'integer' }), [{ v: 2n ** 63n }])
  expect(await db.query('SELECT v FROM things ORDER BY v')).toEqual([
    { v: '0.5' },
    { v: '9223372036854775808' },
  ])
})

test('U+0000 and halves of surrogate pairs are taken out of JSON, and noted', async () => {
  await using db = await testDatabase()
  await sync(db, sinkStream({ id: 'integer', v: 'json' }), [
    { id: 1, v: { a: 'x\0y', b: '\\u0000', 'k\0': '\ud83d' } },
    { id: 2, v: ['\\u0000', '😀', 'line\nbreak'] },
  ])
  expect(
    await db.query(
      `SELECT v, jsonb_array_length(_airbyte_meta->'changes') AS n FROM things ORDER BY id`,
    ),
  ).toEqual([
    { v: { a: 'xy', b: '\\u0000', k: '\ufffd' }, n: 1 },
    { v: ['\\u0000', '😀', 'line\nbreak'], n: 0 },
  ])
})

test('a value of many megabytes and a table of many columns are loaded', async () => {
  await using db = await testDatabase()
  const many = Object.fromEntries(
    Array.from({ length: 1000 }, (_, n) => [`c${n}`, 'integer' as const]),
  )
  await sync(db, sinkStream({ id: 'integer', big: 'string', ...many }), [
    { id: 1, big: '\\\t'.repeat(4_000_000), c999: 7 },
    { id: 2, big: 'small', c0: 1 },
  ])
  expect(await db.query('SELECT length(big), c0, c999 FROM things ORDER BY id')).toEqual([
    { length: 8_000_000, c0: null, c999: '7' },
    { length: 5, c0: '1', c999: null },
  ])
})
