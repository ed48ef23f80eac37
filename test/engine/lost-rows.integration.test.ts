import { expect, test } from 'vitest'
import type { StreamResult, TablePlan } from '../../engine/run-types.ts'
import { readRangeAgain } from '../../engine/read-range-again.ts'
import { openPostgresDestination } from '../../sinks/postgres/postgres-destination.ts'
import { planRun, runPlan, type PlanOptions } from '../support/engine.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { sandboxPlan } from './sandbox/sandbox-run.ts'
import { usually } from '../support/long.ts'

function planOf(db: TestDatabase, options: Partial<PlanOptions> = {}): Promise<TablePlan> {
  return planRun({
    connection: 'shop',
    source: { type: 'postgres', config: { ...db.address, schemas: ['src'] } },
    destination: db.address,
    schema: 'dest',
    log: { kind: 'embedded' },
    mode: 'append_dedup',
    syncMode: 'incremental',
    cursor: 'u',
    ...options,
  })
}

/** The streams by name. */
async function ran(db: TestDatabase): Promise<ReadonlyMap<string, StreamResult>> {
  const { result } = await runPlan(await planOf(db))
  return new Map(result.streams.map((stream) => [stream.stream.name, stream]))
}

async function reset(db: TestDatabase, name: string): Promise<void> {
  await using destination = await openPostgresDestination({ address: db.address })
  await destination.forget('shop', [{ namespace: 'src', name }])
}

const tables = `CREATE SCHEMA src;
  CREATE TABLE src.a (id int PRIMARY KEY, u int); INSERT INTO src.a VALUES (1, 8), (2, 9);
  CREATE TABLE src.b (id int PRIMARY KEY, u int); INSERT INTO src.b VALUES (1, 8), (2, 9)`

test('a stream whose cursor gets another type fails until it is reset, and the others go on', async () => {
  await using db = await testDatabase()
  await db.query(tables)
  await ran(db)
  await db.query(
    `ALTER TABLE src.a ALTER u TYPE text; INSERT INTO src.a VALUES (3, '10'); INSERT INTO src.b VALUES (3, 10)`,
  )
  const streams = await ran(db)
  expect(streams.get('a')).toMatchObject({
    status: 'failed',
    error: { code: 'source_cursor_type_changed', details: { before: 'integer', after: 'text' } },
  })
  expect(streams.get('b')).toMatchObject({ status: 'complete', loaded: 1 })
  expect(streams.get('a')).toMatchObject({ tableNotes: [] })
  expect(await typesOf(db, 'a')).toMatchObject({ u: 'bigint' })
  await reset(db, 'a')
  expect((await ran(db)).get('a')).toMatchObject({
    status: 'complete',
    loaded: 3,
    tableNotes: [{ kind: 'widened', column: 'u', type: 'text', was: 'bigint' }],
  })
  expect(await typesOf(db, 'a')).toMatchObject({ u: 'text' })
  expect(await db.query('SELECT FROM dest.a')).toHaveLength(3)
})

test.each(usually(1, ['append', 'append_dedup', 'overwrite', 'overwrite_dedup'] as const))(
  'a stream that fails before its first row alters no table, and the next run does: %s',
  async (mode) => {
    await using db = await testDatabase()
    await db.query(tables)
    const run = async (): Promise<StreamResult | undefined> => {
      const plan = await planOf(db, { mode, syncMode: 'full_refresh', cursor: 'id', key: ['id'] })
      const { result } = await runPlan(plan)
      return result.streams.find(({ stream: { name } }) => name === 'v')
    }
    await db.query('CREATE VIEW src.v AS SELECT id, u FROM src.a')
    await run()
    await db.query(
      'DROP VIEW src.v; CREATE VIEW src.v AS SELECT id, u::text, u / (id - 1) AS more FROM src.a',
    )
    const before = await typesOf(db, 'v')
    expect(await run()).toMatchObject({ status: 'failed', loaded: 0, tableNotes: [] })
    expect(await typesOf(db, 'v')).toEqual(before)
    await db.query('UPDATE src.a SET id = id + 10')
    expect(await run()).toMatchObject({
      status: 'complete',
      loaded: 2,
      tableNotes: [
        { kind: 'widened', column: 'u' },
        { kind: 'added', column: 'more' },
      ],
    })
    expect(await typesOf(db, 'v')).toMatchObject({ ...before, u: 'text', more: 'bigint' })
    expect(await run()).toMatchObject({ status: 'complete', loaded: 2, tableNotes: [] })
  },
)

async function typesOf(db: TestDatabase, table: string): Promise<Record<string, unknown>> {
  const columns = await db.query(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
      WHERE attrelid = 'dest.${table}'::regclass AND attnum > 0`,
  )
  return Object.fromEntries(columns.map(({ name, type }) => [String(name), type]))
}

test('a range of the cursor is read again and merged, and the position stays', async () => {
  await using db = await testDatabase()
  await db.query(tables)
  const ask = async (from: string, more: { isDryRun?: boolean; doublesRows?: boolean } = {}) => {
    await using destination = await openPostgresDestination({ address: db.address })
    return await readRangeAgain(destination, {
      connection: 'shop',
      streams: [{ namespace: 'src', name: 'a' }],
      sourceType: 'postgres',
      range: { from, to: null },
      doublesRows: more.doublesRows ?? false,
      isDryRun: more.isDryRun ?? false,
    })
  }
  await expect(ask('1')).rejects.toThrow('it has no checkpoint')
  await ran(db)
  // Changed without its cursor, as a repair at the source does.
  await db.query(
    'ALTER TABLE src.a ADD v int; UPDATE src.a SET v = id; INSERT INTO src.a VALUES (3, 20, 3)',
  )
  await db.query('DELETE FROM src.a WHERE id = 1; INSERT INTO src.a VALUES (1, 8, 11)')
  await expect(ask('x')).rejects.toMatchObject({ code: 'stream_range_invalid' })
  expect(await ask('8', { isDryRun: true })).toMatchObject([{ cursorField: 'u', from: '8' }])
  await ask('9')
  const warned = (await ran(db)).get('a')
  expect(warned).toMatchObject({ status: 'complete' })
  expect(warned?.warnings).toContain(
    'The rows of src.a with u from 9 to the last checkpoint were read again, as a reset asked for.',
  )
  const rows = 'SELECT id::int, v::int FROM dest.a ORDER BY id'
  expect(await db.query(rows)).toEqual([
    { id: 1, v: null },
    { id: 2, v: 2 },
    { id: 3, v: 3 },
  ])
  await ask('8')
  await ask('8')
  expect((await ran(db)).get('a')).toMatchObject({ status: 'complete', read: 3 })
  expect(await db.query(rows)).toMatchObject([{ v: 11 }, { v: 2 }, { v: 3 }])
  expect((await ran(db)).get('a')).toMatchObject({ read: 0, warnings: [] })
  await runPlan(await planOf(db, { connection: 'log', schema: 'log', mode: 'append' }))
  await using destination = await openPostgresDestination({ address: db.address })
  const append = {
    connection: 'log',
    streams: [{ namespace: 'src', name: 'b' }],
    sourceType: 'postgres',
    range: { from: '9', to: null },
    isDryRun: false,
  }
  await expect(readRangeAgain(destination, { ...append, doublesRows: false })).rejects.toThrow(
    'would be there twice',
  )
  await expect(readRangeAgain(destination, { ...append, doublesRows: true })).resolves.toHaveLength(
    1,
  )
})

test('a backfill reads all rows again after a column was added with a default, and appends nothing twice', async () => {
  await using db = await testDatabase()
  await db.query(tables)
  await ran(db)
  await db.query('ALTER TABLE src.a ADD COLUMN c int NOT NULL DEFAULT 7')
  const { result } = await runPlan({ ...(await planOf(db)), backfills: true })
  const filled = result.streams.find(({ stream }) => stream.name === 'a')
  expect(filled?.warnings[0]).toMatch(/^Column c of src\.a .*\(schema_drift: backfill\)\.$/)
  expect(await db.query('SELECT id::int, c::int FROM dest.a ORDER BY id')).toEqual([
    { id: 1, c: 7 },
    { id: 2, c: 7 },
  ])
  expect((await ran(db)).get('a')).toMatchObject({ read: 0, warnings: [] })
})

test('a destination table that was emptied is warned of by a sandbox and by the run, and a reset fills it', async () => {
  await using db = await testDatabase()
  await db.query(tables)
  await ran(db)
  await db.query('TRUNCATE dest.a; INSERT INTO src.a VALUES (3, 10)')
  const warning = /^Table "dest"\."a" is empty.*`reactor connect reset FILE --streams src\.a`/
  const { streams: shown } = await sandboxPlan(await planOf(db))
  expect(shown.map(({ warnings }) => warnings)).toEqual([[expect.stringMatching(warning)], []])
  const streams = await ran(db)
  const { warnings = [] } = streams.get('a') ?? {}
  expect(warnings).toEqual([expect.stringMatching(warning)])
  expect(streams.get('b')).toMatchObject({ warnings: [] })
  expect(await db.query('SELECT FROM dest.a')).toHaveLength(1)
  await reset(db, 'a')
  const again = await ran(db)
  expect(again.get('a')).toMatchObject({ loaded: 3, warnings: [] })
  expect(again.get('b')).toMatchObject({ loaded: 0 })
  expect(await db.query('SELECT FROM dest.a')).toHaveLength(3)
})

test('rows of a table that another tool marked as deleted are told', async () => {
  await using db = await testDatabase()
  await db.query(
    `CREATE SCHEMA src; CREATE TABLE src.c (id int PRIMARY KEY, u int, _ab_cdc_deleted_at text);
     INSERT INTO src.c VALUES (1, 1, NULL), (2, 2, '2026-01-01T00:00:00Z')`,
  )
  expect((await ran(db)).get('c')).toMatchObject({
    loaded: 2,
    warnings: [
      expect.stringContaining(
        'Column _ab_cdc_deleted_at marks deleted rows: 1 row that was read has a value in it',
      ),
    ],
  })
  expect(await db.query('SELECT id::int FROM dest.c')).toEqual([{ id: 1 }])
  expect((await ran(db)).get('c')).toMatchObject({ loaded: 0, warnings: [] })
})
