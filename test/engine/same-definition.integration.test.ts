import { expect, test } from 'vitest'
import type { SyncMode } from '../../sinks/sink.ts'
import { planRun, runPlan } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { sandboxPlan } from './sandbox/sandbox-run.ts'
import { usually } from '../support/long.ts'

/** The type of a column, and two values. */
const columns: readonly (readonly [string, string, string])[] = [
  ['smallint', '1', '-32768'],
  ['oid', '1', '4294967295'],
  ['numeric(5,2)', '1.05', '-999.99'],
  ['real', '0.1', '-2.5'],
  ['double precision', '0.1', '1e300'],
  ['varchar(3)', 'abc', 'x'],
  ['char(5)', 'ab', ''],
  ['"char"', 'x', 'y'],
  ['name', 'n', 'a "b"'],
  ['public.mood', 'sad', 'ok'],
  ['public.amount', '1.25', '2'],
  ['public.positive', '1', '2147483647'],
  ['money', '1.5', '-2'],
  ['uuid', '00000000-0000-0000-0000-000000000001', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
  ['interval(0)', '1 day 2 seconds', '1 mon'],
  ['interval', '1.5 seconds', '-1 day'],
  ['inet', '10.0.0.1', '::1/64'],
  ['int4range', '[1,3)', 'empty'],
  ['int4multirange', '{[1,3),[5,6)}', '{}'],
  ['bit(4)', '1010', '0000'],
  ['tsvector', 'a b', ''],
  ['xml', '<a/>', 'text'],
  ['point', '(1,2)', '(0,0.5)'],
  ['timestamptz(0)', '2020-01-01 00:00:00+00', 'infinity'],
  ['time(3)', '10:11:12.123', '24:00'],
  ['bytea', '\\x00ff', '\\x'],
  ['json', '{"a": 1}', '[1, 2]'],
  ['jsonb', '"text"', 'null'],
  ['int[]', '{1,NULL,2}', '{{1},{2}}'],
  ['bigint[]', '{9000000000001}', '{}'],
  ['numeric[]', '{1.5,10000000000}', '{NaN}'],
  ['text[]', '{a,"b,c"}', '{"",NULL}'],
  ['timestamptz[]', '{infinity}', '{2020-01-01 00:00:00+00}'],
  ['public.mood[]', '{sad}', '{}'],
  ['jsonb[]', '{"{\\"a\\": 1}"}', '{}'],
  ['public.pair', '(1,x)', '(,)'],
  ['public.pair[]', '{"(1,x)"}', '{}'],
  ['ext.hstore', 'a=>1', 'n=>NULL'],
]

const definition = columns.map(([type], index) => `c${index} ${type}`).join(', ')
const literal = (value: string): string => `'${value.replaceAll("'", "''")}'`
const rowOf = (id: number, version: 1 | 2): string => {
  const values = columns.map((column) => `${literal(column[version])}::${column[0]}`)
  return `(${[id, ...values].join(', ')})`
}

async function sameTables(keyType: string): Promise<TestDatabase> {
  const db = await testDatabase()
  await db.query(
    `CREATE SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext; CREATE SCHEMA src; CREATE SCHEMA dest; SET search_path = public, ext;
     CREATE TYPE public.mood AS ENUM ('sad', 'ok'); CREATE TYPE public.pair AS (a int, b text);
     CREATE DOMAIN public.amount AS numeric(10,2); CREATE DOMAIN public.positive AS int CHECK (value > 0);
     CREATE TABLE src.t (id ${keyType} PRIMARY KEY, ${definition}); CREATE TABLE dest.t (id ${keyType} PRIMARY KEY, ${definition});
     INSERT INTO src.t VALUES ${rowOf(1, 1)}, ${rowOf(2, 2)}; INSERT INTO src.t (id) VALUES (3)`,
  )
  return db
}

/** The value in a column of the source and the value that arrived, in the same notation. */
function notations(type: string, column: string): string {
  if (/\[\]$|pair|hstore|^jsonb?$/.test(type))
    return `to_jsonb(s.${column})::text AS came, d.${column}::jsonb::text AS arrived`
  const came =
    type === 'money'
      ? `s.${column}::numeric::text`
      : `CASE WHEN s.${column} IS NOT NULL THEN concat(s.${column}) END`
  const arrived = type.startsWith('interval')
    ? `d.${column}::interval::text`
    : `CASE WHEN d.${column} IS NOT NULL THEN concat(d.${column}) END`
  return `${came} AS came, ${arrived} AS arrived`
}

test.each<[SyncMode, string]>(
  usually(1, [
    ['append', 'int'],
    ['append_dedup', 'int'],
    ['append_dedup', 'name'],
    ['append_dedup', 'numeric(5,0)'],
    ['overwrite_dedup', 'name'],
  ]),
)(
  'with %s, a table that was made as the source’s is (key: %s) gets every value',
  async (mode, key) => {
    await using db = await sameTables(key)
    const plan = await planRun({
      connection: 'shop',
      source: { type: 'postgres', config: { ...db.address, schemas: ['src'] } },
      destination: db.address,
      schema: 'dest',
      log: { kind: 'embedded' },
      mode,
    })
    const { streams } = await sandboxPlan(plan)
    expect(streams.map(({ error }) => error)).toEqual([undefined])
    const { result } = await runPlan(plan)
    expect(result.streams).toMatchObject([
      { status: 'complete', loaded: 3, rejected: 0, nulled: 0, cut: 0 },
    ])
    for (const [index, [type]] of columns.entries()) {
      const pairs = await db.query(
        `SELECT ${notations(type, `c${index}`)} FROM src.t s JOIN dest.t d ON s.id::text = d.id::text ORDER BY s.id`,
      )
      const came = pairs.map((row) => row.came)
      expect(came[0], type).not.toBeNull()
      expect(
        pairs.map(({ arrived }) => arrived),
        type,
      ).toEqual(came)
    }
  },
)
