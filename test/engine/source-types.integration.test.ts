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
import { everyType, keysOf, portable, rowsOf, typesOf } from '../support/every-type.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { usually } from '../support/long.ts'
import type { TablePlan } from '../../engine/run-types.ts'
import { sandboxPlan } from './sandbox/sandbox-run.ts'
import type { SyncMode } from '../../sinks/sink.ts'

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

const modes = usually<SyncMode>(2, ['append_dedup', 'overwrite', 'append', 'overwrite_dedup'])
const logs = usually<LogName>(1, ['embedded', 'kafka block'])

describe('from PostgreSQL to PostgreSQL', () => {
  test('a new table has the types, the values and the primary key of the source', async () => {
    await using from = await testDatabase()
    await using to = await testDatabase()
    await from.query(everyType)
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
      CREATE SCHEMA other; CREATE TYPE other.state AS ENUM ('b', 'c'); CREATE SCHEMA third; CREATE TYPE third.state AS ENUM ('b', 'c', 'd');
      CREATE TABLE labels (id int PRIMARY KEY, h hstore, l ltree, ls ltree[], s state, o other.state, os other.state[], t third.state);
      INSERT INTO labels VALUES (1, 'a=>1', 'x.y', '{a.b}', 'b', 'c', '{b,c}', 'd')`)
    await to.query(
      `CREATE SCHEMA labels; CREATE TYPE labels.state AS (a int); CREATE TYPE labels.state_2 AS ENUM ('a', 'b')`,
    )
    const [stream] = await run({ from, to }, { schema: 'labels', mode: 'overwrite' })
    expect(stream?.warnings).toEqual([
      expect.stringContaining('run \`CREATE EXTENSION "hstore"; DROP TABLE "'),
      expect.stringContaining('run \`CREATE EXTENSION "ltree"; DROP TABLE "'),
    ])
    expect(await typesOf(to, 'labels')).toEqual([
      'labels.h jsonb',
      'labels.id integer',
      'labels.l text',
      'labels.ls jsonb',
      // Enums of one name, from several schemas of the source.
      'labels.o state_3',
      'labels.os state_3[]',
      'labels.s state_2',
      'labels.t state_4',
    ])
    expect(
      await to.query('SELECT id, h, l, ls, s::text, o::text, os::text, t::text FROM labels.labels'),
    ).toEqual([
      { id: 1, h: { a: '1' }, l: 'x.y', ls: ['a.b'], s: 'b', o: 'c', os: '{b,c}', t: 'd' },
    ])
  })
})
