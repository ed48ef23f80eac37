import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import {
  ConnectError,
  streamLabel,
  type ColumnKind,
  type RecordValue,
} from '../../protocol/index.ts'
import type { JsonValue } from '../../protocol/index.ts'
import type { SyncMode } from '../../sinks/sink.ts'
import { openPostgresDestination } from '../../sinks/postgres/postgres-destination.ts'
import { openPostgresLane } from '../../sinks/postgres/load/postgres-lane.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import {
  begin,
  load,
  openLane,
  blockOf,
  commit,
  sinkStream,
  sync,
  withDestination,
  someStart,
} from './loading.ts'
import { longTest, usually, usuallyThird } from '../support/long.ts'

async function typeOf(db: TestDatabase, column: string, table = 'things'): Promise<unknown> {
  const rows = await db.query(
    `SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2`,
    [table, column],
  )
  return rows[0]?.type
}

describe('an existing column gets wider in place, and its rows keep their values', () => {
  const time = '2024-01-02T03:04:05Z'
  const cases: readonly (readonly [
    ColumnKind,
    RecordValue,
    ColumnKind,
    RecordValue,
    string,
    unknown,
  ])[] = [
    ['integer', 1, 'number', 2.5, 'numeric', ['1', '2.5']],
    ['integer', 1, 'string', 'b', 'text', ['1', 'b']],
    ['number', 1.5, 'integer', 2, 'numeric', ['1.5', '2']],
    ['string', 'a', 'integer', 2, 'text', ['2', 'a']],
    ['string', 'a', 'timestamptz', time, 'text', ['2024-01-02 03:04:05+00', 'a']],
    ['boolean', true, 'string', 'b', 'text', ['b', 'true']],
    [
      'date',
      '2024-01-02',
      'timestamp',
      '2024-01-03T04:05:06',
      'timestamp without time zone',
      [new Date('2024-01-02T00:00:00'), new Date('2024-01-03T04:05:06')],
    ],
    [
      'timestamptz',
      time,
      'date',
      '2024-01-03',
      'timestamp with time zone',
      [new Date(time), new Date('2024-01-03T00:00:00Z')],
    ],
    ['timestamptz', time, 'json', 'text', 'jsonb', ['2024-01-02T03:04:05+00:00', 'text']],
    ['string', 'a', 'json', { b: 1 }, 'jsonb', ['a', { b: 1 }]],
    ['json', { a: 1 }, 'string', 'quote "', 'jsonb', ['quote "', { a: 1 }]],
    ['json', [1], 'timestamptz', time, 'jsonb', ['2024-01-02T03:04:05+00:00', [1]]],
    ['json', [1], 'number', 12.5, 'jsonb', [12.5, [1]]],
    ['json', [1], 'boolean', true, 'jsonb', [true, [1]]],
    ['bytes', 'AQI=', 'string', 'b', 'text', [String.raw`\x0102`, 'b']],
    ['time', '10:00:00', 'timetz', '11:00:00+00', 'text', ['10:00:00', '11:00:00+00']],
  ]
  test.each(usuallyThird(0, cases))('%s (%j), then %s (%j), gives %s', async (...row) => {
    const [first, a, second, b, type, values] = row
    await using db = await testDatabase()
    await sync(db, sinkStream({ v: first }), [{ v: a }])
    await sync(db, sinkStream({ v: second }), [{ v: b }])
    expect(await typeOf(db, 'v')).toBe(type)
    const rows = await db.query('SELECT v FROM things ORDER BY v')
    expect(rows.map(({ v }) => v)).toEqual(expect.arrayContaining(values as unknown[]))
    expect(rows).toHaveLength(2)
  })
})

test('columns are added, and a column that is no longer declared stays', async () => {
  await using db = await testDatabase()
  await sync(db, sinkStream({ id: 'integer', old: 'string' }), [{ id: 1, old: 'x' }])
  await sync(db, sinkStream({ id: 'integer', new: 'json' }), [{ id: 2, new: [] }])
  expect(await db.query('SELECT id, old, new FROM things ORDER BY id')).toEqual([
    { id: '1', old: 'x', new: null },
    { id: '2', old: null, new: [] },
  ])
})

test.each(usually(1, ['append', 'append_dedup'] as const))(
  'in mode %s, records at the log position have the columns that they were logged with, however many attempts later',
  async (mode) => {
    await using db = await testDatabase()
    const options = { mode, key: ['id'], syncMode: 'incremental', cursor: 'id' } as const
    const before = sinkStream({ id: 'integer', gone: 'string' }, options)
    await load(db, await begin(db, before), { records: [{ id: 0 }], complete: false })
    const after = sinkStream({ id: 'string', extra: 'json' }, options)
    await begin(db, after)
    const begun = await begin(db, after)
    expect(begun).toMatchObject({ resumed: true, positions: [{ columns: before.columns }] })
    await using lane = await openLane(db, begun)
    await lane.setColumns(before.columns)
    await lane.write(blockOf(before.columns, [{ id: 1, gone: 'kept' }], { seq: 1 }))
    await commit(lane, 2)
    await lane.setColumns(after.columns)
    await lane.write(blockOf(after.columns, [{ id: 'b', extra: 1 }], { seq: 2 }))
    await commit(lane, 3)
    expect(await db.query('SELECT id, gone, extra FROM things ORDER BY id')).toEqual([
      { id: '0', gone: null, extra: null },
      { id: '1', gone: 'kept', extra: null },
      { id: 'b', gone: null, extra: 1 },
    ])
    expect((await begin(db, after)).positions).toMatchObject([{ columns: after.columns }])
  },
)

test('a view that blocks a type change is named, and nothing was changed', async () => {
  await using db = await testDatabase()
  await sync(db, sinkStream({ v: 'integer' }), [{ v: 1 }])
  await db.query('CREATE VIEW "My view" AS SELECT v FROM things')
  const wider = sinkStream({ v: 'string', w: 'string' })
  const error: unknown = await begin(db, wider, 2).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'destination_column_in_use' })
  expect(String(error)).toContain('public."My view"')
  expect(await typeOf(db, 'v')).toBe('bigint')
  expect(await typeOf(db, 'w')).toBeUndefined()
})

test('a column that the table fills by itself is named before anything is loaded, in every mode', async () => {
  await using db = await testDatabase()
  const things = (mode: SyncMode) =>
    sinkStream({ id: 'integer', v: 'integer' }, { mode, key: ['id'] })
  await sync(db, things('append'), [{ id: 1, v: 2 }])
  await db.query(`ALTER TABLE things DROP COLUMN v;
    ALTER TABLE things ADD COLUMN v bigint GENERATED ALWAYS AS (id * 2) STORED`)
  for (const mode of ['append', 'append_dedup', 'overwrite', 'overwrite_dedup'] as const) {
    const error: unknown = await begin(db, things(mode), 2).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'destination_column_generated' })
    expect(JSON.stringify(error)).toContain('DROP EXPRESSION')
  }
  await db.query('ALTER TABLE things ALTER COLUMN v DROP EXPRESSION')
  await db.query(`ALTER TABLE things ALTER COLUMN id SET NOT NULL,
    ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY`)
  await sync(db, things('append'), [{ id: 7, v: 7 }])
  await db.query('DELETE FROM things WHERE id = 7')
  await expect(begin(db, things('append_dedup'), 2)).rejects.toMatchObject({
    code: 'destination_column_generated',
    details: { undo: 'DROP IDENTITY' },
  })
  await db.query('ALTER TABLE things ALTER COLUMN id SET GENERATED BY DEFAULT')
  await sync(db, things('append_dedup'), [{ id: 1, v: 3 }])
  expect(await db.query('SELECT id, v FROM things')).toEqual([{ id: '1', v: '3' }])
})

longTest(
  'the advised statement lets values into a virtual generated column, where the server has such',
  async () => {
    await using db = await testDatabase()
    const things = sinkStream({ id: 'integer', 'My v': 'integer' })
    await sync(db, things, [])
    const [server] = await db.query(`SELECT current_setting('server_version_num')::int AS number`)
    const isVirtual = Number(server?.number) >= 180_000
    await db.query(`ALTER TABLE things DROP COLUMN "My v";
    ALTER TABLE things ADD COLUMN "My v" bigint GENERATED ALWAYS AS (id * 2) ${isVirtual ? 'VIRTUAL' : 'STORED'}`)
    const error = ConnectError.from(await begin(db, things, 2).catch((thrown: unknown) => thrown))
    expect(error.code).toBe('destination_column_generated')
    await db.query(/`([^`]+)`/.exec(error.suggestedFix)?.[1] ?? '')
    await sync(db, things, [{ id: 1, 'My v': 3 }])
    expect(await db.query('SELECT id, "My v" AS v FROM things')).toEqual([{ id: '1', v: '3' }])
  },
)

test('an empty table is taken over, one with rows of somebody else is not, and a view never', async () => {
  await using db = await testDatabase()
  await db.query(
    'CREATE TABLE empty (id int, mine text); CREATE TABLE full_ (id int); INSERT INTO full_ VALUES (1)',
  )
  await db.query('CREATE VIEW view_ AS SELECT 1 AS id')
  await sync(db, sinkStream({ id: 'integer' }, { name: 'empty' }), [{ id: 2 ** 40 }])
  expect(await db.query('SELECT id, mine FROM empty')).toEqual([
    { id: String(2 ** 40), mine: null },
  ])
  await expect(begin(db, sinkStream({ id: 'integer' }, { name: 'full_' }))).rejects.toMatchObject({
    code: 'destination_table_foreign',
  })
  await expect(begin(db, sinkStream({ id: 'integer' }, { name: 'view_' }))).rejects.toMatchObject({
    code: 'destination_not_a_table',
  })
})

test('a table that was dropped is made anew, and read from the beginning', async () => {
  await using db = await testDatabase()
  const sink = sinkStream({ id: 'integer' }, { syncMode: 'incremental', cursor: 'id' })
  await load(db, await begin(db, sink), { records: [{ id: 1 }], complete: false })
  await db.query('DROP TABLE things')
  expect(await begin(db, sink)).toMatchObject({ resumed: false, slices: [] })
})

longTest(
  'a table that was renamed keeps the index of its key when the mode of the stream changes',
  async () => {
    await using db = await testDatabase()
    await sync(db, sinkStream({ id: 'integer' }, { mode: 'append_dedup', key: ['id'] }), [
      { id: 1 },
    ])
    await db.query('ALTER TABLE things RENAME TO old_things')
    await sync(db, sinkStream({ id: 'integer' }), [{ id: 1 }, { id: 1 }])
    await expect(db.query('INSERT INTO old_things (id) VALUES (1)')).rejects.toThrow(/unique/)
  },
)

longTest(
  'states of another table do not count, also where the connection comes back to its first one',
  async () => {
    await using db = await testDatabase()
    const sink = sinkStream({ id: 'integer' }, { syncMode: 'incremental', cursor: 'id' })
    for (const [run, schema] of ['one', 'two', 'one'].entries()) {
      const place = { address: db.address, schema }
      if (run === 2) await db.query('TRUNCATE one.things')
      await using destination = await openPostgresDestination(place)
      const begun = await destination.begin(sink, { ...someStart, run })
      expect(begun).toMatchObject({ resumed: false, slices: [] })
      await using lane = await openPostgresLane(place, begun, 0)
      await lane.setColumns(sink.columns)
      await lane.write(blockOf(sink.columns, [{ id: run }]))
      await commit(lane, 1)
      await destination.finish(begun)
    }
  },
)

test('two streams of one connection do not share a table', async () => {
  await using db = await testDatabase()
  const columns = { id: 'integer' } as const
  const place = { address: db.address, schema: 'one' }
  await using destination = await openPostgresDestination(place)
  await destination.begin(sinkStream(columns, { namespace: 'a', mode: 'overwrite' }), someStart)
  const other = sinkStream(columns, { namespace: 'b', mode: 'overwrite' })
  await expect(destination.begin(other, someStart)).rejects.toMatchObject({
    code: 'destination_table_shared',
  })
})

test('all but one of the streams that begin at the same time to load one table are refused', async () => {
  await using db = await testDatabase()
  await using destination = await openPostgresDestination({ address: db.address, schema: 'one' })
  await destination.check()
  const begun = await Promise.allSettled(
    ['a', 'b', 'c', 'd'].map((namespace) =>
      destination.begin(sinkStream({ id: 'integer' }, { namespace, mode: 'overwrite' }), someStart),
    ),
  )
  const refused = begun.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))
  expect(refused).toMatchObject(Array(3).fill({ code: 'destination_table_shared' }))
})

test('names that Postgres would cut or refuse stay apart, and are the same in every sync', async () => {
  await using db = await testDatabase()
  const long = 'x'.repeat(62)
  const names = [
    `${long}ä1`,
    `${long}ä2`,
    '',
    'a"b',
    'ctid',
    '_airbyte_meta',
    'Id',
    'id',
    'nul\0',
    ' %s ',
  ]
  const columns = Object.fromEntries(names.map((name) => [name, 'string' as const]))
  const sink = sinkStream(columns, { name: `${'t'.repeat(80)}"`, namespace: 'Odd "schema"' })
  const record = Object.fromEntries(
    names.map((name) => [name, `value of ${name.replace('\0', '')}`]),
  )
  await sync(db, sink, [record])
  await sync(db, sink, [record])
  const [table] = await db.query(
    `SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) AS name FROM reactor_connect.streams`,
  )
  const rows = await db.query(`SELECT * FROM ${String(table?.name)}`)
  expect(rows).toHaveLength(2)
  const values = Object.entries(rows[0] ?? {}).flatMap(([name, value]) =>
    name.startsWith('_airbyte_') && typeof value !== 'string' ? [] : [value],
  )
  for (const value of Object.values(record)) expect(values).toContain(value)
})

test('many streams begin at the same time in a new schema', async () => {
  await using db = await testDatabase()
  await using destination = await openPostgresDestination({ address: db.address, schema: 'new' })
  const sinks = Array.from({ length: 8 }, (_, n) =>
    sinkStream({ id: 'integer' }, { name: `s${n}` }),
  )
  await Promise.all(sinks.map((sink) => destination.begin(sink, someStart)))
  expect(await db.query(`SELECT count(*)::int FROM pg_tables WHERE schemaname = 'new'`)).toEqual([
    { count: 8 },
  ])
})

describe('a destination that cannot be used says why', () => {
  test.each([
    ['destination_unreachable', { port: 1 }],
    ['destination_unreachable', { host: 'no-such-host.invalid' }],
    ['destination_database_missing', { database: 'nope' }],
    ['destination_tls_failed', { ssl: 'require' as const }],
  ])('%s', async (code, change) => {
    await using db = await testDatabase()
    await using destination = await openPostgresDestination({
      address: { ...db.address, ...change },
    })
    await expect(destination.check()).rejects.toMatchObject({ code })
  })

  test('a right that is missing and a server that is read-only have codes of their own', async () => {
    await using db = await testDatabase()
    const role = `r_${db.address.database}`
    await db.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`)
    const address = { ...db.address, user: role, password: 'secret' }
    await using destination = await openPostgresDestination({ address })
    await expect(destination.check()).rejects.toMatchObject({
      code: 'destination_permission_denied',
    })
    await db.query(`ALTER ROLE ${role} SET default_transaction_read_only = on`)
    await expect(destination.check()).rejects.toMatchObject({ code: 'destination_read_only' })
    await db.query(`DROP ROLE ${role}`)
  })

  test('a constraint of the user that a record violates is named', async () => {
    await using db = await testDatabase()
    const sink = sinkStream({ id: 'integer' })
    const begun = await begin(db, sink)
    await db.query('ALTER TABLE things ADD CONSTRAINT mine CHECK (id < 10)')
    await expect(load(db, begun, { records: [{ id: 10 }] })).rejects.toMatchObject({
      code: 'destination_constraint_violated',
      message: 'A record violates constraint "mine" of "public"."things"',
    })
    expect(await db.query('SELECT * FROM things')).toEqual([])
  })

  longTest(
    'a column that must not be NULL is called so, and its table named when an overwrite fills it',
    async () => {
      await using db = await testDatabase()
      const sink = sinkStream({ id: 'integer' }, { mode: 'overwrite' })
      await sync(db, sink, [])
      await db.query('ALTER TABLE things ADD COLUMN must integer NOT NULL')
      const error = await sync(db, sink, [{ id: 1 }]).catch((thrown: unknown) =>
        ConnectError.from(thrown),
      )
      expect(error).toMatchObject({
        code: 'destination_constraint_violated',
        message: 'A record violates NOT NULL of column "must" of "public"."things"',
      })
      expect(error).toHaveProperty(
        'suggestedFix',
        expect.stringContaining('ALTER TABLE "public"."things" ALTER COLUMN "must" DROP NOT NULL'),
      )
    },
  )

  test.each(usually(1, ['append', 'append_dedup', 'overwrite'] as const))(
    'what a trigger of the user raises is not told, %s',
    async (mode) => {
      await using db = await testDatabase()
      const sink = sinkStream({ id: 'integer', card: 'string' }, { mode, key: ['id'] })
      await sync(db, sink, [])
      await db.query(`CREATE FUNCTION check_card() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE 'bad card %', NEW.card USING ERRCODE = '42501', DETAIL = NEW.card, CONSTRAINT = NEW.card, TABLE = NEW.card; END $$;
        CREATE TRIGGER check_card BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION check_card()`)
      const thrown: unknown = await sync(db, sink, [{ id: 1, card: '4111-1111' }]).catch(
        (error: unknown) => error,
      )
      expect(thrown).toBeInstanceOf(ConnectError)
      expect(inspect(thrown, { depth: 20, showHidden: true })).not.toContain('4111-1111')
      expect(ConnectError.from(thrown).message).toContain('the function check_card failed')
    },
  )

  test.each(usually(1, ['append', 'append_dedup', 'overwrite'] as const))(
    'a value that a trigger refuses is not taken for a cell that its column refuses, %s',
    async (mode) => {
      await using db = await testDatabase()
      // A year before Christ makes it a COPY in text, whose errors show the row.
      const sink = sinkStream(
        { id: 'integer', note: 'string', at: 'timestamptz' },
        { mode, key: ['id'] },
      )
      await sync(db, sink, [])
      await db.query(`CREATE FUNCTION check_note() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM NEW.note::integer; RETURN NEW; END $$;
        CREATE TRIGGER check_note BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION check_note()`)
      const records = [
        { id: 1, note: '1', at: '-0044-03-15T00:00:00Z' },
        { id: 2, note: ', column id: "1"', at: '2024-01-01T00:00:00Z' },
        { id: 3, note: ' id: 1', at: '2024-01-01T00:00:00Z' },
      ]
      const thrown: unknown = await sync(db, sink, records).catch((error: unknown) => error)
      expect(thrown).toMatchObject({
        code: 'destination_query_failed',
        details: { sqlstate: '22P02' },
        message: expect.stringContaining('a function or trigger of the database failed') as unknown,
      })
      expect(await db.query('SELECT FROM things')).toEqual([])
    },
  )

  longTest(
    'a value that a generated column refuses is not taken for a cell that its column refuses',
    async () => {
      await using db = await testDatabase()
      const sink = sinkStream({ id: 'integer', note: 'string', at: 'timestamptz' })
      await sync(db, sink, [])
      await db.query(
        'ALTER TABLE things ADD COLUMN share bigint GENERATED ALWAYS AS (10 / (id - 1)) STORED',
      )
      await expect(
        sync(db, sink, [{ id: 1, note: ' id: 1', at: '-0044-03-15T00:00:00Z' }]),
      ).rejects.toMatchObject({
        code: 'destination_value_refused',
        details: { stream: 'things', table: 'things', sqlstate: '22012' },
      })
      expect(await db.query('SELECT FROM things')).toEqual([])
    },
  )

  test('a stream with more columns than a table may have', async () => {
    await using db = await testDatabase()
    const names = Array.from({ length: 1_600 }, (_, n) => [`c${String(n)}`, 'integer'] as const)
    const refused = begin(db, sinkStream(Object.fromEntries(names)))
    await expect(refused).rejects.toThrow(/^"public"\."things" has no room for all columns/)
    await expect(refused).rejects.toMatchObject({ code: 'destination_too_many_columns' })
  })

  longTest(
    'a stream whose columns that are never NULL are too wide for a page, and not one that may have NULL in them',
    async () => {
      await using db = await testDatabase()
      const names = Array.from({ length: 1_590 }, (_, n) => `c${String(n)}`)
      const sink = sinkStream(Object.fromEntries(names.map((name) => [name, 'integer'])))
      const declaredAs = (type: JsonValue): typeof sink => {
        const json_schema = {
          properties: Object.fromEntries(names.map((name) => [name, { type }])),
        }
        const { stream } = sink.stream
        return { ...sink, stream: { ...sink.stream, stream: { ...stream, json_schema } } }
      }
      await expect(begin(db, declaredAs('integer'))).rejects.toMatchObject({
        code: 'destination_too_many_columns',
        details: { reason: expect.stringMatching(/"c0", "c1", "c2" and 1,587 other/) as unknown },
      })
      expect(await db.query(`SELECT to_regclass('things') AS made`)).toEqual([{ made: null }])
      await sync(db, declaredAs(['null', 'integer']), [{ c0: 1, c1589: 2 }])
    },
  )
})

test('savePlan keeps the slices of a resumed sync where they are', async () => {
  await using db = await testDatabase()
  const sink = sinkStream({ id: 'integer' })
  await withDestination(db, async (destination) => {
    const begun = await destination.begin(sink, someStart)
    const plan = ['b', 'a'].map((slice, partition) => ({
      slice,
      partition,
      state: { from: slice },
    }))
    await destination.savePlan(begun, plan)
    await load(db, begun, { records: [{ id: 1 }], slice: 'a', complete: false })
    await destination.savePlan(begun, plan)
    const again = await destination.begin(sink, someStart)
    expect(again.slices).toEqual([
      { slice: 'b', partition: 0, state: { from: 'b' }, seq: 0, complete: false },
      { slice: 'a', partition: 0, state: { seq: 1 }, seq: 1, complete: false },
    ])
    await expect(destination.finish(again)).rejects.toMatchObject({ code: 'accounting_mismatch' })
  })
})

test.each(
  usually(1, [
    ...['reactor_connect', 'reactor_connect_service', 'reactor_connect_jobs', 'pgboss'],
    ...['Reactor_Connect_Jobs', 'reactor_connect_later\n', 'reactor_sandbox_0123'],
    ...['information_schema', 'pg_catalog', 'pg_toast', 'PGBOSS'],
  ]),
)('a source whose schema is called %s gets nothing into it', async (namespace) => {
  await using db = await testDatabase()
  await db.query('CREATE SCHEMA reactor_connect_service')
  // A table that the service has created and not filled yet: an empty table would be taken over.
  await db.query('CREATE TABLE reactor_connect_service.users (id text PRIMARY KEY)')
  const sink = sinkStream({ id: 'string' }, { name: 'users', namespace })
  await expect(begin(db, sink)).rejects.toMatchObject({
    code: 'destination_schema_reserved',
    details: { stream: streamLabel({ namespace, name: 'users' }), schema: namespace },
  })
  const tables = await db.query(
    `SELECT nspname, count(attname) AS columns FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
       JOIN pg_attribute ON attrelid = c.oid AND attnum > 0 WHERE relname = 'users' GROUP BY nspname`,
  )
  expect(tables).toEqual([{ nspname: 'reactor_connect_service', columns: '1' }])
})

test('checkpoints of a newer version are left alone', async () => {
  await using db = await testDatabase()
  const sink = sinkStream({ id: 'string' })
  await begin(db, sink)
  await db.query('INSERT INTO reactor_connect.migrations (version) VALUES (99)')
  await expect(begin(db, sink)).rejects.toMatchObject({
    code: 'destination_bookkeeping_newer',
    details: { schema: 'reactor_connect', found: 99 },
  })
})
