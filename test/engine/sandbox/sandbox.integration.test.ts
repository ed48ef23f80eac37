import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, test, vi } from 'vitest'
import { manifestType } from '../../../connectors/registry.ts'
import { destinationFingerprint } from '../../../sinks/postgres/sandbox/fingerprint.ts'
import {
  dropSandboxSchema,
  listSandboxSchemas,
} from '../../../sinks/postgres/sandbox/sandbox-schema.ts'
import type { TablePlan } from '../../../engine/run-types.ts'
import type { SandboxStream } from '../../../engine/sandbox/sandbox-report.ts'
import { TrackerApi } from '../../fakes/tracker-api.ts'
import { planRun, runPlan, type PlanOptions } from '../../support/engine.ts'
import { newFolder } from '../../support/new-folder.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { bookkeepingBefore } from '../../support/old-bookkeeping.ts'
import { checksum, leftovers, sandboxId, sandboxPlan } from './sandbox-run.ts'
import { longTest, usually } from '../../support/long.ts'

const tracker = new URL('../../fakes/tracker.yaml', import.meta.url).pathname

function plan(
  db: TestDatabase,
  options: Pick<PlanOptions, 'source'> & Partial<PlanOptions>,
): Promise<TablePlan> {
  return planRun({
    connection: 'shop',
    destination: db.address,
    schema: 'dest',
    log: { kind: 'embedded' },
    mode: 'append_dedup',
    ...options,
  })
}

function faker(...streams: object[]): PlanOptions['source'] {
  return { type: 'faker', config: JSON.parse(JSON.stringify({ streams })) as { streams: [] } }
}

function postgres(db: TestDatabase, schema: string): PlanOptions['source'] {
  return { type: 'postgres', config: { ...db.address, schemas: [schema] } }
}

const rowsOf = (stream: SandboxStream | undefined): unknown => stream?.diff_vs_current?.rows

describe('the limit of a sandbox', () => {
  test('ends each stream of its own, and says which were cut', async () => {
    await using db = await testDatabase()
    const source = faker(
      { name: 'endless', rows: 1_000_000_000 },
      { name: 'exact', rows: 50, slices: 3 },
      { name: 'small', rows: 7 },
      { name: 'empty', rows: 0 },
    )
    const report = await sandboxPlan(await plan(db, { source }), { limitRows: 50, sampleRows: 5 })
    expect(report.streams.map(({ name, read, complete }) => [name, read, complete])).toEqual([
      ['endless', 50, false],
      ['exact', 50, true],
      ['small', 7, true],
      ['empty', 0, true],
    ])
    expect(report).toMatchObject({
      status: 'partial',
      limit_rows: 50,
      totals: {
        streams: 4,
        failed: 0,
        cut: 1,
        read: 107,
        rows: { insert: null, update: 0, unchanged: 0, delete: 0 },
        rows_at_least: { insert: 107, delete: 0 },
        estimated_cost: { seconds: null },
      },
    })
    const [endless, , small] = report.streams
    expect(endless?.estimated_cost.rows).toBe(1_000_000_000)
    expect(endless?.estimated_cost.bytes).toBeGreaterThan(1e10)
    expect(endless?.sample_rows).toHaveLength(5)
    expect(small?.sample_rows[0]?.id).toBe('1')
    expect(small?.diff_vs_current?.table_exists).toBe(false)
    expect(small?.diff_vs_current?.added_columns.slice(4, 6)).toEqual([
      { name: 'id', type: 'bigint' },
      { name: 'email', type: 'text' },
    ])
    expect(await db.query(`SELECT FROM pg_namespace WHERE nspname = 'dest'`)).toEqual([])
  })

  test.for(usually(1, ['overwrite', 'overwrite_dedup', 'append', 'append_dedup'] as const))(
    'compares what it read of a stream that is to %s',
    async (mode) => {
      await using db = await testDatabase()
      const narrow = { name: 'a', columns: 'narrow' }
      await runPlan(await plan(db, { mode, source: faker({ ...narrow, rows: 30 }) }))
      await db.query(`UPDATE dest.a SET name = 'other' WHERE id <= 2`)
      const report = await sandboxPlan(
        await plan(db, { mode, source: faker({ ...narrow, rows: 1000 }) }),
        { limitRows: 40 },
      )
      const counts = { insert: 10, update: 2, unchanged: 28, delete: null }
      expect(rowsOf(report.streams[0])).toEqual(
        {
          append: { insert: 40, update: 0, unchanged: 0, delete: 0 },
          append_dedup: { ...counts, delete: 0 },
          overwrite: counts,
          overwrite_dedup: counts,
        }[mode],
      )
    },
  )

  longTest('does not read a table to its end', async () => {
    await using db = await testDatabase()
    await db.query(`CREATE SCHEMA src`)
    await db.query(
      `CREATE TABLE src.wide AS SELECT n, repeat(md5(n::text), 60) AS body FROM generate_series(1, 40000) n`,
    )
    const source = postgres(db, 'src')
    const report = await sandboxPlan(await plan(db, { source, mode: 'overwrite' }), {
      limitRows: 3,
    })
    expect(report.streams[0]).toMatchObject({ read: 3, complete: false })
    const scanned = await db.query(
      `SELECT seq_tup_read::int AS rows FROM pg_stat_user_tables WHERE relname = 'wide'`,
    )
    expect(Number(scanned[0]?.rows)).toBeLessThan(30_000)
  })

  longTest('does not ask an API for pages that nobody reads', async () => {
    await using api = await TrackerApi.start(5)
    await using db = await testDatabase()
    api.addIssues(40)
    const source = {
      type: manifestType(tracker),
      config: { url: api.url },
      allowedNetworks: ['127.0.0.0/8'],
    }
    const options = {
      source,
      streams: ['issues'],
      syncMode: 'incremental',
      cursor: 'updated_at',
    } as const
    const report = await sandboxPlan(await plan(db, options), { limitRows: 5 })
    expect(report.streams[0]).toMatchObject({ read: 5, complete: false })
    expect(rowsOf(report.streams[0])).toMatchObject({ insert: 5 })
    // 5 projects of 20 pages each.
    expect(api.requests.length).toBeLessThan(40)
  })

  longTest('may be one of time: what a slow source gave until then is in the report', async () => {
    await using db = await testDatabase()
    const source = faker({ name: 'slow', rows: 100_000, rows_per_second: 500 })
    const report = await sandboxPlan(await plan(db, { source }), {
      limitRows: 100_000,
      readMs: 2_500,
    })
    expect(report.streams[0]).toMatchObject({ complete: false })
    expect(report.streams[0]?.read).toBeGreaterThan(0)
    expect(report.streams[0]?.read).toBeLessThan(100_000)
    expect(rowsOf(report.streams[0])).toMatchObject({ insert: report.streams[0]?.read })
  })
})

describe('a sandbox', () => {
  test('reads from where the next run would, and moves no checkpoint', async () => {
    await using db = await testDatabase()
    const stream = { name: 'a', rows: 2_000, state_every: 10 }
    const options = { mode: 'append', limits: { commitMs: 20 } } as const
    const slow = faker({ ...stream, rows_per_second: 300 })
    const stop = new AbortController()
    const running = runPlan(await plan(db, { ...options, source: slow }), stop.signal)
    const loaded = async (): Promise<number> => {
      const [table] = await db.query(`SELECT to_regclass('dest.a') IS NOT NULL AS exists`)
      if (table?.exists !== true) return 0
      return Number((await db.query('SELECT count(*) AS n FROM dest.a'))[0]?.n)
    }
    await vi.waitUntil(async () => (await loaded()) > 0, { timeout: 20_000 })
    stop.abort()
    expect((await running).result.status).toBe('stopped')
    const there = await loaded()
    const before = await checksum(db, 'reactor_connect')
    const next = await plan(db, { ...options, source: faker(stream) })
    const report = await sandboxPlan(next, { limitRows: 5_000 })
    expect(rowsOf(report.streams[0])).toMatchObject({ insert: 2_000 - there })
    expect(report.streams[0]?.sample_rows[0]?.id).toBe(String(there + 1))
    expect(await checksum(db, 'reactor_connect')).toBe(before)
    await runPlan(next)
    expect(await loaded()).toBe(2_000)
  })

  test('says why one stream cannot run, and goes on with the others', async () => {
    await using db = await testDatabase()
    const fail = { at_row: 5, kind: 'config_error' }
    const good = { name: 'good', rows: 10 }
    await runPlan(await plan(db, { source: faker({ name: 'viewed', rows: 3 }) }))
    await db.query(`ALTER TABLE dest.viewed ALTER score TYPE integer`)
    await db.query(`CREATE VIEW report AS SELECT id, score FROM dest.viewed`)
    await db.query(`CREATE TABLE dest.foreign (id bigint)`)
    await db.query(`INSERT INTO dest.foreign VALUES (1)`)
    const report = await sandboxPlan(
      await plan(db, {
        source: faker(
          { name: 'broken', rows: 10, fail },
          { name: 'viewed', rows: 10 },
          { name: 'foreign', rows: 10 },
          good,
        ),
      }),
    )
    expect(report.status).toBe('partial')
    expect(report.totals.failed).toBe(3)
    expect(report.streams.map(({ name, error }) => [name, error?.code])).toEqual([
      ['broken', 'simulated_config_error'],
      ['viewed', 'destination_column_in_use'],
      ['foreign', 'destination_table_foreign'],
      ['good', undefined],
    ])
    const [broken, viewed, , well] = report.streams
    expect(rowsOf(broken)).toEqual({ insert: null, update: null, unchanged: null, delete: null })
    expect(viewed?.diff_vs_current).toMatchObject({
      type_changes: [{ name: 'score', from: 'integer', to: 'numeric' }],
      dependent_views: [{ schema: 'public', name: 'report', columns: ['id', 'score'] }],
    })
    expect(rowsOf(well)).toMatchObject({ insert: 10 })
  })

  longTest('says which of two streams of one table a run would refuse', async () => {
    await using db = await testDatabase()
    await db.query(`CREATE SCHEMA a; CREATE TABLE a.t (id int PRIMARY KEY);
      CREATE SCHEMA b; CREATE TABLE b.t (id int PRIMARY KEY)`)
    const source = { type: 'postgres', config: { ...db.address, schemas: ['a', 'b'] } }
    const { streams } = await sandboxPlan(await plan(db, { source }))
    expect(streams.map(({ namespace, error }) => [namespace, error?.code])).toEqual([
      ['a', undefined],
      ['b', 'destination_table_shared'],
    ])
  })

  test('only reads production, beside whoever else works there', async () => {
    await using db = await testDatabase()
    const ready = await plan(db, { source: faker({ name: 'a', rows: 20, columns: 'narrow' }) })
    await runPlan(ready)
    await db.query(`ALTER TABLE dest.a ALTER id TYPE integer`)
    const production = [await checksum(db, 'dest'), await checksum(db, 'reactor_connect')]
    const other = new pg.Client({ connectionString: db.url })
    await other.connect()
    try {
      // Only ACCESS SHARE goes with it.
      await other.query('BEGIN')
      await other.query('LOCK TABLE dest.a, reactor_connect.streams IN EXCLUSIVE MODE')
      await other.query('LOCK TABLE reactor_connect.slices, reactor_connect.runs IN EXCLUSIVE MODE')
      const { streams } = await sandboxPlan(ready)
      expect(rowsOf(streams[0])).toEqual({ insert: 0, update: 0, unchanged: 20, delete: 0 })
    } finally {
      await other.end()
    }
    expect([await checksum(db, 'dest'), await checksum(db, 'reactor_connect')]).toEqual(production)
  })

  test.for(usually(1, ['hard', 'soft'] as const))(
    'shows %s deletes of a change stream',
    async (deletes) => {
      await using db = await testDatabase()
      await db.query(`CREATE SCHEMA src`)
      await db.query(
        `CREATE TABLE src.a (id int PRIMARY KEY, name text, _ab_cdc_deleted_at timestamptz)`,
      )
      await db.query(`INSERT INTO src.a SELECT n, 'n' || n FROM generate_series(1, 10) n`)
      const plain = await plan(db, { source: postgres(db, 'src') })
      const change = { ...plain, streams: plain.streams.map((sink) => ({ ...sink, deletes })) }
      await runPlan(change)
      await db.query(`UPDATE src.a SET name = NULL, _ab_cdc_deleted_at = now() WHERE id <= 3`)
      await db.query(`UPDATE src.a SET name = NULL WHERE id = 4`)
      await db.query(`INSERT INTO src.a VALUES (11, 'new', NULL), (12, NULL, now())`)
      const { streams } = await sandboxPlan(change)
      const [stream] = streams
      await runPlan(change)
      const left = await db.query('SELECT count(*)::int AS n FROM dest.a')
      expect(rowsOf(stream)).toEqual(
        deletes === 'hard'
          ? { insert: 1, update: 1, unchanged: 6, delete: 3 }
          : { insert: 2, update: 4, unchanged: 6, delete: 0 },
      )
      expect(left).toEqual([{ n: deletes === 'hard' ? 8 : 12 }])
      expect(stream?.diff_vs_current?.nulled_values).toEqual([{ column: 'name', rows: 1 }])
    },
  )

  longTest(
    'names what acts on a run beside it: rules, and no policy that does not apply to its user',
    async () => {
      await using db = await testDatabase()
      const source = faker({ name: 'a', rows: 2, columns: 'narrow' })
      const ready = await plan(db, { source, mode: 'overwrite' })
      await runPlan(ready)
      await db.query(`
      CREATE POLICY mine ON dest.a USING (id > 1); ALTER TABLE dest.a ENABLE ROW LEVEL SECURITY;
      CREATE RULE keep AS ON DELETE TO dest.a WHERE old.id = 1 DO INSTEAD NOTHING`)
      const [stream] = (await sandboxPlan(ready)).streams
      expect(stream?.warnings).toEqual([expect.stringMatching(/a run does: rule keep$/)])
    },
  )

  test.for(usually(1, ['append_dedup', 'overwrite_dedup', 'overwrite'] as const))(
    'shows a text that changed only in what its collation ignores, %s',
    async (mode) => {
      await using db = await testDatabase()
      await db.query(`CREATE SCHEMA src; CREATE TABLE src.a (id text PRIMARY KEY, name text);
        INSERT INTO src.a VALUES ('one', 'x'), ('two', 'y')`)
      const ready = await plan(db, { source: postgres(db, 'src'), mode })
      await runPlan(ready)
      await db.query(`
        CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        ALTER TABLE dest.a ALTER id TYPE text COLLATE any_case, ALTER name TYPE text COLLATE any_case;
        UPDATE src.a SET id = 'ONE', name = 'X' WHERE id = 'one'`)
      const [stream] = (await sandboxPlan(ready)).streams
      expect(rowsOf(stream)).toEqual({ insert: 0, update: 1, unchanged: 1, delete: 0 })
    },
  )

  test('shows where records and their schema do not agree', async () => {
    await using api = await TrackerApi.start(1)
    await using db = await testDatabase()
    api.addIssues(4)
    const folder = await newFolder('sandbox-test')
    const manifest = join(folder, 'tracker.yaml')
    const text = await readFile(tracker, 'utf8')
    const wrong = text.replace('title: { type: string }', 'title: { type: integer }')
    await writeFile(manifest, wrong.replace('project: { type: integer }', 'lost: {}'))
    const source = {
      type: manifestType(manifest),
      config: { url: api.url },
      allowedNetworks: ['127.0.0.0/8'],
    }
    const report = await sandboxPlan(await plan(db, { source, streams: ['issues'] }))
    const [issues] = report.streams
    expect(issues?.inferred_schema?.properties).toMatchObject({
      title: { type: 'string' },
      project: { type: 'integer' },
    })
    expect(issues?.schema_mismatches).toEqual([
      { field: 'title', kind: 'type', declared: 'integer', found: ['string'], records: 4 },
      { field: 'project', kind: 'undeclared', declared: null, found: ['integer'], records: 4 },
      { field: 'lost', kind: 'missing', declared: 'json', found: [], records: 4 },
    ])
    // The projects, and two pages of the one project's issues.
    expect(issues?.estimated_cost).toMatchObject({ rows: 4, requests: 3 })
  })

  longTest('needs the right to create a schema, and leaves nothing without it', async () => {
    await using db = await testDatabase()
    const role = `r_${db.address.database}`
    await db.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`)
    try {
      const address = { ...db.address, user: role, password: 'secret' }
      const ready = await plan(db, { source: faker({ name: 'a', rows: 1 }) })
      const denied = { ...ready, destination: { ...ready.destination, address } }
      await expect(sandboxPlan(denied)).rejects.toMatchObject({
        code: 'destination_permission_denied',
      })
      expect(await leftovers(db)).toEqual([])
    } finally {
      await db.query(`DROP ROLE ${role}`)
    }
  })

  test('leaves nothing when it is stopped', async () => {
    await using db = await testDatabase()
    const stop = new AbortController()
    const source = faker({ name: 'slow', rows: 1_000_000, rows_per_second: 500 })
    const running = sandboxPlan(await plan(db, { source }), { limitRows: 10_000 }, stop.signal)
    setTimeout(() => {
      stop.abort()
    }, 1_000)
    await expect(running).rejects.toMatchObject({ code: 'sandbox_stopped' })
    expect(await leftovers(db)).toEqual([])
  })
})

describe('the schema of a sandbox', () => {
  test('is listed with its expiry, and dropped with all that is in it, once', async () => {
    await using db = await testDatabase()
    const ready = await plan(db, { source: faker({ name: 'a', rows: 3 }) })
    const [id, expiresAtMs] = [sandboxId(), Date.now() + 1000]
    const report = await sandboxPlan(ready, { id, expiresAtMs })
    await db.query('CREATE SCHEMA reactor_sandbox_of_somebody')
    await db.query(`COMMENT ON SCHEMA reactor_sandbox_of_somebody IS 'not {json'`)
    const [found, ...others] = await listSandboxSchemas(ready.destination)
    expect(others).toEqual([])
    expect(found).toMatchObject({ id, schema: report.schema, connection: 'shop', expiresAtMs })
    await Promise.all([
      dropSandboxSchema(ready.destination, id),
      dropSandboxSchema(ready.destination, id),
      dropSandboxSchema(
        ready.destination,
        'sbx_OF_SOMEBODY'.replaceAll('_', '').replace('sbx', 'sbx_'),
      ),
    ])
    expect(await listSandboxSchemas(ready.destination)).toEqual([])
    expect(await leftovers(db)).toEqual([{ name: 'reactor_sandbox_of_somebody' }])
  })
})

describe('the fingerprint of a destination', () => {
  test('changes with the tables and with every run, and not with a sandbox or with rows', async () => {
    await using db = await testDatabase()
    const ready = await plan(db, { source: faker({ name: 'a', rows: 3 }) })
    const seen = new Map<string, string>()
    const print = async (what: string): Promise<string> => {
      const value = await destinationFingerprint(ready.destination, ready.streams)
      seen.set(what, value)
      return value
    }
    const empty = await print('nothing there')
    await sandboxPlan(ready)
    expect(await destinationFingerprint(ready.destination, ready.streams)).toBe(empty)
    await runPlan(ready)
    const loaded = await print('loaded')
    await sandboxPlan(ready)
    await db.query(`UPDATE dest.a SET name = 'x'`)
    expect(await destinationFingerprint(ready.destination, ready.streams)).toBe(loaded)
    await runPlan(ready)
    await print('run again')
    await db.query(`ALTER TABLE dest.a ADD note text`)
    await print('column added')
    await db.query(`ALTER TABLE dest.a ALTER note TYPE varchar(5)`)
    await print('type changed')
    await db.query(`CREATE VIEW v AS SELECT id FROM dest.a`)
    await print('view made')
    await db.query(`CREATE INDEX ON dest.a (name)`)
    await print('index made')
    await db.query(`ALTER TABLE dest.a ADD CHECK (id > 0)`)
    await print('constraint made')
    const steps = [
      `ALTER TABLE dest.a ALTER note SET DEFAULT 'none'`,
      `ALTER TABLE dest.a ADD UNIQUE (id); CREATE TABLE orders (a bigint REFERENCES dest.a (id))`,
      `ALTER TABLE orders DROP CONSTRAINT orders_a_fkey,
         ADD CONSTRAINT orders_a_fkey FOREIGN KEY (a) REFERENCES dest.a (id) ON DELETE CASCADE`,
      `CREATE POLICY mine ON dest.a USING (id > 1)`,
      `ALTER TABLE dest.a ENABLE ROW LEVEL SECURITY`,
      `CREATE RULE keep AS ON DELETE TO dest.a DO INSTEAD NOTHING`,
    ]
    for (const sql of steps) {
      await db.query(sql)
      await print(sql)
    }
    expect(new Set(seen.values()).size).toBe(seen.size)
  })

  longTest('changes with a trigger of a partition, and not with another partition', async () => {
    await using db = await testDatabase()
    await db.query(
      `CREATE SCHEMA dest; CREATE TABLE dest.a (id bigint) PARTITION BY RANGE (id); CREATE TABLE dest.a1 PARTITION OF dest.a FOR VALUES FROM (0) TO (9);
       CREATE FUNCTION dest.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
       CREATE TRIGGER of_all BEFORE INSERT ON dest.a FOR EACH ROW EXECUTE FUNCTION dest.keep()`,
    )
    const ready = await plan(db, { source: faker({ name: 'a', rows: 3 }) })
    const before = await destinationFingerprint(ready.destination, ready.streams)
    await db.query('CREATE TABLE dest.a2 PARTITION OF dest.a DEFAULT')
    expect(await destinationFingerprint(ready.destination, ready.streams)).toBe(before)
    await db.query(
      'CREATE TRIGGER of_part BEFORE INSERT ON dest.a2 FOR EACH ROW EXECUTE FUNCTION dest.keep()',
    )
    expect(await destinationFingerprint(ready.destination, ready.streams)).not.toBe(before)
  })
})

test.each(usually(1, [10, 11, 12, 13, 14]))(
  'a sandbox of a connection that was last run before migration %s of the bookkeeping goes on from its checkpoints',
  async (migration) => {
    await using db = await testDatabase()
    await db.query(
      `CREATE SCHEMA src; CREATE TABLE src.a (id int PRIMARY KEY); INSERT INTO src.a VALUES (1), (2)`,
    )
    const source = postgres(db, 'src')
    const incremental = await plan(db, { source, syncMode: 'incremental', cursor: 'id' })
    await runPlan(incremental)
    await db.query(`INSERT INTO src.a VALUES (3); ${bookkeepingBefore(migration)}`)
    const report = await sandboxPlan(incremental, {})
    expect(report.streams).toMatchObject([{ name: 'a', read: 1, complete: true }])
  },
)
