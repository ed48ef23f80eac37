import { expect, test } from 'vitest'
import type { SyncMode } from '../../sinks/sink.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import {
  begin,
  blockOf,
  commit,
  emittedAtMs,
  finish,
  load,
  openLane,
  sinkStream,
  sync,
  type StreamOptions,
} from './loading.ts'
import { longTest, usually } from '../support/long.ts'

const columns = { id: 'string', name: 'string' } as const
const first = [
  { id: 'K1', name: 'a' },
  { id: 'K2', name: 'a' },
]

function streamOf(options: StreamOptions = {}): ReturnType<typeof sinkStream> {
  return sinkStream(columns, { mode: 'append_dedup', key: ['id'], ...options })
}

const byName = { cursor: 'name', syncMode: 'incremental' } as const

/** `event`: BEFORE INSERT, AFTER INSERT OR UPDATE … */
async function trigger(
  db: TestDatabase,
  event: string,
  body: string,
  {
    name = 'touch',
    table = 'things',
    kind = 'TRIGGER',
    each = 'FOR EACH ROW',
  }: {
    readonly name?: string
    readonly table?: string
    readonly kind?: string
    readonly each?: string
  } = {},
): Promise<void> {
  await db.query(
    `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN ${body}; RETURN NEW; END$$;
     CREATE ${kind} ${name} ${event} ON ${table} ${each} EXECUTE FUNCTION ${name}()`,
  )
}

async function rowsOf(db: TestDatabase): Promise<unknown> {
  return db.query('SELECT id, name FROM things ORDER BY id')
}

/** Loads the records in a sync of their own, which came `run` milliseconds later. */
async function loadAll(
  db: TestDatabase,
  { records, run = 0, ...options }: StreamOptions & { records: typeof first; run?: number },
): Promise<void> {
  const begun = await begin(db, streamOf(options))
  await load(db, begun, { records, ms: emittedAtMs + run })
  await finish(db, begun)
}

function refusal(problem: string, undo: string): object {
  return {
    code: 'destination_key_unusable',
    message: expect.stringContaining(problem) as unknown,
    suggestedFix: expect.stringContaining(`\`${undo}\``) as unknown,
  }
}

const disable = 'ALTER TABLE "public"."things" DISABLE TRIGGER touch'
const laterCursor =
  'trigger touch gives rows a later column "name" or _airbyte_extracted_at than their records have'
const otherKey = 'trigger touch gives rows another key than their records have'

test.each(
  usually(1, [
    ['the cursor', `NEW.name = 'zzz'`, byName, laterCursor],
    [
      'the time',
      `NEW._airbyte_extracted_at = 'infinity'`,
      {},
      'trigger touch gives rows a later _airbyte_extracted_at',
    ],
  ]),
)(
  'a BEFORE INSERT trigger that sets %s later is refused also where all keys are new',
  async (_, body, options, problem) => {
    await using db = await testDatabase()
    await sync(db, streamOf(options), [])
    await trigger(db, 'BEFORE INSERT', body)
    const loading = loadAll(db, { records: first, ...options })
    await expect(loading).rejects.toMatchObject(refusal(problem, disable))
    expect(await rowsOf(db)).toEqual([])
    await db.query(disable)
    await loadAll(db, { records: first, ...options })
    const newer = first.map(({ id }) => ({ id, name: 'b' }))
    await loadAll(db, { records: newer, run: 1, ...options })
    expect(await rowsOf(db)).toEqual(newer)
  },
)

longTest(
  'a BEFORE INSERT trigger of a partition that sets the cursor later is refused also where all keys are new',
  async () => {
    await using db = await testDatabase()
    await db.query(
      `CREATE TABLE things (id text, name text) PARTITION BY HASH (id);
     CREATE TABLE all_things PARTITION OF things FOR VALUES WITH (MODULUS 1, REMAINDER 0)`,
    )
    await sync(db, streamOf(byName), [])
    await trigger(db, 'BEFORE INSERT', `NEW.name = 'zzz'`, { table: 'all_things' })
    await expect(loadAll(db, { records: first, ...byName })).rejects.toMatchObject(
      refusal(laterCursor, 'ALTER TABLE "public"."all_things" DISABLE TRIGGER touch'),
    )
  },
)

test('a trigger that comes while a lane inserts new keys is seen at its next transaction', async () => {
  await using db = await testDatabase()
  const begun = await begin(db, streamOf(byName))
  await using lane = await openLane(db, begun)
  await lane.write(blockOf(begun.sink.columns, first))
  await commit(lane, 2, { complete: false })
  await trigger(db, 'BEFORE INSERT', `NEW.name = 'zzz'`)
  await lane.write(blockOf(begun.sink.columns, [{ id: 'K3', name: 'a' }], { seq: 2 }))
  await expect(commit(lane, 3)).rejects.toMatchObject(refusal(laterCursor, disable))
  expect(await rowsOf(db)).toEqual(first)
})

const touchRow = `IF pg_trigger_depth() = 1 THEN UPDATE things SET name = 'zzz' WHERE id = NEW.id; END IF`
const touchAll = `IF pg_trigger_depth() = 1 THEN UPDATE things SET name = 'zzz'; END IF`

test.each(
  usually(1, [
    ['of each row', touchRow, {}],
    ['of each statement', touchAll, { each: 'FOR EACH STATEMENT' }],
    [
      'at the end of the transaction',
      touchRow,
      { kind: 'CONSTRAINT TRIGGER', each: 'DEFERRABLE INITIALLY DEFERRED FOR EACH ROW' },
    ],
  ]),
)(
  'an AFTER trigger %s that sets the cursor later is refused, with new keys and with known ones',
  async (_, body, kind) => {
    await using db = await testDatabase()
    await sync(db, streamOf(byName), first.slice(0, 1))
    await trigger(db, 'AFTER INSERT OR UPDATE', body, kind)
    // One that has no part in it.
    await trigger(db, 'BEFORE INSERT OR UPDATE', 'PERFORM 1', { name: 'harmless' })
    const refused = refusal(`primary key: ${laterCursor}`, disable)
    for (const records of [first.slice(1), first.map(({ id }) => ({ id, name: 'b' }))]) {
      await expect(loadAll(db, { records, run: 1, ...byName })).rejects.toMatchObject(refused)
      expect(await rowsOf(db)).toEqual(first.slice(0, 1))
    }
  },
)

test('triggers that write elsewhere, or change other columns, are no problem', async () => {
  await using db = await testDatabase()
  await sync(db, streamOf(byName), [])
  await db.query('CREATE TABLE audit (id text, name text); ALTER TABLE things ADD COLUMN mine text')
  await trigger(db, 'AFTER INSERT OR UPDATE', 'INSERT INTO audit VALUES (NEW.id, NEW.name)')
  await trigger(db, 'BEFORE INSERT OR UPDATE', 'NEW.mine = upper(NEW.id)', { name: 'mine' })
  await trigger(
    db,
    'AFTER INSERT OR UPDATE',
    `IF pg_trigger_depth() = 1 THEN UPDATE things SET mine = 'x'; END IF`,
    { name: 'touch_all', each: 'FOR EACH STATEMENT' },
  )
  for (const [run, name] of ['a', 'b', 'c'].entries()) {
    const records = ['K1', 'K2', `K${name}`].map((id) => ({ id, name }))
    // Each key twice, and an older version of each, which changes nothing.
    const all = [...records.map(({ id }) => ({ id, name: '0' })), ...records, ...records]
    await loadAll(db, { records: all, run, ...byName })
  }
  expect(await rowsOf(db)).toEqual([
    { id: 'K1', name: 'c' },
    { id: 'K2', name: 'c' },
    ...['a', 'b', 'c'].map((name) => ({ id: `K${name}`, name })),
  ])
  expect(
    await db.query('SELECT DISTINCT name FROM audit WHERE id = $1 ORDER BY name', ['K1']),
  ).toEqual(['a', 'b', 'c'].map((name) => ({ name })))
})

test.each(
  usually(2, [
    ['lower-cases keys', 'NEW.id = lower(NEW.id)'],
    [
      'exchanges keys',
      `NEW.id = CASE NEW.id WHEN 'K1' THEN 'K2' WHEN 'K2' THEN 'K1' ELSE NEW.id END`,
    ],
    ['moves keys to those of other records', `NEW.id = 'K' || (substr(NEW.id, 2)::int * 2)`],
    ['takes keys away', 'NEW.id = NULL'],
  ]),
)(
  'a BEFORE INSERT trigger that %s is refused in its first run, whatever its other columns',
  async (_, body) => {
    await using db = await testDatabase()
    await sync(db, streamOf(byName), [])
    await trigger(db, 'BEFORE INSERT', `${body}; NEW.name = 'zzz'`)
    // A key only, so that no two rows get the same.
    const records = body.includes('NULL') ? first.slice(1) : first
    for (const some of [records, [...records, ...records]]) {
      await expect(loadAll(db, { records: some, ...byName })).rejects.toMatchObject(
        refusal(otherKey, disable),
      )
      expect(await rowsOf(db)).toEqual([])
    }
  },
)

longTest(
  'a trigger whose keys are in the table already is named for its keys, also if older rows stay',
  async () => {
    await using db = await testDatabase()
    await sync(db, streamOf(byName), [
      { id: 'k1', name: 'zzz' },
      { id: 'k2', name: 'a' },
    ])
    await trigger(db, 'BEFORE INSERT', 'NEW.id = lower(NEW.id)')
    await expect(loadAll(db, { records: first, run: 1, ...byName })).rejects.toMatchObject({
      ...refusal(otherKey, disable),
      suggestedFix: expect.stringContaining('`overwrite_dedup`') as unknown,
    })
  },
)

test.each<SyncMode>(usually(1, ['append', 'overwrite', 'overwrite_dedup']))(
  'a trigger that changes keys and cursors is no problem for %s: no version is compared',
  async (mode) => {
    await using db = await testDatabase()
    await sync(db, streamOf({ mode }), [])
    await trigger(db, 'BEFORE INSERT', `NEW.id = lower(NEW.id); NEW.name = 'zzz'`)
    await sync(db, streamOf({ mode }), first)
    expect(await rowsOf(db)).toEqual(['k1', 'k2'].map((id) => ({ id, name: 'zzz' })))
  },
)

test('deletes are carried out in a table with triggers, and older ones are not', async () => {
  await using db = await testDatabase()
  const changes = { ...columns, _ab_cdc_deleted_at: 'timestamptz' } as const
  const stream = sinkStream(changes, { mode: 'append_dedup', key: ['id'], ...byName })
  await sync(db, stream, [...first, { id: 'K3', name: 'b' }])
  await trigger(db, 'BEFORE INSERT OR UPDATE', 'PERFORM 1')
  const gone = '2026-01-01T00:00:00Z'
  const begun = await begin(db, stream)
  const stats = await load(db, begun, {
    records: [
      { id: 'K1', name: 'b', _ab_cdc_deleted_at: gone },
      { id: 'K3', name: 'a', _ab_cdc_deleted_at: gone },
      { id: 'K4', name: 'b' },
      { id: 'K5', name: 'b', _ab_cdc_deleted_at: gone },
    ],
    ms: emittedAtMs + 1,
  })
  expect(stats.deleted).toBe(2)
  expect(await rowsOf(db)).toEqual([first[1], { id: 'K3', name: 'b' }, { id: 'K4', name: 'b' }])
})

longTest("a table's triggers are found whatever its name is", async () => {
  await using db = await testDatabase()
  const name = `w$&$1 o'd`
  await sync(db, streamOf({ name, ...byName }), [])
  await sync(db, streamOf({ name, ...byName }), first.slice(0, 1))
  const [table] = await db.query(
    `SELECT format('%I', relname) AS name FROM pg_class WHERE relkind = 'r' AND relname LIKE 'w$%'`,
  )
  await trigger(db, 'BEFORE INSERT', `NEW.name = 'zzz'`, { table: String(table?.name) })
  const loading = loadAll(db, { name, records: first.slice(1), ...byName })
  await expect(loading).rejects.toMatchObject({ code: 'destination_key_unusable' })
})

test('an event trigger that forbids what a run does is named with its own words, before rows are read', async () => {
  await using db = await testDatabase()
  const sink = sinkStream(columns, { mode: 'overwrite' })
  await sync(db, sink, first)
  await db.query(
    `CREATE FUNCTION nodrop() RETURNS event_trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'no drops in production (%)', tg_tag; END$$;
     CREATE EVENT TRIGGER "no drops" ON sql_drop EXECUTE FUNCTION nodrop()`,
  )
  await expect(begin(db, sink)).rejects.toMatchObject({
    code: 'destination_query_failed',
    details: { reason: 'event trigger "no drops" raised: no drops in production (DROP TABLE)' },
    suggestedFix: expect.stringMatching(
      /`\\dy` lists it.*ALTER EVENT TRIGGER "no drops" DISABLE/,
    ) as unknown,
  })
  // One that only keeps the table: its rows are exchanged.
  await db.query(
    `CREATE OR REPLACE FUNCTION nodrop() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
       IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() WHERE object_name = 'things')
       THEN RAISE EXCEPTION 'no drops'; END IF; END$$`,
  )
  const [before] = await db.query(`SELECT 'things'::regclass::oid AS oid`)
  await sync(db, sink, [{ id: 'K3', name: 'c' }])
  expect(await db.query(`SELECT 'things'::regclass::oid AS oid`)).toEqual([before])
  expect(await rowsOf(db)).toEqual([{ id: 'K3', name: 'c' }])
})
