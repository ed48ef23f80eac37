import { describe, expect, test } from 'vitest'
import type { RunPlan } from '../../../engine/run-types.ts'
import type { ErrorBody } from '../../../protocol/index.ts'
import { derivedName } from '../../../sinks/postgres/identifiers.ts'
import { keyIndexName } from '../../../sinks/postgres/key-index.ts'
import { planRun, runPlan, type PlanOptions } from '../../support/engine.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { sandboxPlan } from './sandbox-run.ts'

function planOf(db: TestDatabase, options: Partial<PlanOptions> = {}): Promise<RunPlan> {
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

/** What the sandbox says of a stream, and then a run. */
async function both(
  plan: RunPlan,
  name = 't',
): Promise<{ readonly seen: ErrorBody | undefined; readonly ran: ErrorBody | undefined }> {
  const { streams } = await sandboxPlan(plan)
  const { result } = await runPlan(plan)
  return {
    seen: streams.find((stream) => stream.name === name)?.error,
    ran: result.streams.find(({ stream }) => stream.name === name)?.error,
  }
}

const made = `CREATE SCHEMA src; CREATE TABLE src.t (id int PRIMARY KEY, v text, u int);
  INSERT INTO src.t VALUES (1, 'a', 1), (2, 'c', 1)`

describe('unique values that move between rows', () => {
  const incremental = { syncMode: 'incremental', cursor: 'u' } as const
  const moves: readonly (readonly [string, string])[] = [
    [
      'to a row that is written before the old one',
      `UPDATE src.t SET v = 'b', u = 3 WHERE id = 1; INSERT INTO src.t VALUES (3, 'a', 2)`,
    ],
    ['both ways', `UPDATE src.t SET v = CASE v WHEN 'a' THEN 'c' ELSE 'a' END, u = id + 1`],
  ]
  test.for(moves)('%s', async ([, change]) => {
    for (const constraint of ['UNIQUE (v)', 'UNIQUE (v) DEFERRABLE']) {
      await using db = await testDatabase()
      await db.query(made)
      await runPlan(await planOf(db, incremental))
      await db.query(`ALTER TABLE dest.t ADD CONSTRAINT uv ${constraint}; ${change}`)
      const { seen, ran } = await both(await planOf(db, incremental))
      if (constraint.endsWith('DEFERRABLE')) {
        expect([seen, ran]).toEqual([undefined, undefined])
        continue
      }
      for (const error of [seen, ran])
        expect(error).toMatchObject({
          code: 'destination_constraint_violated',
          message: expect.stringContaining('"uv"') as unknown,
          suggested_fix: expect.stringContaining('`DEFERRABLE`') as unknown,
        })
      expect(seen?.message).toContain('until the same merge changes it')
    }
  })

  test('to a row that is written after the old one are allowed', async () => {
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
  const partitioned = (bounds: string): string => `${made}; CREATE SCHEMA dest;
    CREATE TABLE dest.t (_airbyte_extracted_at timestamptz, _airbyte_generation_id bigint, _airbyte_raw_id uuid,
      _airbyte_meta jsonb, id bigint, v text, u bigint) PARTITION BY RANGE (id);
    CREATE TABLE dest.t_part PARTITION OF dest.t ${bounds}`

  test.for(['append', 'overwrite', 'append_dedup'] as const)(
    'without a partition for a row says so: %s',
    async (mode) => {
      await using db = await testDatabase()
      await db.query(partitioned('FOR VALUES FROM (0) TO (2)'))
      const { seen, ran } = await both(await planOf(db, { mode }))
      for (const error of [seen, ran])
        expect(error).toMatchObject({
          code: 'destination_partition_missing',
          message: expect.stringMatching(
            /^No partition of "dest"\."t" takes a record: /,
          ) as unknown,
          suggested_fix: expect.stringContaining('PARTITION OF "dest"."t" DEFAULT') as unknown,
        })
    },
  )

  test('with a default partition takes every row', async () => {
    for (const bounds of [
      'FOR VALUES FROM (0) TO (2); CREATE TABLE dest.rest PARTITION OF dest.t DEFAULT',
      'DEFAULT',
    ]) {
      await using db = await testDatabase()
      await db.query(partitioned(bounds))
      const { seen, ran } = await both(await planOf(db))
      expect([seen, ran]).toEqual([undefined, undefined])
    }
  })
})

test('a type or a domain that has the name of the table is named before anything is made', async () => {
  for (const [sql, kind] of [
    [`CREATE TYPE dest.t AS ENUM ('a')`, 'a type'],
    ['CREATE DOMAIN dest.t AS int', 'a domain'],
    ['CREATE TYPE dest.t AS (a int)', 'a composite type'],
    ['CREATE SEQUENCE dest.t', 'a sequence'],
  ]) {
    await using db = await testDatabase()
    await db.query(`${made}; CREATE SCHEMA dest; ${sql ?? ''}`)
    const { seen, ran } = await both(await planOf(db))
    for (const error of [seen, ran])
      expect(error).toMatchObject({
        code: 'destination_not_a_table',
        message: `"dest"."t" cannot be a table: the name is taken by ${kind ?? ''}`,
      })
  }
})

describe('a long value in an index', () => {
  const incompressible = `(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 200) i)`
  async function withIndex(mode: PlanOptions['mode'], value: string): ReturnType<typeof both> {
    await using db = await testDatabase()
    await db.query(made)
    await runPlan(await planOf(db, { mode }))
    await db.query(`CREATE INDEX "by V" ON dest.t (v); UPDATE src.t SET v = ${value} WHERE id = 1`)
    return await both(await planOf(db, { mode }))
  }

  test.for(['append', 'overwrite', 'append_dedup'] as const)(
    'is told with the index if it is too long: %s',
    async (mode) => {
      const { seen, ran } = await withIndex(mode, incompressible)
      for (const error of [seen, ran])
        expect(error).toMatchObject({
          code: 'destination_index_entry_too_long',
          message: expect.stringMatching(
            /^A value is too long for index "by V" of "dest"\."t": /,
          ) as unknown,
        })
    },
  )

  test('is no error if it can be compressed', async () => {
    const { seen, ran } = await withIndex('append', `repeat('x', 20000)`)
    expect([seen, ran]).toEqual([undefined, undefined])
  })
})

test('a table that has the name of a stage or of a key index keeps apart from the other stream', async () => {
  await using db = await testDatabase()
  await db.query(made)
  const table = { schema: 'dest', table: 't' }
  for (const other of [derivedName(table, 'stage'), keyIndexName(table, ['id'])])
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

test('no schema that begins with pg_ is tried', async () => {
  for (const schema of ['pg_x', 'pg_catalog', 'PG_Y']) {
    await using db = await testDatabase()
    await db.query(made)
    const plan = await planOf(db, { schema })
    const { streams } = await sandboxPlan(plan)
    expect(streams[0]?.error?.code).toBe('destination_schema_reserved')
    await expect(runPlan(plan)).rejects.toMatchObject({ code: 'destination_schema_reserved' })
  }
})

test('a stream whose name no text of PostgreSQL can hold is told so', async () => {
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

test('the columns that the fix of a foreign table names take it over', async () => {
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
