import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { runHere } from '../cli/run-here.ts'
import { loadedAtLeast, startEngine } from '../support/engine-process.ts'
import { usually } from '../support/long.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { seededRandom } from '../support/random.ts'
import { runFile } from '../support/run-file.ts'

/** Play a failure again with the seed that it prints. */
const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000)
const rows = 60

/** How the type of the column `v` changes. The values are SQL for the row `n`. */
interface Drift {
  readonly from: string
  readonly value: string
  /** Statements; `T` is the table. */
  readonly change: string
  /** The values of rows that come after it. Default: as before. */
  readonly then?: string
  /**
   * SQL of what is compared, if the texts may differ: the table keeps a type that holds the source's, or gets
   * one that holds both.
   */
  readonly same?: string
}

const to = (type: string, using = 'v'): string =>
  `ALTER TABLE T ALTER v TYPE ${type} USING ${using}`

const drifts: Readonly<Record<string, Drift>> = {
  int_to_bigint: { from: 'int', value: 'n', change: to('bigint'), then: '9000000000 + n' },
  int_to_text: { from: 'int', value: 'n', change: to('text'), then: `'no ' || n` },
  int_to_numeric: { from: 'int', value: 'n', change: to('numeric(12,2)'), then: 'n + 0.25' },
  bigint_to_int: { from: 'bigint', value: 'n', change: to('int') },
  real_to_double: {
    from: 'real',
    value: 'n / 8.0',
    change: to('double precision'),
    then: 'n / 7.0',
  },
  boolean_to_int: { from: 'boolean', value: 'n > 9', change: to('int', 'v::int'), then: 'n' },
  varchar_wider: {
    from: 'varchar(5)',
    value: `'v' || n`,
    change: to('varchar(50)'),
    then: `repeat('x', 50)`,
  },
  varchar_shorter: {
    from: 'varchar(9)',
    value: `'v' || n`,
    change: to('varchar(3)', 'left(v, 3)'),
    then: `'w'`,
  },
  varchar_to_text: {
    from: 'varchar(9)',
    value: `'v' || n`,
    change: to('text'),
    then: `repeat('x', 99)`,
  },
  precision_more: {
    from: 'numeric(6,2)',
    value: 'n + 0.5',
    change: to('numeric(14,4)'),
    then: '1234567890.0625',
  },
  precision_less: {
    from: 'numeric(14,4)',
    value: 'n + 0.0625',
    change: to('numeric(6,2)'),
    then: '1.25',
    same: 'v::numeric(14,4)',
  },
  moment_to_zoned: {
    from: 'timestamp',
    value: `timestamp '2024-01-01' + n * interval '1 hour'`,
    change: to('timestamptz', `v AT TIME ZONE 'UTC'`),
  },
  moment_from_zoned: {
    from: 'timestamptz',
    value: `timestamptz '2024-01-01Z' + n * interval '1 hour'`,
    change: to('timestamp', `v AT TIME ZONE 'UTC'`),
  },
  moment_finer: {
    from: 'timestamp(0)',
    value: `timestamp '2024-01-01' + n * interval '1 hour'`,
    change: to('timestamp(6)'),
    then: `timestamp '2024-01-01 10:00:00.123456'`,
  },
  date_to_moment: {
    from: 'date',
    value: `date '2024-01-01' + n`,
    change: to('timestamp'),
    then: `timestamp '2024-01-01 10:00'`,
  },
  elements_wider: {
    from: 'int[]',
    value: 'ARRAY[n, NULL]',
    change: to('bigint[]'),
    then: 'ARRAY[9000000000 + n]',
  },
  elements_to_text: {
    from: 'int[]',
    value: 'ARRAY[n]',
    change: to('text[]', 'v::text[]'),
    then: `ARRAY['a,b', NULL]`,
    same: 'to_jsonb(v)',
  },
  array_to_text: {
    from: 'int[]',
    value: 'ARRAY[n]',
    change: to('text', 'v::text'),
    then: `'no list'`,
  },
  label_added: {
    from: 'mood_a',
    value: `'sad'::mood_a`,
    change: `ALTER TYPE mood_a ADD VALUE 'fine' BEFORE 'happy'`,
    then: `'fine'::mood_a`,
  },
  label_renamed: {
    from: 'mood_r',
    value: `'sad'::mood_r`,
    change: `ALTER TYPE mood_r RENAME VALUE 'sad' TO 'blue'`,
  },
  label_to_text: {
    from: 'mood_t',
    value: `'sad'::mood_t`,
    change: to('text', 'v::text'),
    then: `'no mood'`,
  },
  labels_wider: {
    from: 'mood_l[]',
    value: `ARRAY['sad'::mood_l]`,
    change: `ALTER TYPE mood_l ADD VALUE 'fine'`,
    then: `ARRAY['fine', 'sad']::mood_l[]`,
  },
  uuid_to_text: {
    from: 'uuid',
    value: `md5(n::text)::uuid`,
    change: to('text', 'v::text'),
    then: `'no uuid'`,
  },
  text_to_uuid: {
    from: 'text',
    value: `md5(n::text)::uuid::text`,
    change: to('uuid', 'v::uuid'),
    then: `md5('x')::uuid`,
  },
  inet_to_text: {
    from: 'inet',
    value: `'10.0.0.1'::inet + n`,
    change: to('text', 'v::text'),
    then: `'no address'`,
  },
  range_wider: {
    from: 'int4range',
    value: 'int4range(n, n + 2)',
    change: to('int8range', 'int8range(lower(v), upper(v))'),
    then: 'int8range(n, 9000000000)',
  },
  json_to_jsonb: {
    from: 'json',
    value: `'{"b": 1,  "a": 2}'::json`,
    change: to('jsonb', 'v::jsonb'),
    same: 'v::jsonb',
  },
  domain_base: {
    from: 'small_number',
    value: 'n::small_number',
    change: to('some_text', 'v::text::some_text'),
    then: `'some'`,
  },
  column_dropped: {
    from: 'int',
    value: 'n',
    change: 'ALTER TABLE T DROP v, ADD other int',
    then: 'n',
  },
  column_added: { from: 'int', value: 'n', change: 'ALTER TABLE T ADD more uuid[]', then: 'n' },
  column_again: {
    from: 'int',
    value: 'n',
    change: 'ALTER TABLE T DROP v, ADD v text',
    then: `'again ' || n`,
  },
  key_wider: {
    from: 'int',
    value: 'n',
    change: 'ALTER TABLE T ALTER id TYPE bigint',
    then: 'n + 1',
  },
  key_to_text: {
    from: 'int',
    value: 'n',
    change: 'ALTER TABLE T ALTER id TYPE text USING id::text',
    then: 'n + 1',
  },
}

const setUp = `CREATE TYPE mood_a AS ENUM ('sad', 'happy'); CREATE TYPE mood_r AS ENUM ('sad', 'happy'); CREATE TYPE mood_t AS ENUM ('sad', 'happy');
  CREATE TYPE mood_l AS ENUM ('sad', 'happy'); CREATE DOMAIN small_number AS int CHECK (VALUE < 1000); CREATE DOMAIN some_text AS text;`

const names = Object.keys(drifts)

function createTables(): string {
  const tables = names.map((name) => {
    const { from, value } = drifts[name] ?? {}
    return `CREATE TABLE ${name} (id int PRIMARY KEY, v ${from}, updated_at timestamptz NOT NULL);
      INSERT INTO ${name} SELECT n, ${value}, timestamptz '2024-01-01Z' + n * interval '1 s' FROM generate_series(1, ${String(rows)}) n; ANALYZE ${name}`
  })
  return [setUp, ...tables].join(';')
}

/** Every row is changed after the type, half of them in `v` too, and some are new. */
async function driftTables(db: TestDatabase): Promise<void> {
  for (const name of names) {
    const { change = '', then, value = '' } = drifts[name] ?? {}
    await db.query(change.replaceAll(/\bT\b/g, name))
    const column = name === 'column_dropped' ? 'other' : 'v'
    const moment = `timestamptz '2024-02-01Z' + n * interval '1 s'`
    const numbers = `generate_series(1, ${String(rows)}) n`
    const added = then ?? value.replace("'sad'::mood_r", "'blue'::mood_r")
    await db.query(
      `UPDATE ${name} SET updated_at = ${moment} FROM ${numbers} WHERE id::text = n::text;
       INSERT INTO ${name} (id, ${column}, updated_at) SELECT n, ${added}, ${moment} FROM generate_series(101, 110) n`,
    )
    if (then === undefined) continue
    await db.query(
      `UPDATE ${name} SET ${column} = s.v FROM (SELECT n, ${then} AS v FROM ${numbers}) s WHERE id::text = n::text AND n % 2 = 0`,
    )
  }
}

interface Case {
  readonly mode: 'append' | 'append_dedup' | 'overwrite' | 'overwrite_dedup'
  readonly syncMode: 'full_refresh' | 'incremental'
  readonly log: 'embedded' | 'kafka'
  /** The first run, which comes to its end, makes tables as the version before did. */
  readonly was?: 'portable'
}

/** The usual run has the first two. */
const cases: readonly Case[] = [
  { mode: 'append_dedup', syncMode: 'incremental', log: 'embedded' },
  { mode: 'overwrite_dedup', syncMode: 'full_refresh', log: 'kafka' },
  { mode: 'append', syncMode: 'incremental', log: 'kafka' },
  { mode: 'append', syncMode: 'incremental', log: 'embedded' },
  { mode: 'append', syncMode: 'full_refresh', log: 'kafka' },
  { mode: 'append', syncMode: 'full_refresh', log: 'embedded' },
  { mode: 'overwrite', syncMode: 'full_refresh', log: 'kafka' },
  { mode: 'overwrite', syncMode: 'full_refresh', log: 'embedded' },
  { mode: 'overwrite_dedup', syncMode: 'full_refresh', log: 'embedded' },
  { mode: 'append_dedup', syncMode: 'incremental', log: 'kafka' },
  { mode: 'append_dedup', syncMode: 'full_refresh', log: 'kafka' },
  { mode: 'append_dedup', syncMode: 'full_refresh', log: 'embedded' },
  { mode: 'append_dedup', syncMode: 'incremental', log: 'embedded', was: 'portable' },
  { mode: 'overwrite_dedup', syncMode: 'full_refresh', log: 'kafka', was: 'portable' },
]

function documentOf(
  { from, to: warehouse }: Readonly<Record<'from' | 'to', TestDatabase>>,
  { mode, syncMode, log }: Case,
): Readonly<Record<string, unknown>> {
  return {
    connection: `drift-${randomUUID().slice(0, 8)}`,
    source: {
      type: 'postgres',
      config: { ...from.address, schemas: ['public'], range_rows: 25, state_rows: 20 },
    },
    destination: { type: 'postgres', config: { ...warehouse.address, schema: 'copy' } },
    log: log === 'kafka' ? { kafka: { brokers: inject('kafkaBrokers') } } : 'embedded',
    streams: names.map((name) => ({
      name,
      sync_mode: syncMode,
      destination_sync_mode: mode,
      ...(syncMode === 'incremental' && { cursor_field: 'updated_at' }),
    })),
    limits: { commit_bytes: 65_536, commit_ms: 5 },
  }
}

/** Returns whether it was killed before it came to its end. */
async function kill(file: string, random: () => number): Promise<boolean> {
  const engine = startEngine(file)
  const exited = once(engine, 'exit')
  await loadedAtLeast(engine, Math.floor(random() * rows * names.length))
  await sleep(random() * 100)
  const isKilled = engine.exitCode === null && engine.kill('SIGKILL')
  await exited
  return isKilled
}

const result = z.looseObject({
  streams: z.array(
    z.looseObject({
      name: z.string(),
      error: z.looseObject({ code: z.string() }).optional(),
      nulled: z.number(),
      cut: z.number(),
      rejected: z.number(),
      warnings: z.array(z.string()),
    }),
  ),
})

async function finish(file: string): Promise<z.infer<typeof result>['streams']> {
  const { stdout, stderr } = await runHere(file, { args: ['--json'], env: process.env })
  const text = stdout.trim().split('\n').at(-1)
  if (text === undefined || text === '') throw new Error(stderr)
  const { streams } = result.parse(JSON.parse(text))
  if (streams.length === 0) throw new Error(`the run has no streams: ${text}`)
  return streams
}

/** The rows that came after the drift, each as its texts; without how often they are there. */
async function textsOf(
  db: TestDatabase,
  schema: string,
  name: string,
): Promise<readonly unknown[]> {
  const own = drifts[name]?.same ?? (name === 'column_dropped' ? 'other' : 'v')
  const columns = ['id', own, ...(name === 'column_added' ? ['more'] : [])]
  const texts = columns.map((column) => `(${column})::text`).join(', ')
  const found = await db.query(
    `SELECT DISTINCT jsonb_build_array(${texts})::text AS row FROM ${schema}.${name} WHERE updated_at >= '2024-02-01Z'`,
  )
  return found.map(({ row }) => row).toSorted()
}

/** How many rows of a key there are after the drift, as few and as many as there are of any. */
async function countsOf(
  db: TestDatabase,
  name: string,
): Promise<{ readonly fewest: number; readonly most: number }> {
  const [row] = await db.query(
    `SELECT min(n)::int AS fewest, max(n)::int AS most FROM (SELECT count(*) AS n FROM copy.${name} WHERE updated_at >= '2024-02-01Z' GROUP BY id) g`,
  )
  return z.object({ fewest: z.number(), most: z.number() }).parse(row)
}

const portableTypes = [
  ...['bigint', 'numeric', 'boolean', 'text', 'jsonb', 'date', 'timestamp without time zone'],
  'timestamp with time zone',
]

/** The columns of a table that have other types than those that every source gets. */
async function otherTypesOf(db: TestDatabase, name: string): Promise<readonly unknown[]> {
  return db.query(
    `SELECT attname AS column, format_type(atttypid, atttypmod) AS type FROM pg_attribute
      WHERE attrelid = 'copy.${name}'::regclass AND attnum > 0 AND NOT attisdropped AND attname NOT LIKE '\\_airbyte%'
        AND format_type(atttypid, atttypmod) <> ALL ($1)`,
    [portableTypes],
  )
}

interface Round {
  readonly own: Case
  readonly from: TestDatabase
  readonly warehouse: TestDatabase
  readonly random: () => number
}

/** Loads, changes the types, kills a run and goes on. Resolves with the streams of the last run. */
async function play({ own, from, warehouse, random }: Round): ReturnType<typeof finish> {
  const document = documentOf({ from, to: warehouse }, own)
  await using file = await runFile(document)
  await using first = await runFile({ ...document, types: own.was ?? 'source' })
  if (own.was !== undefined || isOnce(own) || random() < 0.5) await finish(first.path)
  else await kill(first.path, random)
  await driftTables(from)
  const isKilled = await kill(file.path, random)
  return isKilled || !isOnce(own) ? await finish(file.path) : []
}

/** Rows that a full refresh has appended are not read again: the first run of one comes to its end. */
function isOnce({ mode, syncMode }: Case): boolean {
  return mode === 'append' && syncMode === 'full_refresh'
}

async function expectSame(
  { own, from, warehouse }: Round,
  streams: Awaited<ReturnType<typeof finish>>,
): Promise<void> {
  const found: Record<string, unknown> = {}
  const wanted: Record<string, unknown> = {}
  for (const name of names) {
    const { error, nulled, cut, rejected } = streams.find((other) => other.name === name) ?? {}
    expect({ name, error, lost: [nulled ?? 0, cut ?? 0, rejected ?? 0] }).toEqual({
      name,
      error: undefined,
      lost: [0, 0, 0],
    })
    const { fewest, most } = await countsOf(warehouse, name)
    // A run that had come to its own end when it was killed is appended once more.
    expect({ name, most }).toEqual({ name, most: isOnce(own) ? fewest : 1 })
    const isPortable = own.was === 'portable'
    found[name] = isPortable
      ? await otherTypesOf(warehouse, name)
      : await textsOf(warehouse, 'copy', name)
    wanted[name] = isPortable ? [] : await textsOf(from, 'public', name)
  }
  expect(found).toEqual(wanted)
}

describe('types that drift while runs are killed', () => {
  for (const [index, own] of cases.entries()) {
    if (!usually(2, cases).includes(own)) continue
    const { mode, syncMode, log, was = 'source' } = own
    const title = `${mode}, ${syncMode}, ${log} log, from ${was} types (seed ${String(seed)})`
    test(`the destination has the source's rows: ${title}`, { timeout: 180_000 }, async () => {
      await using from = await testDatabase()
      await using warehouse = await testDatabase()
      await from.query(createTables())
      const round = { own, from, warehouse, random: seededRandom(seed + index) }
      await expectSame(round, await play(round))
    })
  }
})
