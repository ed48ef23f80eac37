import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Metadata } from '../../sinks/sink.ts'
import { createThings } from '../connectors/every-type.ts'
import { logConfig, planRun, runPlan, type LogName, type PlanOptions } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { longTest, usually } from '../support/long.ts'

/** Rows go through the embedded log as the source sends them, and through Kafka as Avro. */
const roads = { passed: 'embedded', encoded: 'kafka block' } as const satisfies Record<
  string,
  LogName
>

interface Loaded {
  readonly loaded: number
  readonly rejected: number
  readonly nulled: number
  readonly cut: number
}

async function load(
  db: TestDatabase,
  schema: keyof typeof roads,
  options: Pick<PlanOptions, 'mode'> & Partial<PlanOptions>,
): Promise<readonly Loaded[]> {
  const plan = await planRun({
    connection: `${schema}-${randomUUID().slice(0, 8)}`,
    source: { type: 'postgres', config: { ...db.address, schemas: ['public'] } },
    destination: db.address,
    schema,
    log: logConfig(roads[schema]),
    ...options,
  })
  const { result } = await runPlan(plan)
  expect(result.streams.map(({ error }) => error)).toEqual(plan.streams.map(() => undefined))
  return result.streams.map(({ loaded, rejected, nulled, cut }) => ({
    loaded,
    rejected,
    nulled,
    cut,
  }))
}

/** Both paths load the same columns and rows. Returns those that only one of the two tables has. */
async function differences(db: TestDatabase, table: string): Promise<readonly unknown[]> {
  const names = await db.query(
    `SELECT attname AS name FROM pg_attribute
      WHERE attrelid = 'passed.${table}'::regclass AND attnum > 0 AND NOT attisdropped
        AND attname NOT IN ('_airbyte_extracted_at', '_airbyte_raw_id', '_airbyte_generation_id')
      ORDER BY attnum`,
  )
  const columns = names
    .map(({ name }) =>
      name === '_airbyte_meta' ? `"_airbyte_meta" -> 'changes'` : `"${String(name)}"`,
    )
    .join(', ')
  const rows = (schema: string): string => `SELECT ${columns} FROM ${schema}.${table}`
  return db.query(
    `(SELECT 'passed' AS only, * FROM (${rows('passed')} EXCEPT ALL ${rows('encoded')}) AS p)
     UNION ALL
     (SELECT 'encoded', * FROM (${rows('encoded')} EXCEPT ALL ${rows('passed')}) AS e)`,
  )
}

const cases: readonly (readonly [PlanOptions['mode'], Metadata])[] = [
  ['append', 'none'],
  ['append', 'minimal'],
  ['append', 'full'],
  ['overwrite', 'minimal'],
  ['append_dedup', 'minimal'],
  ['overwrite_dedup', 'full'],
]

test.each(usually(1, cases))(
  '%s with metadata %s: rows that are passed through make the table that records make',
  async (mode, metadata) => {
    await using db = await testDatabase()
    await createThings(db)
    // A transaction of a few rows, so that rows with something to say of their values stand at any place of
    // one.
    const limits = { commitBytes: 200_000 }
    const options = { mode, metadata, limits }
    expect(await load(db, 'passed', options)).toEqual(await load(db, 'encoded', options))
    expect(await differences(db, 'things')).toEqual([])
    expect(await db.query('SELECT count(*) > 5000 AS filled FROM passed.things')).toEqual([
      { filled: true },
    ])
  },
)

test('a second sync merges rows that are passed through, changed and new ones', async () => {
  await using db = await testDatabase()
  await createThings(db)
  const options = { mode: 'append_dedup', metadata: 'minimal' } as const
  for (const schema of ['passed', 'encoded'] as const) {
    await load(db, schema, { ...options, connection: schema })
  }
  await db.query(`UPDATE things SET text = 'changed', document = '"\\u0000"' WHERE id % 7 = 0`)
  await db.query(`INSERT INTO things (id, double) VALUES (-1, 'NaN'), (-2, 1e-300)`)
  for (const schema of ['passed', 'encoded'] as const) {
    await load(db, schema, { ...options, connection: schema })
  }
  expect(await differences(db, 'things')).toEqual([])
})

longTest('columns that the table has in another type get the values as text', async () => {
  await using db = await testDatabase()
  await createThings(db)
  const options = { mode: 'append', metadata: 'minimal' } as const
  for (const schema of ['passed', 'encoded'] as const) {
    await load(db, schema, { ...options, connection: schema })
    await db.query(
      `ALTER TABLE ${schema}.things ALTER normal TYPE text, ALTER indexed TYPE text, ALTER double TYPE float8`,
    )
    await load(db, schema, { ...options, connection: schema })
  }
  expect(await differences(db, 'things')).toEqual([])
})

longTest(
  'a row without a key is rejected, also beside a value that has to be changed',
  async () => {
    await using db = await testDatabase()
    await db.query(
      `CREATE TABLE keyed (k int, note text, document json);
     CREATE UNIQUE INDEX keyed_k ON keyed (k);
     INSERT INTO keyed SELECT nullif(n % 50, 0), 'row ' || n, CASE n % 60 WHEN 0 THEN '"\\u0000"' ELSE '1' END::json
       FROM generate_series(1, 49) AS n;
     INSERT INTO keyed VALUES (NULL, 'without', '1'), (NULL, 'changed too', '"\\u0000"'), (50, 'after', '2')`,
    )
    const options = {
      mode: 'append_dedup',
      metadata: 'minimal',
      key: ['k'],
    } as const
    const passed = await load(db, 'passed', options)
    expect(passed).toMatchObject([{ loaded: 50, rejected: 2 }])
    expect(await load(db, 'encoded', options)).toEqual(passed)
    expect(await differences(db, 'keyed')).toEqual([])
  },
)
