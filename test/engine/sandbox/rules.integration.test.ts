import { describe, expect, test } from 'vitest'
import type { TablePlan } from '../../../engine/run-types.ts'
import type { SandboxReport, SandboxStream } from '../../../engine/sandbox/sandbox-report.ts'
import { planRun, runPlan, type PlanOptions } from '../../support/engine.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { checksum, sandboxPlan } from './sandbox-run.ts'
import { longTest, usually } from '../../support/long.ts'

type Mode = PlanOptions['mode']

function planOf(
  db: TestDatabase,
  mode: Mode,
  options: Partial<PlanOptions> = {},
): Promise<TablePlan> {
  return planRun({
    connection: 'shop',
    source: { type: 'postgres', config: { ...db.address, schemas: ['src'] } },
    destination: db.address,
    schema: 'dest',
    log: { kind: 'embedded' },
    mode,
    ...options,
  })
}

const madeTable = `CREATE TABLE src.t (id int PRIMARY KEY, v text, n int);
  INSERT INTO src.t SELECT i, 'v' || i, i FROM generate_series(1, 10) i`

/**
 * A table of ten rows at the source, which was replicated once; then the destination's owner and the source
 * change something.
 */
async function synced(db: TestDatabase, mode: Mode, change: string): Promise<TablePlan> {
  await db.query(`CREATE SCHEMA src; ${madeTable}`)
  await runPlan(await planOf(db, mode))
  await db.query(change)
  return planOf(db, mode)
}

/** Returns the output of the sandbox; production is unchanged. */
async function sandboxed(
  db: TestDatabase,
  plan: TablePlan,
  limitRows = 1000,
): Promise<SandboxReport> {
  const before = await checksum(db, 'dest')
  const report = await sandboxPlan(plan, { limitRows })
  expect(await checksum(db, 'dest')).toBe(before)
  return report
}

function first({ streams: [stream] }: SandboxReport): SandboxStream {
  if (stream === undefined) throw new Error('there is no stream')
  return stream
}

const extension = 'CREATE EXTENSION IF NOT EXISTS btree_gist'
const modes = ['overwrite', 'overwrite_dedup', 'append_dedup'] as const

/** Each breaks a run of all three modes. */
const broken: readonly {
  readonly what: string
  readonly change: string
  readonly constraint: string
  readonly reason: RegExp
}[] = [
  {
    what: 'a unique index',
    change: `CREATE UNIQUE INDEX uv0 ON dest.t (v); UPDATE src.t SET v = 'same' WHERE id < 4`,
    constraint: 'uv0',
    reason: /^3 rows against the unique index uv0$/,
  },
  {
    what: 'a partial unique index on an expression',
    change: `CREATE UNIQUE INDEX uv1 ON dest.t (lower(v)) WHERE n > 2; UPDATE src.t SET v = 'A' WHERE id = 5; UPDATE src.t SET v = 'a' WHERE id = 6`,
    constraint: 'uv1',
    reason: /^2 rows/,
  },
  {
    what: 'a unique constraint with equal nulls',
    change: `ALTER TABLE dest.t ADD CONSTRAINT uq UNIQUE NULLS NOT DISTINCT (v); UPDATE src.t SET v = NULL WHERE id IN (7, 8)`,
    constraint: 'uq',
    reason: /^2 rows/,
  },
  {
    what: 'a CHECK constraint',
    change: `ALTER TABLE dest.t ADD CONSTRAINT small CHECK (t.n < 100); UPDATE src.t SET n = 1000 WHERE id = 2`,
    constraint: 'small',
    reason: /^1 row against the CHECK constraint small$/,
  },
  {
    what: 'an exclusion constraint',
    change: `${extension}; ALTER TABLE dest.t ADD CONSTRAINT apart EXCLUDE USING gist (n WITH =, id WITH <>); UPDATE src.t SET n = 5 WHERE id = 6`,
    constraint: 'apart',
    reason: /^1 row against the exclusion constraint apart$/,
  },
  {
    what: 'a foreign key of the table',
    change: `CREATE TABLE dest.known AS SELECT DISTINCT n FROM src.t; ALTER TABLE dest.known ADD PRIMARY KEY (n);
      ALTER TABLE dest.t ALTER n TYPE int, ADD CONSTRAINT fk FOREIGN KEY (n) REFERENCES dest.known; UPDATE src.t SET n = 77 WHERE id = 1`,
    constraint: 'fk',
    reason: /^1 row against the foreign key fk: not in "dest"\."known"$/,
  },
  {
    what: 'a NOT NULL column that the source fills',
    change: `ALTER TABLE dest.t ALTER v SET NOT NULL; UPDATE src.t SET v = NULL WHERE id = 3`,
    constraint: 'v',
    reason: /^column "v" is NOT NULL: 1 row without a value$/,
  },
  {
    what: 'a NOT NULL column without default that the source lacks',
    change: `ALTER TABLE dest.t ADD must int; UPDATE dest.t SET must = id; ALTER TABLE dest.t ALTER must SET NOT NULL;
      UPDATE src.t SET v = 'x' WHERE id = 1`,
    constraint: 'must',
    reason:
      /^column "must" is NOT NULL, and the source has no such column: 10 rows without a value$/,
  },
]

const unchecked = (rule: string): string =>
  `CREATE TABLE IF NOT EXISTS dest.orphan (n bigint PRIMARY KEY); UPDATE src.t SET n = 1000 WHERE id = 2; ALTER TABLE dest.t ${rule}`

/** Rules that the new rows keep, and such as the server does not check. */
const allowed: readonly string[] = [
  `CREATE UNIQUE INDEX uv ON dest.t (v); ALTER TABLE dest.t ADD CHECK (n < 100), ALTER v SET NOT NULL,
    ADD serial serial, ADD made timestamptz NOT NULL DEFAULT now(), ADD kind text NOT NULL DEFAULT 'd';
  ${extension}; ALTER TABLE dest.t ADD EXCLUDE USING gist (n WITH =, id WITH <>);
  INSERT INTO src.t VALUES (11, 'v11', 11)`,
  unchecked('ADD CONSTRAINT small CHECK (n < 100) NOT ENFORCED'),
  unchecked('ADD CONSTRAINT fk FOREIGN KEY (n) REFERENCES dest.orphan NOT ENFORCED'),
  unchecked(
    'ADD CONSTRAINT fk FOREIGN KEY (n) REFERENCES dest.orphan NOT VALID; ALTER TABLE dest.t DISABLE TRIGGER ALL',
  ),
]

/** The source's tables and those of the destination are named after their cases: t0, t1 … */
function ofCase(sql: string, index: number): string {
  return sql.replaceAll(/\b(src|dest)\.t\b/g, `$1.t${index}`).replaceAll(/\bt\.n\b/g, `t${index}.n`)
}

describe.for(usually(1, modes))('%s', { timeout: 120_000 }, (mode) => {
  test('what the destination forbids is the error of the stream, as of the run, and what it does not check refuses nothing', async () => {
    await using db = await testDatabase()
    await db.query('CREATE SCHEMA src')
    const changes = [...broken.map(({ change }) => change), ...allowed]
    for (const index of changes.keys()) await db.query(ofCase(madeTable, index))
    await runPlan(await planOf(db, mode))
    for (const [index, change] of changes.entries()) await db.query(ofCase(change, index))

    const plan = await planOf(db, mode)
    const { streams } = await sandboxed(db, plan)
    const { result } = await runPlan(plan)
    const find = <Stream extends { readonly name: string }>(
      all: readonly Stream[],
      index: number,
    ) => all.find(({ name }) => name === `t${index}`)
    for (const [index, { what, constraint, reason }] of broken.entries()) {
      const { error, diff_vs_current: diff } = find(streams, index) ?? {}
      expect(error, what).toMatchObject({
        code: 'destination_constraint_violated',
        message: expect.stringMatching(`^A record violates .*"${constraint}" `) as unknown,
        details: { reason: expect.stringMatching(reason) as unknown },
      })
      // The rows are compared all the same.
      expect(JSON.stringify(error), what).not.toMatch(/\{\w+\}/)
      expect(diff?.rows.update, what).toBeGreaterThan(0)
      const ran = result.streams.find(({ stream }) => stream.name === `t${index}`)
      expect(ran?.error?.code, what).toBe('destination_constraint_violated')
    }
    expect(find(streams, broken.length)).toMatchObject({ warnings: [] })
    for (const [index, change] of allowed.entries()) {
      const stream = find(streams, broken.length + index)
      expect(stream, change).toBeDefined()
      expect(stream, change).not.toHaveProperty('error')
      const ran = result.streams.find(({ stream: { name } }) => name === stream?.name)
      expect(ran?.status, change).toBe('complete')
    }
  })
})

longTest(
  'a merge is also refused by a row that it does not touch, and an append by any',
  async () => {
    for (const mode of ['append_dedup', 'append'] as const) {
      await using db = await testDatabase()
      const plan = await synced(
        db,
        mode,
        `CREATE UNIQUE INDEX uv ON dest.t (v); DELETE FROM src.t WHERE id = 9; UPDATE src.t SET v = 'v9' WHERE id = 1`,
      )
      expect(first(await sandboxed(db, plan)).error?.message).toContain('constraint "uv"')
      const { result } = await runPlan(plan)
      expect(result.streams[0]?.error?.code).toBe('destination_constraint_violated')
    }
  },
)

describe('what the server does not check', () => {
  longTest(
    'a foreign key of another table that is NOT ENFORCED neither refuses nor deletes',
    async () => {
      for (const action of ['', 'ON DELETE CASCADE']) {
        await using db = await testDatabase()
        const plan = await synced(
          db,
          'overwrite',
          `ALTER TABLE dest.t ADD UNIQUE (id); CREATE TABLE dest.lines (t bigint); INSERT INTO dest.lines VALUES (1);
         ALTER TABLE dest.lines ADD FOREIGN KEY (t) REFERENCES dest.t (id) ${action} NOT ENFORCED; DELETE FROM src.t WHERE id = 1`,
        )
        const stream = first(await sandboxed(db, plan))
        expect(stream).not.toHaveProperty('error')
        expect(stream.diff_vs_current?.dependent_rows).toEqual([])
        expect((await runPlan(plan)).result.status).toBe('complete')
        expect(await db.query('SELECT FROM dest.lines')).toHaveLength(1)
      }
    },
  )

  longTest('a trigger of a partition is named, and one of the whole table once', async () => {
    await using db = await testDatabase()
    await db.query(
      `CREATE SCHEMA dest; CREATE TABLE dest.t (id bigint, v text, n bigint) PARTITION BY RANGE (id);
       CREATE TABLE dest.t1 PARTITION OF dest.t DEFAULT`,
    )
    const plan = await synced(
      db,
      'append_dedup',
      `CREATE FUNCTION dest.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
       CREATE TRIGGER of_all BEFORE INSERT ON dest.t FOR EACH ROW EXECUTE FUNCTION dest.keep();
       CREATE TRIGGER of_part BEFORE INSERT ON dest.t1 FOR EACH ROW EXECUTE FUNCTION dest.keep()`,
    )
    expect(first(await sandboxed(db, plan)).warnings).toEqual([
      'The table has rules of its own, which a sandbox does not apply and a run does: trigger of_all, trigger of_part of partition dest.t1',
    ])
  })

  longTest(
    'a trigger or a rule that is disabled is not named as one that acts on a run',
    async () => {
      await using db = await testDatabase()
      const plan = await synced(
        db,
        'append',
        `CREATE FUNCTION dest.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';
       CREATE TRIGGER off BEFORE INSERT ON dest.t FOR EACH ROW EXECUTE FUNCTION dest.refuse();
       CREATE TRIGGER replica BEFORE INSERT ON dest.t FOR EACH ROW EXECUTE FUNCTION dest.refuse();
       CREATE RULE off AS ON DELETE TO dest.t DO INSTEAD NOTHING;
       ALTER TABLE dest.t DISABLE TRIGGER off, ENABLE REPLICA TRIGGER replica, DISABLE RULE off`,
      )
      expect(first(await sandboxed(db, plan)).warnings).toEqual([])
      expect((await runPlan(plan)).result.status).toBe('complete')
    },
  )
})

test('a stream that would be loaded into the table that it is read from is refused, as in a run', async () => {
  await using db = await testDatabase()
  await db.query(`CREATE SCHEMA src; CREATE TABLE src.own (id int PRIMARY KEY)`)
  await db.query(`CREATE SCHEMA dest; CREATE TABLE dest.own (id int PRIMARY KEY, v text)`)
  const config = { ...db.address, schemas: ['src', 'dest'] }
  const plan = await planOf(db, 'append', { source: { type: 'postgres', config } })
  const streams = plan.streams.map((sink) => {
    const isOther = sink.stream.stream.namespace === 'src'
    return isOther ? { ...sink, stream: { ...sink.stream, destination_object_name: 'copy' } } : sink
  })
  const report = await sandboxed(db, { ...plan, streams })
  const ran = (await runPlan({ ...plan, streams })).result
  const codesOf = (all: readonly { readonly error?: { readonly code: string } }[]) =>
    all.map(({ error }) => error?.code ?? 'none').sort()
  expect(codesOf(report.streams)).toEqual(['destination_is_source', 'none'])
  expect(codesOf(ran.streams)).toEqual(['destination_is_source', 'none'])
  const refused = report.streams.find(({ error }) => error !== undefined)
  expect(refused).toMatchObject({ namespace: 'dest', name: 'own', complete: false })
  expect(refused?.error).toEqual(ran.streams.find(({ error }) => error !== undefined)?.error)
})

describe('foreign keys of other tables', () => {
  const lines = (action: string): string =>
    `ALTER TABLE dest.t ADD UNIQUE (id); CREATE TABLE dest.lines (t bigint);
     INSERT INTO dest.lines VALUES (1), (1), (2); ALTER TABLE dest.lines ADD CONSTRAINT lines_fk FOREIGN KEY (t) REFERENCES dest.t (id) ${action}`

  test.each(
    usually(1, [
      ['', 'refuse the DELETE that comes before the new rows'],
      ['ON DELETE RESTRICT DEFERRABLE', 'refuse the DELETE that comes before the new rows'],
      ['ON DELETE CASCADE', 'delete its rows with them'],
      ['ON DELETE SET NULL', 'set its columns to NULL with them'],
    ]),
  )(
    'of which rows refer to the table refuse an overwrite before it reads: %s',
    async (action, consequence) => {
      await using db = await testDatabase()
      const plan = await synced(db, 'overwrite', lines(action))
      const refused = first(await sandboxed(db, plan)).error
      expect(refused).toMatchObject({
        code: 'destination_rows_would_cascade',
        details: { other: 'dest.lines', constraint: 'lines_fk', consequence },
      })
      const [stream] = (await runPlan(plan)).result.streams
      expect(stream).toMatchObject({ read: 0, error: refused })
      expect(await db.query('SELECT FROM dest.lines WHERE t IS NOT NULL')).toHaveLength(3)
      await db.query(/`(ALTER TABLE [^`]+)`/.exec(refused?.suggested_fix ?? '')?.[1] ?? 'none')
      expect(first(await sandboxed(db, plan)).error).toBeUndefined()
      expect((await runPlan(plan)).result.status).toBe('complete')
      expect(await db.query('SELECT FROM dest.lines WHERE t IS NOT NULL')).toHaveLength(3)
    },
  )

  longTest('that cascade from the deletes of a merge are counted', async () => {
    await using db = await testDatabase()
    await synced(db, 'append_dedup', lines('ON DELETE CASCADE'))
    await db.query(
      `ALTER TABLE src.t ADD _ab_cdc_deleted_at timestamptz; UPDATE src.t SET _ab_cdc_deleted_at = now() WHERE id = 1`,
    )
    const plan = await planOf(db, 'append_dedup')
    expect(first(await sandboxed(db, plan)).diff_vs_current?.dependent_rows).toEqual([
      { schema: 'dest', table: 'lines', constraint: 'lines_fk', action: 'deleted', rows: 2 },
    ])
    await runPlan(plan)
    expect(await db.query('SELECT FROM dest.lines')).toHaveLength(1)
  })

  longTest('that are looked at in the end refuse what is gone for good', async () => {
    await using db = await testDatabase()
    const plan = await synced(db, 'overwrite', lines('DEFERRABLE INITIALLY DEFERRED'))
    expect(first(await sandboxed(db, plan)).error).toBeUndefined()
    await db.query('DELETE FROM src.t WHERE id = 2')
    expect(first(await sandboxed(db, plan)).error).toMatchObject({
      details: { reason: expect.stringContaining('1 row of "dest"."lines" refers') as unknown },
    })
  })
})

describe('what an overwrite makes of columns that are not the source’s', () => {
  longTest('a default that resets what is there is an update, and is counted', async () => {
    await using db = await testDatabase()
    const plan = await synced(
      db,
      'overwrite',
      `ALTER TABLE dest.t ADD dflt text DEFAULT 'd', ADD at timestamptz DEFAULT now(), ADD note text;
       UPDATE dest.t SET dflt = 'custom' || id WHERE id <= 4; UPDATE dest.t SET note = 'mine' WHERE id = 1`,
    )
    const {
      diff_vs_current: diff,
      sample_rows: samples,
      row_examples: examples,
    } = first(await sandboxed(db, plan))
    expect(diff).toMatchObject({
      rows: { insert: 0, update: 4, unchanged: 6, delete: 0 },
      reset_values: [
        { column: 'dflt', rows: 4 },
        { column: 'at', rows: 10 },
      ],
      nulled_values: [{ column: 'note', rows: 1 }],
      removed_columns: [],
    })
    expect(diff?.own_columns.map(({ name }) => name)).toEqual(['dflt', 'at', 'note'])
    expect(samples[0]).toEqual({ id: '1', v: 'v1', n: '1', dflt: 'd', note: null })
    expect(examples.changed[0]).toEqual({
      key: { id: '1' },
      cells: [
        { column: 'dflt', from: 'custom1', to: 'd' },
        { column: 'note', from: 'mine', to: null },
      ],
    })
    await runPlan(plan)
    expect(await db.query(`SELECT DISTINCT dflt, note FROM dest.t`)).toEqual([
      { dflt: 'd', note: null },
    ])
  })

  longTest(
    'no number of a sequence of production is used, and no function of the user’s is called',
    async () => {
      await using db = await testDatabase()
      const plan = await synced(
        db,
        'overwrite',
        `ALTER TABLE dest.t ADD no serial, ADD ident bigint GENERATED BY DEFAULT AS IDENTITY;
       CREATE TABLE dest.calls (n int);
       CREATE FUNCTION dest.call() RETURNS int LANGUAGE sql AS 'INSERT INTO dest.calls VALUES (1) RETURNING 1';
       ALTER TABLE dest.t ADD called int; ALTER TABLE dest.t ALTER called SET DEFAULT dest.call()`,
      )
      const before = await db.query('SELECT last_value FROM dest.t_no_seq')
      const report = await sandboxed(db, plan)
      expect(first(report).error).toBeUndefined()
      expect(first(report).diff_vs_current?.reset_values).toEqual([
        { column: 'no', rows: 10 },
        { column: 'ident', rows: 10 },
      ])
      expect(await db.query('SELECT last_value FROM dest.t_no_seq')).toEqual(before)
      expect(await db.query('SELECT FROM dest.calls')).toEqual([])
    },
  )
})

describe('figures of a stream that was cut', () => {
  longTest('are sums only where they are known, and at least so much', async () => {
    await using db = await testDatabase()
    const plan = await synced(
      db,
      'overwrite',
      `INSERT INTO src.t SELECT i, 'v' || i, i FROM generate_series(11, 500) i`,
    )
    await runPlan(plan)
    await db.query('DELETE FROM src.t WHERE id > 15; ANALYZE src.t')
    const report = await sandboxed(db, plan, 10)
    expect(first(report)).toMatchObject({
      complete: false,
      diff_vs_current: {
        rows: { insert: 0, update: 0, unchanged: 10, delete: null },
        at_least: ['insert', 'update', 'unchanged'],
        table_rows: { rows: 500, exact: true },
        estimated_delete: 485,
      },
      estimated_cost: { seconds: null },
    })
    expect(report.totals).toMatchObject({
      rows: { insert: null, update: null, unchanged: null, delete: null },
      rows_at_least: { insert: 0, update: 0, unchanged: 10, delete: 0 },
      estimated_cost: { seconds: null },
    })
  })

  longTest('of a stream that failed are not 0 but unknown', async () => {
    await using db = await testDatabase()
    const plan = await synced(
      db,
      'overwrite',
      `ALTER TABLE src.t ADD w int; ALTER TABLE dest.t ADD w int`,
    )
    await db.query(`DROP TABLE dest.t; CREATE VIEW dest.t AS SELECT 1 AS id`)
    const { totals } = await sandboxed(db, plan)
    expect(totals).toMatchObject({
      failed: 1,
      cut: 0,
      rows: { insert: null, update: null, unchanged: null, delete: null },
    })
  })
})

test('rows that a run would insert, change and delete are shown, with values before and after', async () => {
  for (const mode of modes) {
    await using db = await testDatabase()
    const plan = await synced(
      db,
      mode,
      `UPDATE src.t SET v = 'other' WHERE id = 2; DELETE FROM src.t WHERE id = 3; INSERT INTO src.t VALUES (11, NULL, 1)`,
    )
    const { row_examples: examples } = first(await sandboxed(db, plan))
    expect(examples).toEqual({
      inserted: [{ id: '11', v: null, n: '1' }],
      changed: [{ key: { id: '2' }, cells: [{ column: 'v', from: 'v2', to: 'other' }] }],
      deleted: mode === 'append_dedup' ? [] : [{ id: '3' }],
    })
  }
})

longTest('a key that is not unique is told, with how many records it merges', async () => {
  await using db = await testDatabase()
  await db.query(`CREATE SCHEMA src; CREATE TABLE src.t (id int, v text);
    INSERT INTO src.t VALUES (1, 'a'), (1, 'b'), (1, 'c'), (2, 'd')`)
  for (const mode of ['append_dedup', 'overwrite_dedup'] as const) {
    const plan = await planOf(db, mode)
    const streams = plan.streams.map((sink) => ({
      ...sink,
      stream: { ...sink.stream, primary_key: [['id']] },
    }))
    const stream = first(await sandboxPlan({ ...plan, streams }))
    expect(stream.warnings).toEqual([
      'The key (id) is not unique: 2 records share it with a newer record. Of each key one row stays',
    ])
    expect(stream.primary_key).toEqual([['id']])
  }
})

test('a stream that is configured otherwise than in its last run says how it was', async () => {
  await using db = await testDatabase()
  await synced(db, 'append_dedup', '')
  const stream = first(await sandboxPlan(await planOf(db, 'overwrite')))
  expect(stream.last_settings).toMatchObject({ mode: 'append_dedup' })
})
