import { describe, expect, test } from 'vitest'
import type { TablePlan } from '../../../engine/run-types.ts'
import type { ErrorBody } from '../../../protocol/index.ts'
import { derivedTable } from '../../../sinks/postgres/tables/identifiers.ts'
import { keyIndexName } from '../../../sinks/postgres/tables/key-index.ts'
import { planRun, runPlan, type PlanOptions } from '../../support/engine.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { sandboxPlan } from './sandbox-run.ts'
import { longTest } from '../../support/long.ts'

function planOf(db: TestDatabase, options: Partial<PlanOptions> = {}): Promise<TablePlan> {
  return planRun({
    connection: 'shop',
    source: { type: 'postgres', config: { ...db.address, schemas: ['src'] } },
    destination: db.address,
    schema: 'dest',
    log: { kind: 'embedded' },
    mode: 'append_dedup',
    ...options,
  })
}

interface Outcome {
  readonly seen: ErrorBody | undefined
  readonly ran: ErrorBody | undefined
}

/** Returns the error of each stream in the sandbox, and then in a run. Both must contain the stream. */
async function outcomesOf(plan: TablePlan): Promise<(name: string) => Outcome> {
  const { streams } = await sandboxPlan(plan)
  const { result } = await runPlan(plan)
  return (name) => {
    const seen = streams.find((stream) => stream.name === name)
    const ran = result.streams.find(({ stream }) => stream.name === name)
    if (seen === undefined || ran === undefined) throw new Error(`no stream ${name}`)
    return { seen: seen.error, ran: ran.error }
  }
}

async function both(plan: TablePlan, name = 't'): Promise<Outcome> {
  return (await outcomesOf(plan))(name)
}

const tableOf = (
  name: string,
): string => `CREATE TABLE src.${name} (id int PRIMARY KEY, v text, u int);
  INSERT INTO src.${name} VALUES (1, 'a', 1), (2, 'c', 1)`
const made = `CREATE SCHEMA src; ${tableOf('t')}`

const modes = ['append', 'overwrite', 'append_dedup'] as const
/** A table for each mode, which has its name: a run shows them all. */
const madeForModes = `CREATE SCHEMA src; ${modes.map(tableOf).join('; ')}`
const inModes: Partial<PlanOptions> = {
  ofStream: (name) => ({ mode: modes.find((mode) => mode === name) ?? 'append' }),
}

describe('unique values that move between rows', () => {
  const incremental = { syncMode: 'incremental', cursor: 'u' } as const
  const moves: readonly (readonly [string, string])[] = [
    [
      'to a row that is written before the old one',
      `UPDATE src.t SET v = 'b', u = 3 WHERE id = 1; INSERT INTO src.t VALUES (3, 'a', 2)`,
    ],
    ['both ways', `UPDATE src.t SET v = CASE v WHEN 'a' THEN 'c' ELSE 'a' END, u = id + 1`],
  ]
  test.for(moves)('%s are refused', async ([, change]) => {
    await using db = await testDatabase()
    await db.query(`${made}; ${tableOf('later')}`)
    await runPlan(await planOf(db, incremental))
    await db.query(`ALTER TABLE dest.t ADD CONSTRAINT uv UNIQUE (v); ${change}`)
    await db.query(`ALTER TABLE dest.later ADD CONSTRAINT uv_later UNIQUE (v) DEFERRABLE;
      ${change.replaceAll('src.t', 'src.later')}`)
    const outcomeOf = await outcomesOf(await planOf(db, incremental))
    expect(outcomeOf('later')).toEqual({ seen: undefined, ran: undefined })
    const { seen, ran } = outcomeOf('t')
    for (const error of [seen, ran])
      expect(error).toMatchObject({
        code: 'destination_constraint_violated',
        message: expect.stringContaining('"uv"') as unknown,
        suggested_fix: expect.stringContaining('`DEFERRABLE`') as unknown,
      })
    expect(seen?.message).toContain('until the same merge changes it')
  })

  longTest('to a row that is written after the old one are allowed', async () => {
    await using db = await testDatabase()
    await db.query(made)
    await runPlan(await planOf(db, incremental))
    await db.query(`ALTER TABLE dest.t ADD CONSTRAINT uv UNIQUE (v);
      UPDATE src.t SET v = 'b', u = 2 WHERE id = 1; INSERT INTO src.t VALUES (3, 'a', 3)`)
    const { seen, ran } = await both(await planOf(db, incremental))
    expect([seen, ran]).toEqual([undefined, undefined])
  })
})

describe('a partitioned table', () => {
  const partitioned = (name: string, bounds: string): string =>
    `CREATE TABLE dest.${name} (_airbyte_extracted_at timestamptz, _airbyte_generation_id bigint, _airbyte_raw_id uuid,
      _airbyte_meta jsonb, id bigint, v text, u bigint) PARTITION BY RANGE (id);
    CREATE TABLE dest.${name}_part PARTITION OF dest.${name} ${bounds}`

  longTest('without a partition for a row says so, in each mode', async () => {
    await using db = await testDatabase()
    await db.query(`${madeForModes}; CREATE SCHEMA dest`)
    for (const mode of modes) await db.query(partitioned(mode, 'FOR VALUES FROM (0) TO (2)'))
    const outcomeOf = await outcomesOf(await planOf(db, inModes))
    for (const mode of modes)
      for (const error of Object.values(outcomeOf(mode)))
        expect(error, mode).toMatchObject({
          code: 'destination_partition_missing',
          message: expect.stringMatching(
            new RegExp(`^No partition of "dest"\\."${mode}" accepts a record: `),
          ) as unknown,
          suggested_fix: expect.stringContaining(
            `PARTITION OF "dest"."${mode}" DEFAULT`,
          ) as unknown,
        })
  })

  longTest('with a default partition takes every row', async () => {
    await using db = await testDatabase()
    await db.query(`${made}; ${tableOf('other')}; CREATE SCHEMA dest`)
    const bounds = 'FOR VALUES FROM (0) TO (2); CREATE TABLE dest.rest PARTITION OF dest.t DEFAULT'
    await db.query(partitioned('t', bounds))
    await db.query(partitioned('other', 'DEFAULT'))
    const outcomeOf = await outcomesOf(await planOf(db))
    for (const name of ['t', 'other'])
      expect(outcomeOf(name)).toEqual({ seen: undefined, ran: undefined })
  })
})

test('a type or a domain that has the name of the table is named before anything is made', async () => {
  const taken = [
    [`CREATE TYPE dest.t0 AS ENUM ('a')`, 'a type'],
    ['CREATE DOMAIN dest.t1 AS int', 'a domain'],
    ['CREATE TYPE dest.t2 AS (a int)', 'a composite type'],
    ['CREATE SEQUENCE dest.t3', 'a sequence'],
  ] as const
  await using db = await testDatabase()
  await db.query('CREATE SCHEMA src; CREATE SCHEMA dest')
  for (const [index, [sql]] of taken.entries())
    await db.query(`CREATE TABLE src.t${String(index)} (id int PRIMARY KEY); ${sql}`)
  const outcomeOf = await outcomesOf(await planOf(db))
  for (const [index, [, kind]] of taken.entries()) {
    const table = `t${String(index)}`
    for (const error of Object.values(outcomeOf(table)))
      expect(error).toMatchObject({
        code: 'destination_not_a_table',
        message: `"dest"."${table}" cannot be a table: the name is taken by ${kind}`,
      })
  }
})

describe('a long value in an index', () => {
  const incompressible = `(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 200) i)`
  async function withIndexes(value: string): ReturnType<typeof outcomesOf> {
    await using db = await testDatabase()
    await db.query(madeForModes)
    await runPlan(await planOf(db, inModes))
    for (const mode of modes)
      await db.query(
        `CREATE INDEX "by V of ${mode}" ON dest.${mode} (v); UPDATE src.${mode} SET v = ${value} WHERE id = 1`,
      )
    return await outcomesOf(await planOf(db, inModes))
  }

  longTest('is told with the index if it is too long, in each mode', async () => {
    const outcomeOf = await withIndexes(incompressible)
    for (const mode of modes)
      for (const error of Object.values(outcomeOf(mode)))
        expect(error, mode).toMatchObject({
          code: 'destination_index_entry_too_long',
          message: expect.stringMatching(
            new RegExp(`^A value is too long for index "by V of ${mode}" of "dest"\\."${mode}": `),
          ) as unknown,
        })
  })

  longTest('is no error if it can be compressed', async () => {
    const outcomeOf = await withIndexes(`repeat('x', 20000)`)
    for (const mode of modes) expect(outcomeOf(mode)).toEqual({ seen: undefined, ran: undefined })
  })
})

test('a table that has the name of a stage or of a key index keeps apart from the other stream', async () => {
  await using db = await testDatabase()
  await db.query(made)
  const table = { schema: 'dest', table: 't' }
  for (const other of [derivedTable(table, 'stage').table, keyIndexName(table, ['id'])])
    await db.query(
      `CREATE TABLE src."${other}" (id int PRIMARY KEY); INSERT INTO src."${other}" VALUES (7)`,
    )
  for (const round of [1, 2]) {
    const { result } = await runPlan(await planOf(db, { mode: 'overwrite_dedup' }))
    const ends = result.streams.map(({ error, status }) => error ?? status)
    expect(ends, String(round)).toEqual(['complete', 'complete', 'complete'])
  }
  const tables = await db.query(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'dest'::regnamespace AND relkind = 'r' ORDER BY 1`,
  )
  expect(tables).toHaveLength(3)
  for (const { name } of tables)
    expect(await db.query(`SELECT id FROM dest."${String(name)}"`)).not.toHaveLength(0)
})

longTest('no schema that begins with pg_ is tried', async () => {
  for (const schema of ['pg_x', 'pg_catalog', 'PG_Y']) {
    await using db = await testDatabase()
    await db.query(made)
    const plan = await planOf(db, { schema })
    const { streams } = await sandboxPlan(plan)
    expect(streams[0]?.error?.code).toBe('destination_schema_reserved')
    await expect(runPlan(plan)).rejects.toMatchObject({ code: 'destination_schema_reserved' })
  }
})

longTest('a stream whose name PostgreSQL cannot store is refused, with that reason', async () => {
  await using db = await testDatabase()
  const config = {
    streams: [
      { name: 'a\0b', rows: 1 },
      { name: 'good', rows: 1 },
    ],
  }
  const plan = await planOf(db, { mode: 'append', source: { type: 'faker', config } })
  const { seen, ran } = await both(plan, 'a\0b')
  for (const error of [seen, ran])
    expect(error).toMatchObject({
      code: 'stream_name_invalid',
      message: expect.stringContaining('a\\u0000b') as unknown,
    })
  expect(await db.query('SELECT FROM dest.good')).toHaveLength(1)
})

longTest('the columns that the fix of a foreign table names take it over', async () => {
  for (const metadata of ['full', 'minimal'] as const) {
    await using db = await testDatabase()
    await db.query(
      `${made}; CREATE SCHEMA dest; CREATE TABLE dest.t (id bigint); INSERT INTO dest.t VALUES (9)`,
    )
    const plan = await planOf(db, { mode: 'append', metadata })
    const { ran } = await both(plan)
    expect(ran?.code).toBe('destination_table_foreign')
    const [, sql = ''] = /run `(ALTER TABLE [^`]+)`/.exec(ran?.suggested_fix ?? '') ?? []
    await db.query(sql)
    const { seen: seenAfter, ran: ranAfter } = await both(plan)
    expect([seenAfter, ranAfter]).toEqual([undefined, undefined])
  }
})

test('an error of the sandbox’s own run names the table of production', async () => {
  await using db = await testDatabase()
  await db.query(`${made}; CREATE DOMAIN few AS text CHECK (value <> 'zzz')`)
  await runPlan(await planOf(db))
  await db.query(`ALTER TABLE dest.t ALTER v TYPE few; UPDATE src.t SET v = 'zzz' WHERE id = 1`)
  const { seen } = await both(await planOf(db))
  expect(seen).toBeDefined()
  expect(JSON.stringify(seen)).not.toContain('reactor_sandbox_')
  expect(JSON.stringify(seen)).not.toContain('t1_t')
})
