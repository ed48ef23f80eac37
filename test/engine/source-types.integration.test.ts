import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  logConfig,
  planRun,
  runPlan,
  type EngineRun,
  type LogName,
  type PlanOptions,
} from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import type { TablePlan } from '../../engine/run-types.ts'
import { sandboxPlan } from './sandbox/sandbox-run.ts'
import type { SyncMode } from '../../sinks/sink.ts'

/**
 * 15 tables with every type that a table of the destination can have too; the last column is one that it
 * cannot.
 */
const tables = `
  CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE EXTENSION cube;
  CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'happy');
  CREATE TYPE "Order State" AS ENUM ('new', 'done');
  CREATE TYPE pair AS (a int, b text);
  CREATE DOMAIN positive AS int CHECK (VALUE > 0);
  CREATE DOMAIN short AS varchar(10);
  CREATE DOMAIN mood_of_day AS mood;
  CREATE TABLE numbers (id integer PRIMARY KEY, s smallint NOT NULL, b bigint, r real, d double precision, n numeric, n2 numeric(10,2), n3 numeric(5,-2), m money, o oid, t boolean);
  INSERT INTO numbers VALUES (1, -32768, 9223372036854775807, 0.1, 'NaN', '1e40', 12345678.90, 12300, -12.34, 4294967295, true),
    (2, 32767, -9223372036854775808, '-Infinity', '-0', 'Infinity', -0.01, -99900, 0, 0, false), (3, 0, NULL, '3.4028235e38', 5e-324, 0.1000000000000000055, NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE texts (code varchar(20) PRIMARY KEY, a text, v varchar, c char(5), p bpchar, n name, q "char");
  INSERT INTO texts VALUES ('a', E'tab\\tline\\nback\\\\slash', '', 'ab', 'x ', 'name', 'c'), ('b', NULL, NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE times (day date PRIMARY KEY, t time, t3 time(3), tz timetz, ts timestamp, ts3 timestamp(3), tt timestamptz, tt0 timestamptz(0), i interval, i3 interval(3), id interval day to second(2));
  INSERT INTO times VALUES ('infinity', '24:00', '12:34:56.789', '10:00+02', '0044-03-15 BC', '2024-02-29 23:59:59.999', '2024-02-29 23:59:59.999999+14', 'infinity', '1 year -2 days 03:04:05.6789', '1.2345 seconds', '3 days 01:02:03.45'),
    ('2024-02-29', '00:00', NULL, NULL, 'infinity', NULL, '0001-01-01 00:00Z', NULL, '-1 mon', NULL, NULL);
  CREATE TABLE networks (address inet PRIMARY KEY, c cidr, m macaddr, m8 macaddr8);
  INSERT INTO networks VALUES ('10.0.0.1', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05'), ('::1/64', NULL, NULL, NULL);
  CREATE TABLE documents (id uuid PRIMARY KEY, j json, jb jsonb, p jsonpath, x xml);
  INSERT INTO documents VALUES ('6ecd8c99-4036-403d-bf84-cf8400f67836', '{"b": 1,  "a": "\\u0041", "b": [null]}', '{"b": 1, "a": [1.50]}', '$.a[*]', '<a>text &amp; more</a>'),
    ('00000000-0000-0000-0000-000000000000', 'null', 'null', NULL, NULL);
  CREATE TABLE bits (key bit(3) PRIMARY KEY, one bit, v bit varying, v8 varbit(8), bytes bytea);
  INSERT INTO bits VALUES ('101', '1', '1010101', '11', '\\x00ff5c'), ('000', NULL, '', NULL, '');
  CREATE TABLE pairs (a uuid, b integer, note text, PRIMARY KEY (b, a));
  INSERT INTO pairs VALUES ('6ecd8c99-4036-403d-bf84-cf8400f67836', 1, 'x'), ('6ecd8c99-4036-403d-bf84-cf8400f67836', 2, NULL);
  CREATE TABLE arrays (id smallint PRIMARY KEY, i int[], t text[], v varchar(5)[], n numeric(6,2)[], u uuid[], tt timestamptz[], j jsonb[], b boolean[], ii int[][], a inet[], f float8[], y bytea[], d interval[]);
  INSERT INTO arrays VALUES (1, '{1,NULL,-3}', '{"a,b",NULL,"NULL","q\\"uote",""}', '{abc}', '{1.50}', '{6ecd8c99-4036-403d-bf84-cf8400f67836}', '{infinity,2024-02-29 12:00Z}', ARRAY['{"a": 1}'::jsonb], '{t,f}', '{{1,2},{3,4}}', '{10.0.0.1}', '{NaN,0.1}', ARRAY['\\x00ff'::bytea], '{1 mon 2 days}'),
    (2, '[0:1]={7,8}', '{}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE ranges (r int4range PRIMARY KEY, r8 int8range, n numrange, d daterange, t tsrange, tz tstzrange, m int4multirange, mn nummultirange, mt tstzmultirange, ar int4range[]);
  INSERT INTO ranges VALUES ('[1,5)', '[1,)', '(0.5,1.5]', '[2024-01-01,infinity)', '[2024-01-01 10:00,)', '(,2024-01-01 10:00Z]', '{[1,2),[5,7)}', '{}', '{[2024-01-01 10:00Z,)}', '{"[1,2)"}'), ('empty', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE searches (id bigint PRIMARY KEY, v tsvector, q tsquery);
  INSERT INTO searches VALUES (1, to_tsvector('simple', 'a fat cat'), 'fat & !rat:AB'), (2, NULL, NULL);
  CREATE TABLE shapes (id int PRIMARY KEY, p point, l line, s lseg, b box, path path, poly polygon, c circle, boxes box[]);
  INSERT INTO shapes VALUES (1, '(1,2)', '{1,2,3}', '[(1,2),(3,4)]', '(3,4),(1,2)', '((1,2),(3,4))', '((0,0),(1,1),(1,0))', '<(1,2),3>', '{(3,4),(1,2);(5,6),(1,2)}'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  CREATE TABLE moods (now mood, n int, state "Order State", all_moods mood[], PRIMARY KEY (now, n));
  INSERT INTO moods VALUES ('it''s ok', 1, 'done', '{sad,NULL,"it''s ok"}'), ('happy', 2, NULL, NULL);
  CREATE TABLE extended (name citext PRIMARY KEY, h hstore, l ltree, c cube, names citext[], hs hstore[]);
  INSERT INTO extended VALUES ('Abc', 'a=>1, b=>NULL, "c d"=>"x\\"y"', 'top.sub_1', '(1,2),(3,4)', '{A,b}', ARRAY['a=>1'::hstore]), ('b', '', NULL, NULL, NULL, NULL);
  CREATE TABLE domains (id positive PRIMARY KEY, s short, m mood_of_day);
  INSERT INTO domains VALUES (1, 'x', 'sad'), (2, NULL, NULL);
  CREATE TABLE others (id pg_lsn PRIMARY KEY, x xid8, s pg_snapshot, composite pair, class regclass, money_list money[]);
  INSERT INTO others VALUES ('0/16B3748', '123', '10:20:10,14', '(1,"a b")', 'pg_class', '{1.50}'), ('0/0', NULL, NULL, NULL, NULL, NULL)`

/** Columns that no other database can have, or whose text only means something in their own. */
const portable = { composite: 'jsonb', class: 'text', money_list: 'jsonb' } as const

const columnsSql = `SELECT c.relname AS "table", a.attname AS name, t.typtype, format_type(coalesce(nullif(t.typbasetype, 0), t.oid), CASE WHEN t.typbasetype <> 0 THEN t.typtypmod ELSE a.atttypmod END) AS type
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
   WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT LIKE '\\_airbyte%'
   ORDER BY c.relname, a.attname`

interface TypeRow {
  readonly table: string
  readonly name: string
  readonly type: string
}

async function typesOf(db: TestDatabase, schema: string): Promise<readonly string[]> {
  const rows = (await db.query(columnsSql, [schema])) as unknown as readonly TypeRow[]
  return rows.map(({ table, name, type }) => `${table}.${name} ${type.replace(`${schema}.`, '')}`)
}

async function keysOf(db: TestDatabase, schema: string): Promise<readonly unknown[]> {
  return db.query(
    `SELECT conrelid::regclass::text AS "table", pg_get_constraintdef(oid) AS key FROM pg_constraint
      WHERE contype = 'p' AND connamespace = $1::regnamespace ORDER BY 1`.replace(
      'conrelid::regclass::text',
      `(SELECT relname FROM pg_class WHERE oid = conrelid)`,
    ),
    [schema],
  )
}

/** Every row as the texts of its columns. */
async function rowsOf(
  db: TestDatabase,
  schema: string,
): Promise<Readonly<Record<string, unknown>>> {
  const rows = (await db.query(columnsSql, [schema])) as unknown as readonly TypeRow[]
  const names = Map.groupBy(rows, ({ table }) => table)
  const contents: Record<string, unknown> = {}
  for (const [table, columns] of names) {
    const texts = columns
      .filter(({ name }) => !(name in portable))
      .map(({ name }) => `"${name}"::text`)
      .join(', ')
    const found = await db.query(
      `SELECT jsonb_build_array(${texts}) AS row FROM ${schema}.${table}`,
    )
    contents[table] = found.map(({ row }) => JSON.stringify(row)).toSorted()
  }
  return contents
}

/** The broker may hold topics of an earlier start of this file. */
const runsOfFile = randomUUID().slice(0, 8)

type Databases = Record<'from' | 'to', TestDatabase>
type Options = Partial<PlanOptions> & Pick<PlanOptions, 'schema' | 'mode'>

function planOf({ from, to }: Databases, options: Options): Promise<TablePlan> {
  return planRun({
    connection: `${options.schema}-${runsOfFile}`,
    source: { type: 'postgres', config: { ...from.address, schemas: ['public'] } },
    destination: to.address,
    log: logConfig('embedded'),
    types: 'source',
    ...options,
  })
}

async function run(
  databases: Databases,
  options: Options,
): Promise<EngineRun['result']['streams']> {
  const plan = await planOf(databases, options)
  const { result } = await runPlan(plan)
  expect(result.streams.flatMap(({ error }) => error ?? [])).toEqual([])
  return result.streams
}

const modes: readonly SyncMode[] = ['append', 'append_dedup', 'overwrite', 'overwrite_dedup']
const logs: readonly LogName[] = ['embedded', 'kafka block']

describe('from PostgreSQL to PostgreSQL', () => {
  test('a new table has the types, the values and the primary key of the source', async () => {
    await using from = await testDatabase()
    await using to = await testDatabase()
    await from.query(tables)
    await to.query(
      'CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE EXTENSION cube',
    )
    const types = (await typesOf(from, 'public')).map((line) => {
      const [column = ''] = line.split(' ')
      const name = column.split('.')[1] ?? ''
      return name in portable ? `${column} ${portable[name as keyof typeof portable]}` : line
    })
    const rows = await rowsOf(from, 'public')
    const keys = await keysOf(from, 'public')
    for (const log of logs) {
      for (const mode of modes) {
        // The second run of a dedup mode merges; that of an overwrite replaces the table.
        const schema = `${mode}_${log.slice(0, 5)}`
        for (const times of mode === 'append' || log !== 'embedded' ? [1] : [1, 2]) {
          const streams = await run({ from, to }, { schema, mode, log: logConfig(log) })
          expect(
            streams.flatMap(({ warnings, nulled, cut }) =>
              [...warnings, nulled, cut].filter((x) => x !== 0),
            ),
            `${schema} ${String(times)}`,
          ).toEqual([])
          expect(streams.flatMap(({ tableNotes }) => tableNotes)).toEqual([])
          expect(await typesOf(to, schema)).toEqual(types)
          expect(await rowsOf(to, schema), `${schema} ${String(times)}`).toEqual(rows)
          expect(await keysOf(to, schema)).toEqual(mode === 'append' ? [] : keys)
        }
      }
    }
  }, 240_000)

  test('a column follows the type of the source, and never loses a value', async () => {
    await using from = await testDatabase()
    await using to = await testDatabase()
    await from.query(`
      CREATE TYPE mood AS ENUM ('sad', 'happy');
      CREATE TABLE drifting (id int PRIMARY KEY, number int, code varchar(20), price numeric(10,2), moment timestamp(3), mood mood, moods mood[], list int[],
        shorter varchar(20), other uuid, mixed int[], free mood, scaled numeric(10,2));
      INSERT INTO drifting VALUES (1, 1, 'a', 1.50, '2024-01-01 10:00:00.123', 'sad', '{sad}', '{1}', 'long enough', '6ecd8c99-4036-403d-bf84-cf8400f67836', '{1,2}', 'happy', 12345678.12)`)
    const options = { schema: 'drift', mode: 'append_dedup' } as const
    await run({ from, to }, options)
    await from.query(`
      ALTER TYPE mood ADD VALUE 'fine' BEFORE 'happy'; ALTER TYPE mood ADD VALUE 'awful' BEFORE 'sad'; ALTER TYPE mood ADD VALUE 'great';
      ALTER TABLE drifting ALTER number TYPE bigint, ALTER code TYPE varchar(50), ALTER price TYPE numeric(12,3), ALTER moment TYPE timestamp, ALTER list TYPE bigint[],
        ALTER shorter TYPE varchar(4) USING left(shorter, 4), ALTER other TYPE text, ALTER mixed TYPE text USING mixed::text, ALTER free TYPE text,
        ALTER scaled TYPE numeric(8,4) USING 1, ADD added uuid[], ADD added_mood mood`)
    await from.query(`INSERT INTO drifting VALUES (2, 9000000000, repeat('x', 50), 123456789.125, '2024-01-01 10:00:00.123456', 'great', '{awful,fine}', '{9000000000}',
        'abcd', 'no uuid', 'no list', 'no mood', 1234.5678, '{6ecd8c99-4036-403d-bf84-cf8400f67836}', 'fine')`)
    const before = await typesOf(to, 'drift')
    const report = await sandboxPlan(await planOf({ from, to }, options))
    expect(await typesOf(to, 'drift')).toEqual(before)
    const [shown] = report.streams
    expect(shown?.error).toBeUndefined()
    expect(shown).toMatchObject({ complete: true, rejected: 0 })
    expect(shown?.schema_mismatches).toEqual([])
    expect(shown?.diff_vs_current?.rows).toEqual({ insert: 1, update: 1, unchanged: 0, delete: 0 })
    expect(shown?.diff_vs_current?.added_columns).toEqual([
      { name: 'added', type: 'uuid[]' },
      { name: 'added_mood', type: 'drift.mood' },
    ])
    const [stream] = await run({ from, to }, options)
    expect(stream).toMatchObject({ warnings: [], nulled: 0 })
    const changes = shown?.diff_vs_current?.type_changes.map(
      ({ name, to: type }) => `drifting.${name} ${type}`,
    )
    expect(await typesOf(to, 'drift')).toEqual(expect.arrayContaining(changes ?? []))
    expect(changes).toHaveLength(9)
    const types = await typesOf(to, 'drift')
    expect(types.map((line) => line.replace('drifting.', ''))).toEqual([
      'added uuid[]',
      'added_mood mood',
      'code character varying(50)',
      'free text',
      'id integer',
      'list bigint[]',
      'mixed text',
      'moment timestamp without time zone',
      'mood mood',
      'moods mood[]',
      'number bigint',
      'other text',
      'price numeric(12,3)',
      'scaled numeric',
      'shorter character varying(20)',
    ])
    const labels = `SELECT array_agg(enumlabel::text ORDER BY enumsortorder) AS labels FROM pg_enum WHERE enumtypid = 'SCHEMA.mood'::regtype`
    expect(await to.query(labels.replace('SCHEMA', 'drift'))).toEqual(
      await from.query(labels.replace('SCHEMA', 'public')),
    )
    expect(await rowsOf(to, 'drift')).toEqual(await rowsOf(from, 'public'))
  })

  test('tables that are there keep their types', async () => {
    await using from = await testDatabase()
    await using to = await testDatabase()
    await from.query(`
      CREATE TABLE before (id int PRIMARY KEY, u uuid, list int[], n numeric(10,2)); INSERT INTO before VALUES (1, '6ecd8c99-4036-403d-bf84-cf8400f67836', '{1}', 1.5);
      CREATE TABLE own (id int PRIMARY KEY, u uuid, list int[], code varchar(20), other varchar(20), wide varchar(20)); INSERT INTO own VALUES (1, '6ecd8c99-4036-403d-bf84-cf8400f67836', '{1,2}', 'a', 'b', 'c')`)
    await to.query(
      `CREATE SCHEMA kept; CREATE TABLE kept.own (wide varchar(30), u uuid, list int[], code varchar(20), other varchar(10))`,
    )
    const options = { schema: 'kept', mode: 'append_dedup' } as const
    await run({ from, to }, { ...options, types: 'portable', streams: ['before'] })
    await from.query(
      `ALTER TABLE before ADD added int[]; INSERT INTO before VALUES (2, NULL, '{2}', NULL, '{3}')`,
    )
    const streams = await run({ from, to }, options)
    expect(streams.flatMap(({ warnings, nulled }) => [...warnings, nulled])).toEqual([0, 0])
    expect(await typesOf(to, 'kept')).toEqual([
      'before.added jsonb',
      'before.id bigint',
      'before.list jsonb',
      'before.n numeric',
      'before.u text',
      'own.code character varying(20)',
      'own.id integer',
      'own.list integer[]',
      'own.other character varying(20)',
      'own.u uuid',
      'own.wide character varying(30)',
    ])
    expect(
      await to.query(
        `SELECT b.list AS a, b.added AS b, o.list::text AS c FROM kept.before b LEFT JOIN kept.own o ON o.id = b.id ORDER BY b.id`,
      ),
    ).toEqual([
      { a: [1], b: null, c: '{1,2}' },
      { a: [2], b: [3], c: null },
    ])
    expect(await keysOf(to, 'kept')).toEqual([])
  })

  test('a type of an extension that the destination lacks is portable, and the run says how to get it', async () => {
    await using from = await testDatabase()
    await using to = await testDatabase()
    await from.query(`CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE TYPE state AS ENUM ('a', 'b');
      CREATE TABLE labels (id int PRIMARY KEY, h hstore, l ltree, ls ltree[], s state); INSERT INTO labels VALUES (1, 'a=>1', 'x.y', '{a.b}', 'b')`)
    await to.query(
      `CREATE SCHEMA labels; CREATE TYPE labels.state AS (a int); CREATE TYPE labels.state_2 AS ENUM ('a', 'b')`,
    )
    const [stream] = await run({ from, to }, { schema: 'labels', mode: 'overwrite' })
    expect(stream?.warnings).toEqual([
      expect.stringContaining('run \`CREATE EXTENSION hstore\`'),
      expect.stringContaining('run \`CREATE EXTENSION ltree\`'),
    ])
    expect(await typesOf(to, 'labels')).toEqual([
      'labels.h jsonb',
      'labels.id integer',
      'labels.l text',
      'labels.ls jsonb',
      'labels.s state_2',
    ])
    expect(await to.query('SELECT id, h, l, ls, s::text AS s FROM labels.labels')).toEqual([
      { id: 1, h: { a: '1' }, l: 'x.y', ls: ['a.b'], s: 'b' },
    ])
  })
})
