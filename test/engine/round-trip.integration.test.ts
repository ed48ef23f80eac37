import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { logConfig, planRun, runPlan, type LogName } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { usually } from '../support/long.ts'

const logs: readonly LogName[] = ['embedded', 'kafka block', 'kafka record']

interface Case {
  readonly type: string
  /** SQL expressions; a NULL is added to each. */
  readonly values: readonly string[]
  /** How the destination's column is compared with the source's value; default: the source's own type. */
  readonly compare?: (source: string, destination: string) => string
}

/** The destination's value, read as the source's type. */
const as =
  (type: string) =>
  (source: string, destination: string): string =>
    `${source} IS NOT DISTINCT FROM ${destination}::${type}`
const sameText = (source: string, destination: string): string =>
  `${source}::text IS NOT DISTINCT FROM ${destination}::text`
const sameJson = (source: string, destination: string): string =>
  `to_jsonb(${source}) IS NOT DISTINCT FROM ${destination}`

/**
 * Every common type with its edge values. `lossy` ones (what a column of the destination cannot hold) have
 * tests of their own.
 */
const cases: Readonly<Record<string, Case>> = {
  boolean: { type: 'boolean', values: ['true', 'false'] },
  smallint: { type: 'smallint', values: ['-32768', '0', '32767'] },
  integer: { type: 'integer', values: ['-2147483648', '2147483647'] },
  bigint: {
    type: 'bigint',
    values: [
      '-9223372036854775808',
      '9223372036854775807',
      '9007199254740993',
      '-9007199254740993',
    ],
  },
  numeric: {
    type: 'numeric',
    values: [
      '0.1000000000000000055',
      '9007199254740993',
      '-0.00',
      '1e-20',
      '1e40',
      "'NaN'",
      "'Infinity'",
      "'-Infinity'",
      '123456789012345678901234567890.123456789',
    ],
  },
  money_numeric: { type: 'numeric(12,2)', values: ['9999999999.99', '-0.01'] },
  real: {
    type: 'real',
    values: ['1.5', "'NaN'", "'Infinity'", '3.4028235e38', '1e-45', '0.1'],
    compare: as('real'),
  },
  double_precision: {
    type: 'double precision',
    values: [
      '0.1',
      '1e308',
      '5e-324',
      "'NaN'",
      "'Infinity'",
      "'-Infinity'",
      '-0.0',
      '123456789.123456789',
    ],
  },
  text: {
    type: 'text',
    values: [
      "''",
      "'plain'",
      String.raw`E'tab\tnewline\nreturn\rback\\slash\bfeed\fvert\x0b'`,
      "'\\N'",
      "'\\.'",
      "'𝒳😀漢字'",
      "E'\\u0001\\u007f'",
      "repeat('x', 100000)",
    ],
  },
  varchar: { type: 'varchar(20)', values: ["'short'"] },
  character: { type: 'char(5)', values: ["'ab'"], compare: as('char(5)') },
  uuid: { type: 'uuid', values: ["'6ecd8c99-4036-403d-bf84-cf8400f67836'"], compare: sameText },
  date: {
    type: 'date',
    values: [
      "'0001-01-01'",
      "'9999-12-31'",
      "'1969-12-31'",
      "'2024-02-29'",
      "'infinity'",
      "'-infinity'",
      "'0044-03-15 BC'",
      "'20000-01-01'",
    ],
  },
  timestamptz: {
    type: 'timestamptz',
    values: [
      "'2024-02-29 23:59:59.999999+14'",
      "'1969-12-31 23:59:59.999999Z'",
      "'0001-01-01 00:00:00Z'",
      "'9999-12-31 23:59:59.999999Z'",
      "'infinity'",
      "'-infinity'",
      "'0044-03-15 12:00:00+00 BC'",
      "'20000-06-01 00:00:00Z'",
    ],
  },
  timestamp: {
    type: 'timestamp',
    values: [
      "'2024-02-29 23:59:59.5'",
      "'1969-12-31 23:59:59.999999'",
      "'infinity'",
      "'0044-03-15 12:00:00 BC'",
    ],
  },
  time: { type: 'time', values: ["'00:00:00'", "'23:59:59.999999'", "'24:00:00'"] },
  timetz: { type: 'timetz', values: ["'12:34:56.789+05:30'", "'24:00:00-15:59'"] },
  interval: {
    type: 'interval',
    values: ["'1 year 2 months 3 days 04:05:06.789'", "'-1 day'"],
    compare: (source, destination) => `${source} IS NOT DISTINCT FROM ${destination}::interval`,
  },
  bytea: {
    type: 'bytea',
    values: [String.raw`'\x'`, String.raw`'\x00ff0a5c'`, "decode(repeat('ab', 5000), 'hex')"],
  },
  json: {
    type: 'json',
    values: [`'{"a": [1, 2.50, "x"], "a": null}'`],
    compare: (source, destination) => `${source}::jsonb IS NOT DISTINCT FROM ${destination}`,
  },
  jsonb: {
    type: 'jsonb',
    values: [
      `'{"big": 12345678901234567890.123456789, "deep": [[[]]], "text": "a\\\\b\\"c\\n😀"}'`,
      "'null'",
      "'[]'",
      `'"text"'`,
      "'0.1000000000000000055'",
    ],
  },
  enum: { type: 'mood', values: ["'sad'", "'very happy'"], compare: sameText },
  domain: { type: 'positive', values: ['5'] },
  inet: { type: 'inet', values: ["'192.168.0.1/24'", "'::1'"], compare: as('inet') },
  cidr: { type: 'cidr', values: ["'10.0.0.0/8'"], compare: sameText },
  macaddr: { type: 'macaddr', values: ["'08:00:2b:01:02:03'"], compare: sameText },
  money: {
    type: 'money',
    values: ["'$1,234.56'", "'-$0.01'"],
    compare: (source, destination) =>
      `${source}::numeric IS NOT DISTINCT FROM ${destination}::numeric`,
  },
  bits: { type: 'bit varying', values: ["B'10101'"], compare: sameText },
  int4range: { type: 'int4range', values: ["'[1,10)'", "'empty'"], compare: sameText },
  tstzrange: {
    type: 'tstzrange',
    values: ["'[2024-01-01 00:00:00+00,infinity)'"],
    compare: (source, destination) => `${source} IS NOT DISTINCT FROM ${destination}::tstzrange`,
  },
  nummultirange: { type: 'nummultirange', values: ["'{[1,2),[5,6.5]}'"], compare: sameText },
  tsvector: { type: 'tsvector', values: ["'fat cat'::tsvector"], compare: sameText },
  xml: { type: 'xml', values: ["'<a>&amp;</a>'"], compare: sameText },
  point: { type: 'point', values: ["'(1.5,-2)'"], compare: sameText },
  int_array: {
    type: 'integer[]',
    values: ["'{1,NULL,3}'", "'{}'", "'{{1,2},{3,4}}'"],
    compare: sameJson,
  },
  text_array: {
    type: 'text[]',
    values: [`ARRAY['a,b', 'c"d', 'e\\f', NULL, '']`],
    compare: sameJson,
  },
  numeric_array: {
    type: 'numeric[]',
    values: ["'{0.1000000000000000055,9007199254740993}'"],
    compare: sameJson,
  },
  composite: {
    type: 'address',
    values: ["ROW('Main St', 12)::address", 'ROW(NULL, NULL)::address'],
    compare: sameJson,
  },
}

async function createSource(shop: TestDatabase): Promise<void> {
  await shop.query(`CREATE TYPE mood AS ENUM ('sad', 'very happy')`)
  await shop.query('CREATE DOMAIN positive AS integer CHECK (VALUE > 0)')
  await shop.query('CREATE TYPE address AS (street text, number integer)')
  for (const [name, { type, values }] of Object.entries(cases)) {
    await shop.query(`CREATE TABLE t_${name} (id integer PRIMARY KEY, v ${type})`)
    const rows = [...values, 'NULL'].map((value, index) => `(${String(index)}, ${value})`)
    await shop.query(`INSERT INTO t_${name} VALUES ${rows.join(', ')}`)
  }
}

// Concurrent: a run waits for the broker most of the time.
describe.concurrent.each(usually(1, logs))('through the %s log', { timeout: 120_000 }, (log) => {
  test('every common type arrives equal by Postgres’ own comparison', async () => {
    await using shop = await testDatabase()
    await createSource(shop)
    const plan = await planRun({
      connection: `types-${randomUUID().slice(0, 8)}`,
      source: { type: 'postgres', config: { ...shop.address, schemas: ['public'] } },
      destination: shop.address,
      schema: 'copied',
      log: logConfig(log),
      mode: 'append',
    })
    const { result } = await runPlan(plan)
    expect(result.streams.filter(({ status }) => status !== 'complete')).toEqual([])
    const wrong: string[] = []
    for (const [name, { values, compare }] of Object.entries(cases)) {
      const equal = compare?.('s.v', 'd.v') ?? 's.v IS NOT DISTINCT FROM d.v'
      const rows = await shop.query(
        `SELECT s.id, s.v::text AS source, d.v::text AS destination, d._airbyte_meta::text AS meta
           FROM public.t_${name} s LEFT JOIN copied.t_${name} d USING (id) WHERE d.id IS NULL OR (${equal}) IS NOT TRUE`,
      )
      const [counted] = await shop.query(`SELECT count(*)::int AS n FROM copied.t_${name}`)
      if (counted?.n !== values.length + 1) wrong.push(`${name}: ${String(counted?.n)} rows`)
      for (const row of rows) wrong.push(`${name}: ${JSON.stringify(row).slice(0, 300)}`)
    }
    expect(wrong).toEqual([])
  })

  test('values and records of the widest kinds keep their neighbours', async () => {
    await using shop = await testDatabase()
    await shop.query('CREATE TABLE wide (id integer PRIMARY KEY, body text)')
    await shop.query(
      `INSERT INTO wide SELECT n, repeat(chr(65 + n % 26), CASE WHEN n % 50 = 0 THEN 2000000 ELSE 10 END) FROM generate_series(1, 200) n`,
    )
    const plan = await planRun({
      connection: `wide-${randomUUID().slice(0, 8)}`,
      source: { type: 'postgres', config: { ...shop.address, schemas: ['public'] } },
      destination: shop.address,
      schema: 'copied',
      log: logConfig(log),
      mode: 'append_dedup',
    })
    const { result } = await runPlan(plan)
    expect(result.status).toBe('complete')
    const [row] = await shop.query(
      'SELECT count(*)::int AS same FROM wide s JOIN copied.wide d USING (id) WHERE s.body = d.body',
    )
    expect(row).toEqual({ same: 200 })
  })
})
