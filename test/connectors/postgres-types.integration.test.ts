import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresConnector } from '../../connectors/postgres/connector.ts'
import { parsePostgresConfig } from '../../connectors/postgres/config.ts'
import { SourceSession } from '../../connectors/postgres/session.ts'
import { columnsOf, type JsonObject } from '../../protocol/index.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { contextOf, discovered, fullRefreshOf, readAll, rowsOf } from './collected.ts'

let db: TestDatabase

/** SQL type, a literal of it, the kind on the wire, the text on the wire. */
const cases: readonly (readonly [string, string, string, string | null])[] = [
  ['bool', `true`, 'boolean', 't'],
  ['int2', `-32768`, 'integer', '-32768'],
  ['int4', `2147483647`, 'integer', '2147483647'],
  ['int8', `9223372036854775807`, 'integer', '9223372036854775807'],
  ['oid', `4294967295`, 'integer', '4294967295'],
  [
    'numeric',
    `123456789012345678901234567890.1234567890`,
    'number',
    '123456789012345678901234567890.1234567890',
  ],
  ['numeric(12,2)', `1.5`, 'number', '1.50'],
  ['numeric', `'NaN'`, 'number', 'NaN'],
  ['float4', `0.1`, 'double', '0.1'],
  ['float8', `0.1::float8 + 0.2`, 'double', '0.30000000000000004'],
  ['float8', `'-Infinity'`, 'double', '-Infinity'],
  [
    'text',
    `E'tab\\t nl\\n bs\\\\ \\\\N cr\\r 山田 😀'`,
    'string',
    'tab\t nl\n bs\\ \\N cr\r 山田 😀',
  ],
  ['text', `''`, 'string', ''],
  ['varchar(10)', `'abc'`, 'string', 'abc'],
  ['char(5)', `'ab'`, 'string', 'ab   '],
  ['"char"', `'x'`, 'string', 'x'],
  ['name', `'n'`, 'string', 'n'],
  ['ext.citext', `'MiXed'`, 'string', 'MiXed'],
  [
    'uuid',
    `'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'`,
    'string',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  ],
  ['inet', `'10.1.2.3/8'`, 'string', '10.1.2.3/8'],
  ['cidr', `'10.0.0.0/8'`, 'string', '10.0.0.0/8'],
  ['macaddr', `'08:00:2B:01:02:03'`, 'string', '08:00:2b:01:02:03'],
  ['mood', `'sad'`, 'string', 'sad'],
  ['int4range', `'[1,5)'`, 'string', '[1,5)'],
  ['int4multirange', `'{[1,5),[7,9)}'`, 'string', '{[1,5),[7,9)}'],
  ['interval', `'1 year 2 mons 3 days 04:05:06.7'`, 'string', 'P1Y2M3DT4H5M6.7S'],
  ['xml', `'<a>1</a>'`, 'string', '<a>1</a>'],
  ['tsvector', `'fat cat'::tsvector`, 'string', `'cat' 'fat'`],
  ['bit(4)', `B'0101'`, 'string', '0101'],
  ['varbit', `B'01'`, 'string', '01'],
  ['money', `'1234.56'::money`, 'string', '1234.56'],
  ['ext.ltree', `'a.b.c'`, 'string', 'a.b.c'],
  ['point', `'(1,2)'`, 'string', '(1,2)'],
  ['pg_lsn', `'16/B374D848'`, 'string', '16/B374D848'],
  ['jsonpath', `'$.a'`, 'string', '$."a"'],
  ['date', `'2024-02-29'`, 'date', '2024-02-29'],
  ['date', `'infinity'`, 'date', 'infinity'],
  ['date', `'0044-03-15 BC'`, 'date', '0044-03-15 BC'],
  ['timestamp', `'2024-01-02 03:04:05.678901'`, 'timestamp', '2024-01-02 03:04:05.678901'],
  [
    'timestamptz',
    `'2024-01-02 03:04:05.678901+02'`,
    'timestamptz',
    '2024-01-02 01:04:05.678901+00',
  ],
  ['timestamptz', `'-infinity'`, 'timestamptz', '-infinity'],
  ['time', `'03:04:05.678901'`, 'time', '03:04:05.678901'],
  ['timetz', `'03:04:05+02'`, 'timetz', '03:04:05+02'],
  ['bytea', `'\\x00ff5c'`, 'bytes', '\\x00ff5c'],
  ['json', `'{"a": 1.00, "a": 2}'`, 'json', '{"a": 1.00, "a": 2}'],
  ['jsonb', `'{"b": 1.00, "a": [null]}'`, 'json', '{"a": [null], "b": 1.00}'],
  ['int4[]', `'{1,NULL,3}'`, 'json', '[1,null,3]'],
  ['int8[]', `'{9223372036854775807}'`, 'json', '[9223372036854775807]'],
  ['numeric[]', `'{1.10,NaN}'`, 'json', '[1.10,"NaN"]'],
  ['float8[]', `'{0.1,Infinity,-Infinity,NaN}'`, 'json', '[0.1,"Infinity","-Infinity","NaN"]'],
  ['date[]', `'{2024-02-29,infinity}'`, 'json', '["2024-02-29","infinity"]'],
  ['timestamptz[]', `'{2024-01-02 03:04:05+00}'`, 'json', '["2024-01-02T03:04:05+00:00"]'],
  ['text[]', `ARRAY['a"b', E'c\\n', '山']`, 'json', '["a\\"b","c\\n","山"]'],
  ['int4[][]', `'{{1,2},{3,4}}'`, 'json', '[[1,2],[3,4]]'],
  ['json[]', `ARRAY['{"a": "\\u0000"}'::json]`, 'json', '[{"a": "\\u0000"}]'],
  ['mood[]', `'{sad,happy}'`, 'json', '["sad","happy"]'],
  ['pair', `ROW(1.50, 'x')`, 'json', '{"n":1.50,"t":"x"}'],
  ['pair[]', `ARRAY[ROW(1, 'x')::pair]`, 'json', '[{"n":1,"t":"x"}]'],
  ['ext.hstore', `'a=>1, b=>NULL'`, 'json', '{"a": "1", "b": null}'],
  ['posint', `5`, 'integer', '5'],
  ['posint2', `6`, 'integer', '6'],
  ['intlist', `'{1,2}'`, 'json', '[1,2]'],
]

beforeAll(async () => {
  db = await testDatabase()
  await db.query(
    `CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext; CREATE EXTENSION ltree SCHEMA ext;
     CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE pair AS (n numeric, t text);
     CREATE DOMAIN posint AS int CHECK (VALUE > 0); CREATE DOMAIN posint2 AS posint; CREATE DOMAIN intlist AS int[]`,
  )
})
afterAll(async () => {
  await db[Symbol.asyncDispose]()
})

async function readTable(name: string) {
  const stream = await discovered(postgresConnector, { ...db.address }, name)
  const runs = await readAll(
    postgresConnector,
    { ...db.address },
    { stream: fullRefreshOf(stream) },
  )
  return { stream, rows: rowsOf(runs) }
}

test('every type has its kind and its exact text on the wire, and NULL stays NULL', async () => {
  const columns = cases.map(([type], i) => `c${i} ${type}`)
  await db.query(`SET search_path = public, ext; CREATE TABLE types (${columns.join(', ')})`)
  await db.query(`INSERT INTO types VALUES (${cases.map(([, literal]) => literal).join(', ')})`)
  await db.query(`INSERT INTO types DEFAULT VALUES`)
  const { stream, rows } = await readTable('types')
  const kinds = columnsOf(stream.json_schema).map(({ kind }) => kind)
  const shown = (kind: unknown, i: number) => `${cases[i]?.[0] ?? ''}: ${String(kind)}`
  expect(kinds.map(shown)).toEqual(cases.map(([, , kind], i) => shown(kind, i)))
  const [values, nulls] = rows
  expect(Object.values(values ?? {}).map(shown)).toEqual(
    cases.map(([, , , text], i) => shown(text, i)),
  )
  expect(new Set(Object.values(nulls ?? {}))).toEqual(new Set([null]))
})

test('the settings of the role and the database change nothing', async () => {
  const role = `odd_${db.address.database}`
  await db.query(
    `CREATE ROLE ${role} LOGIN PASSWORD 'p'; GRANT SELECT ON types TO ${role}; GRANT USAGE ON SCHEMA ext TO ${role};
     ALTER ROLE ${role} SET DateStyle = 'German'; ALTER ROLE ${role} SET TimeZone = 'Asia/Tokyo'; ALTER ROLE ${role} SET bytea_output = 'escape';
     ALTER ROLE ${role} SET IntervalStyle = 'postgres_verbose'; ALTER ROLE ${role} SET extra_float_digits = -5; ALTER ROLE ${role} SET statement_timeout = '1s';
     ALTER ROLE ${role} SET search_path = ''`,
  )
  try {
    const config = { ...db.address, user: role, password: 'p' }
    const stream = await discovered(postgresConnector, config, 'types')
    const runs = await readAll(postgresConnector, config, { stream: fullRefreshOf(stream) })
    expect(rowsOf(runs)).toEqual((await readTable('types')).rows)
  } finally {
    await db.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  }
})

test('what a session sets ends with its transaction, as others may have it next behind a pooler', async () => {
  const { logger } = contextOf()
  await using session = await SourceSession.open(parsePostgresConfig({ ...db.address }), { logger })
  const set = `SELECT name, setting FROM pg_settings WHERE source = 'session' ORDER BY name`
  const during = await session.rows<{ name: string }>(set)
  expect(during.map(({ name }) => name)).toContain('TimeZone')
  await session.rows('COMMIT')
  expect(await session.rows(set)).toEqual([])
})

/** The properties without the types of PostgreSQL, and these types. */
function splitTypes({ properties }: JsonObject): {
  readonly plain: Readonly<Record<string, unknown>>
  readonly types: Readonly<Record<string, unknown>>
} {
  const entries = Object.entries((properties ?? {}) as Record<string, JsonObject>)
  const split = entries.map(([name, { postgres_type: type, ...plain }]) => ({ name, type, plain }))
  return {
    plain: Object.fromEntries(split.map(({ name, plain }) => [name, plain])),
    types: Object.fromEntries(
      split.flatMap(({ name, type }) => (type === undefined ? [] : [[name, type]])),
    ),
  }
}

describe('odd tables', () => {
  test('any identifier is read: quotes, spaces, case, 63 bytes, other scripts, names of JavaScript', async () => {
    const long = 'ü'.repeat(31)
    const names = [
      'We""ird',
      'with space',
      'CamelCase',
      `${long}x`,
      '列',
      'select',
      '__proto__',
      'constructor',
      '7',
      "it's",
      'back\\\\slash',
    ]
    const columns = names.map((name, i) => `"${name}" int DEFAULT ${i}`)
    await db.query(`CREATE SCHEMA "My ""S"`)
    await db.query(
      `CREATE TABLE "My ""S"."T ""q"" é" (${columns.join(', ')}, PRIMARY KEY ("We""ird", "列"))`,
    )
    await db.query(`INSERT INTO "My ""S"."T ""q"" é" DEFAULT VALUES`)
    const { stream, rows } = await readTable('T "q" é')
    expect(stream.namespace).toBe('My "S')
    expect(stream.source_defined_primary_key).toEqual([['We"ird'], ['列']])
    const expected = names.map((name, i) => [name.replace('""', '"'), String(i)])
    expect(Object.entries(rows[0] ?? {}).sort()).toEqual(expected.sort())
  })

  test('generated columns are read, dropped ones are gone, views and materialized views are streams', async () => {
    await db.query(
      `CREATE TABLE gen (id int PRIMARY KEY, gone text, twice int GENERATED ALWAYS AS (id * 2) STORED, thrice int GENERATED ALWAYS AS (id * 3) VIRTUAL);
       ALTER TABLE gen DROP COLUMN gone; INSERT INTO gen VALUES (4);
       CREATE VIEW gen_v AS SELECT id, twice FROM gen; CREATE MATERIALIZED VIEW gen_m AS SELECT * FROM gen`,
    )
    expect((await readTable('gen')).rows).toEqual([{ id: '4', twice: '8', thrice: '12' }])
    expect((await readTable('gen_v')).rows).toEqual([{ id: '4', twice: '8' }])
    expect((await readTable('gen_m')).rows).toEqual([{ id: '4', twice: '8', thrice: '12' }])
  })

  test('the key is the primary key, else a unique index over columns that are never NULL', async () => {
    await db.query(
      `CREATE TABLE key_pk (a int, b int, c int UNIQUE NOT NULL, PRIMARY KEY (b, a));
       CREATE TABLE key_unique (a int NOT NULL, b int NOT NULL); CREATE UNIQUE INDEX ON key_unique (b) INCLUDE (a);
       CREATE TABLE key_nullable (a int UNIQUE); CREATE TABLE key_partial (a int NOT NULL); CREATE UNIQUE INDEX ON key_partial (a) WHERE a > 0;
       CREATE TABLE key_expression (a int NOT NULL); CREATE UNIQUE INDEX ON key_expression ((a + 1));
       CREATE TABLE key_array (a int[] PRIMARY KEY)`,
    )
    const { streams } = await postgresConnector.discover({ ...db.address }, contextOf())
    const keys = Object.fromEntries(
      streams
        .filter(({ name }) => name.startsWith('key_'))
        .map((s) => [s.name, [s.source_defined_primary_key, s.is_resumable]]),
    )
    expect(keys).toEqual({
      key_pk: [[['b'], ['a']], true],
      key_unique: [[['b']], true],
      key_nullable: [undefined, false],
      key_partial: [undefined, false],
      key_expression: [undefined, false],
      key_array: [[['a']], false],
    })
    expect((await readTable('key_array')).rows).toEqual([])
  })

  test('an enum of more than 500 labels is text', async () => {
    await db.query(
      `DO $$ BEGIN EXECUTE 'CREATE TYPE numbered AS ENUM (' || (SELECT string_agg(quote_literal(n), ',') FROM generate_series(1, 501) n) || ')'; END $$;
       CREATE TABLE many_labels (id int8 PRIMARY KEY, n numbered NOT NULL, list numbered[]);
       INSERT INTO many_labels VALUES (1, '501', '{2,1}')`,
    )
    const { json_schema: schema } = await discovered(
      postgresConnector,
      { ...db.address },
      'many_labels',
    )
    expect(schema.properties).toMatchObject({
      n: { type: 'string' },
      list: { type: ['null', 'array', 'string'], items: { type: ['null', 'string'] } },
    })
    expect(JSON.stringify(schema)).not.toContain('enum')
    expect((await readTable('many_labels')).rows).toEqual([
      { id: '1', n: '501', list: '["2","1"]' },
    ])
  })

  test('the schema of a stream says what the database knows of each column', async () => {
    await db.query(
      `CREATE TABLE facts (
         id int8 PRIMARY KEY, small int4 NOT NULL, age int2, mood mood NOT NULL, moods mood[], nullable_mood mood,
         tags text[] NOT NULL, matrix int4[][], blobs bytea[], pair pair, doc jsonb NOT NULL, attributes ext.hstore,
         positive posint NOT NULL, list intlist, positives posint[], amounts numeric[], rates float8[] NOT NULL, places oidvector);
       CREATE VIEW facts_view AS SELECT id FROM facts`,
    )
    const { json_schema: schema } = await discovered(postgresConnector, { ...db.address }, 'facts')
    const int4 = { minimum: -2147483648, maximum: 2147483647 }
    const text = { type: ['null', 'string'] }
    const { plain, types } = splitTypes(schema)
    expect(types).toEqual({
      id: { name: 'bigint' },
      small: { name: 'integer' },
      age: { name: 'smallint' },
      mood: { name: 'mood', labels: ['sad', 'happy'] },
      moods: { name: 'mood', labels: ['sad', 'happy'], array: true },
      nullable_mood: { name: 'mood', labels: ['sad', 'happy'] },
      tags: { name: 'text', array: true },
      matrix: { name: 'integer', array: true },
      blobs: { name: 'bytea', array: true },
      doc: { name: 'jsonb' },
      attributes: { name: 'hstore', extension: 'hstore' },
      positive: { name: 'integer' },
      positives: { name: 'integer', array: true },
      list: { name: 'integer', array: true },
      amounts: { name: 'numeric', array: true },
      rates: { name: 'double precision', array: true },
    })
    expect(plain).toEqual({
      id: { type: 'integer' },
      small: { type: 'integer', ...int4 },
      age: { type: ['null', 'integer'], minimum: -32768, maximum: 32767 },
      mood: { type: 'string', enum: ['sad', 'happy'] },
      moods: {
        type: ['null', 'array', 'string'],
        items: { type: ['null', 'string'], enum: ['sad', 'happy', null] },
      },
      nullable_mood: { type: ['null', 'string'], enum: ['sad', 'happy', null] },
      tags: { type: ['array', 'string'], items: text },
      matrix: { type: ['null', 'array', 'string'] },
      blobs: { type: ['null', 'array', 'string'], items: text },
      pair: {
        type: ['null', 'object'],
        properties: { n: { type: ['null', 'number', 'string'] }, t: text },
        required: ['n', 't'],
      },
      doc: { type: ['null', 'object', 'array', 'string', 'number', 'boolean'] },
      attributes: { type: ['null', 'object'], additionalProperties: text },
      positive: { type: 'integer', ...int4 },
      list: { type: ['null', 'array', 'string'], items: { type: ['null', 'integer'], ...int4 } },
      positives: { type: ['null', 'array', 'string'], items: {} },
      amounts: { type: ['null', 'array', 'string'], items: { type: ['null', 'number', 'string'] } },
      rates: {
        type: ['array', 'string'],
        items: { type: ['null', 'number', 'string'], airbyte_type: 'double' },
      },
      places: {
        type: ['null', 'array'],
        items: { type: ['null', 'integer'], minimum: 0, maximum: 4294967295 },
      },
    })
    expect(schema.required).toEqual(Object.keys(schema.properties ?? {}))
    const view = await discovered(postgresConnector, { ...db.address }, 'facts_view')
    expect(splitTypes(view.json_schema).plain).toEqual({ id: { type: ['null', 'integer'] } })
  })

  test('a table without columns is no stream', async () => {
    await db.query('CREATE TABLE nothing ()')
    const { streams } = await postgresConnector.discover({ ...db.address }, contextOf())
    expect(streams.map(({ name }) => name)).not.toContain('nothing')
  })

  test('only the selected columns are read, in the order of the configured schema', async () => {
    await db.query(
      `CREATE TABLE wide (a int PRIMARY KEY, b text, c text); INSERT INTO wide VALUES (1, 'b', 'c')`,
    )
    const stream = await discovered(postgresConnector, { ...db.address }, 'wide')
    const narrow = {
      ...stream,
      json_schema: { type: 'object', properties: { c: { type: 'string' }, b: { type: 'object' } } },
    }
    const runs = await readAll(
      postgresConnector,
      { ...db.address },
      { stream: fullRefreshOf(narrow) },
    )
    expect(rowsOf(runs)).toEqual([{ c: 'c', b: '"b"' }])
    expect(runs[0]?.state).toBeNull()
  })
})
