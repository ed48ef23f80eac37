import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import type { StreamSync } from '../../sinks/sink.ts'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import { begin, finish, load, sinkStream, sync } from './loading.ts'
import { longTest, usually } from '../support/long.ts'

const things = { id: 'integer', name: 'string' } as const
const twoRows = [
  { id: 1, name: 'a' },
  { id: 2, name: 'b' },
]

async function tableOid(db: TestDatabase): Promise<unknown> {
  const [row] = await db.query(`SELECT to_regclass('things')::oid::text AS oid`)
  return row?.oid
}

/** Loads a sync up to its end, without `finish`. */
async function loaded(
  db: TestDatabase,
  mode: 'overwrite' | 'overwrite_dedup' = 'overwrite',
): Promise<StreamSync> {
  const ready = await begin(db, sinkStream(things, { mode, key: ['id'] }))
  await load(db, ready, { records: twoRows })
  return ready
}

test.each(usually(1, ['overwrite', 'overwrite_dedup'] as const))(
  'the stage of the first %s becomes the table: its rows are written once, and it is like one that was made',
  async (mode) => {
    await using db = await testDatabase()
    const ready = await loaded(db, mode)
    const [stage] = await db.query(
      `SELECT c.oid::text AS oid FROM pg_class c WHERE relname LIKE 'things\\_\\_stage\\_%' AND relkind = 'r'`,
    )
    await finish(db, ready)
    expect(await tableOid(db)).toBe(stage?.oid)
    expect(await db.query('SELECT id::int, name FROM things ORDER BY id')).toEqual(twoRows)
    const objects = await db.query(
      `SELECT relname, relkind, relreplident FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE nspname = 'public' ORDER BY relkind`,
    )
    const key = expect.stringMatching(/^things__key_[0-9a-f]{8}$/) as unknown
    const index = { relname: key, relkind: 'i', relreplident: 'n' }
    expect(objects).toEqual([
      ...(mode === 'overwrite_dedup' ? [index] : []),
      { relname: 'things', relkind: 'r', relreplident: 'd' },
    ])
  },
)

test.each(['overwrite', 'overwrite_dedup'] as const)(
  'so does the stage of a later %s: the old rows go with their table, and none is left for vacuum',
  async (mode) => {
    await using db = await testDatabase()
    await finish(db, await loaded(db, mode))
    const before = await tableOid(db)
    await sync(db, sinkStream(things, { mode, key: ['id'] }), [{ id: 3, name: 'c' }])
    expect(await tableOid(db)).not.toBe(before)
    expect(await db.query('SELECT ctid::text, id::int FROM things')).toEqual([
      { ctid: '(0,1)', id: 3 },
    ])
    expect(await db.query(`SELECT relname FROM pg_class WHERE relname LIKE '%stage%'`)).toEqual([])
  },
)

test('a later overwrite keeps the table that somebody uses in a view, and its rows give way', async () => {
  await using db = await testDatabase()
  await finish(db, await loaded(db))
  await db.query('CREATE VIEW seen AS SELECT id FROM things')
  const before = await tableOid(db)
  await sync(db, sinkStream(things, { mode: 'overwrite' }), [{ id: 3, name: 'c' }])
  expect(await tableOid(db)).toBe(before)
  expect(await db.query('SELECT id::int FROM seen')).toEqual([{ id: 3 }])
})

longTest('the table that comes has statistics, if the one before had some', async () => {
  await using db = await testDatabase()
  await finish(db, await loaded(db))
  const analyzed = `SELECT count(*)::int AS columns FROM pg_stats WHERE tablename = 'things'`
  await db.query('ANALYZE things')
  const [had] = await db.query(analyzed)
  const before = await tableOid(db)
  await sync(db, sinkStream(things, { mode: 'overwrite' }), twoRows)
  expect(await tableOid(db)).not.toBe(before)
  expect(await db.query(analyzed)).toEqual([had])
  expect(had).not.toEqual({ columns: 0 })
})

/** A filled table whose next overwrite has loaded everything after `since` began. */
async function loadedAgain(
  db: TestDatabase,
  since = (): Promise<unknown> => Promise.resolve(),
): Promise<StreamSync> {
  await finish(db, await loaded(db))
  await since()
  const next = await begin(db, sinkStream(things, { mode: 'overwrite' }), 2)
  await load(db, next, { records: [{ id: 3, name: 'c' }] })
  return next
}

longTest(
  'a transaction whose snapshot is older than the new rows finds all of the old ones, although it reads them after the overwrite',
  async () => {
    await using db = await testDatabase()
    await using reader = await DestinationSession.open({ address: db.address })
    const next = await loadedAgain(db, () =>
      reader.runPinned('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM pg_class'),
    )
    const before = await tableOid(db)
    await finish(db, next)
    expect(await reader.rows('SELECT id::int, name FROM public.things ORDER BY id')).toEqual(
      twoRows,
    )
    expect(await tableOid(db)).toBe(before)
    expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 3 }])
  },
)

longTest(
  'a transaction that has no snapshot between its statements finds the new rows in the table that came',
  async () => {
    await using db = await testDatabase()
    await using reader = await DestinationSession.open({ address: db.address })
    const next = await loadedAgain(db)
    const before = await tableOid(db)
    await reader.runPinned('BEGIN; SELECT FROM pg_class')
    await finish(db, next)
    expect(await tableOid(db)).not.toBe(before)
    expect(await reader.rows('SELECT id::int FROM public.things')).toEqual([{ id: 3 }])
  },
)

longTest('a table that is being vacuumed or analyzed is waited for', async () => {
  await using db = await testDatabase()
  // The lock that VACUUM and ANALYZE take.
  await using vacuum = await DestinationSession.open({ address: db.address })
  const next = await loadedAgain(db)
  const before = await tableOid(db)
  await vacuum.runPinned('BEGIN; LOCK TABLE public.things IN SHARE UPDATE EXCLUSIVE MODE')
  const finished = finish(db, next)
  await delay(300)
  await vacuum.runPinned('COMMIT')
  await finished
  expect(await tableOid(db)).not.toBe(before)
  expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 3 }])
})

longTest(
  'whoever reads while one overwrite follows another sees the whole table of one of them',
  async () => {
    await using db = await testDatabase()
    const sink = sinkStream(things, { mode: 'overwrite' })
    const records = Array.from({ length: 200 }, (_, id) => ({ id, name: 'a' }))
    await sync(db, sink, records)
    const seen = new Set<string>()
    const done = new AbortController()
    const read = async (isolation: string, waitMs: number): Promise<void> => {
      await using reader = await DestinationSession.open({ address: db.address })
      while (!done.signal.aborted) {
        await reader.runPinned(`BEGIN ISOLATION LEVEL ${isolation}; SELECT FROM pg_class`)
        await delay(waitMs)
        const [row] = await reader.rows<{ found: string }>(
          `SELECT count(*) || ' of ' || count(DISTINCT _airbyte_generation_id) AS found FROM public.things`,
        )
        seen.add(row?.found ?? 'nothing')
        await reader.runPinned('COMMIT')
        await delay(waitMs)
      }
    }
    const readers = [
      read('READ COMMITTED', 0),
      read('READ COMMITTED', 7),
      read('REPEATABLE READ', 5),
      read('SERIALIZABLE', 90),
    ]
    try {
      for (let round = 0; round < 15; round++) await sync(db, sink, records)
    } finally {
      done.abort()
      await Promise.all(readers)
    }
    expect([...seen]).toEqual(['200 of 1'])
  },
)

longTest(
  'where the transactions of others are hidden, an open one keeps the table, and an idle session does not',
  async () => {
    await using db = await testDatabase()
    const role = `r_${db.address.database}`
    await db.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'secret'; GRANT CREATE ON SCHEMA public TO ${role};
     DO $$BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO ${role}', current_database()); END$$`,
    )
    try {
      const loader = { ...db, address: { ...db.address, user: role, password: 'secret' } }
      await using other = await DestinationSession.open({ address: db.address })
      const sink = sinkStream(things, { mode: 'overwrite' })
      await sync(loader, sink, twoRows)
      const oids = [await tableOid(db)]
      await sync(loader, sink, twoRows)
      oids.push(await tableOid(db))
      await other.runPinned('BEGIN; SELECT FROM pg_class')
      await sync(loader, sink, [{ id: 3, name: 'c' }])
      oids.push(await tableOid(db))
      expect(oids[1]).not.toBe(oids[0])
      expect(oids[2]).toBe(oids[1])
      expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 3 }])
    } finally {
      await db.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)
    }
  },
)

test.each(
  usually(2, [
    ['a view', 'CREATE VIEW seen AS SELECT id FROM things'],
    ['a grant', 'GRANT SELECT ON things TO PUBLIC'],
    ['a grant of a column', 'GRANT SELECT (id) ON things TO PUBLIC'],
    ['an index', 'CREATE INDEX own ON things (id)'],
    ['a comment', `COMMENT ON TABLE things IS 'mine'`],
    ['a comment of a column', `COMMENT ON COLUMN things.id IS 'mine'`],
    ['a comment of its type', `COMMENT ON TYPE things IS 'mine'`],
    ['a grant of its type', 'GRANT USAGE ON TYPE things TO pg_monitor'],
    ['a default', 'ALTER TABLE things ALTER COLUMN name SET DEFAULT 0'],
    ['a column', 'ALTER TABLE things ADD COLUMN own int'],
    [
      'a column that was dropped',
      'ALTER TABLE things ADD COLUMN own int; ALTER TABLE things DROP COLUMN own',
    ],
    ['a check', 'ALTER TABLE things ADD CHECK (id > 0)'],
    ['a column that must not be null', 'ALTER TABLE things ALTER COLUMN id SET NOT NULL'],
    ['a storage parameter', 'ALTER TABLE things SET (fillfactor = 50)'],
    ['a target of its statistics', 'ALTER TABLE things ALTER COLUMN id SET STATISTICS 500'],
    ['statistics', 'CREATE STATISTICS own ON id, name FROM things'],
    [
      'a trigger',
      `CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
     CREATE TRIGGER own BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION keep()`,
    ],
    ['a policy', 'CREATE POLICY own ON things USING (true)'],
    ['an heir, of a dropped one', 'CREATE TABLE heir () INHERITS (things); DROP TABLE heir'],
    ['a parent', 'CREATE TABLE parent (id bigint); ALTER TABLE things INHERIT parent'],
    ['an extension that has it', 'ALTER EXTENSION plpgsql ADD TABLE things'],
    [
      'a setting of its values out of line',
      'ALTER TABLE things SET (toast.autovacuum_enabled = false)',
    ],
    ['a function of its rows', `CREATE FUNCTION f(things) RETURNS int LANGUAGE sql AS 'SELECT 1'`],
    ['a column of its type', 'CREATE TABLE other (thing things)'],
    ['a publication of it', 'CREATE PUBLICATION own FOR TABLE things WITH (publish = insert)'],
    [
      'a publication of all tables',
      'CREATE PUBLICATION own FOR ALL TABLES WITH (publish = insert)',
    ],
    [
      'a publication of its schema',
      'CREATE PUBLICATION own FOR TABLES IN SCHEMA public WITH (publish = insert)',
    ],
  ]),
)('a table with %s stays, empty or filled, and gets the rows', async (_name, statements) => {
  await using db = await testDatabase()
  const ready = await loaded(db)
  await db.query(statements)
  const before = await tableOid(db)
  await finish(db, ready)
  expect(await tableOid(db)).toBe(before)
  expect(await db.query('SELECT id::int, name FROM things ORDER BY id')).toEqual(twoRows)
  await sync(db, sinkStream(things, { mode: 'overwrite' }), [{ id: 3, name: 'c' }])
  expect(await tableOid(db)).toBe(before)
  expect(await db.query('SELECT id::int, name FROM things')).toEqual([{ id: 3, name: 'c' }])
})

test.each(
  usually(1, [
    ['is clustered by it', (index: string) => `ALTER TABLE things CLUSTER ON ${index}`],
    ['has a setting', (index: string) => `ALTER INDEX ${index} SET (fillfactor = 60)`],
  ]),
)('a table whose index of the key %s stays, and gets the rows', async (_name, statement) => {
  await using db = await testDatabase()
  await finish(db, await loaded(db, 'overwrite_dedup'))
  const indexes = `SELECT indexrelid::regclass::text AS name, indisclustered, reloptions FROM pg_index
      JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = 'things'::regclass`
  const [index] = await db.query(indexes)
  await db.query(statement(String(index?.name)))
  const [before, settings] = [await tableOid(db), await db.query(indexes)]
  await sync(db, sinkStream(things, { mode: 'overwrite_dedup', key: ['id'] }), twoRows)
  expect(await tableOid(db)).toBe(before)
  expect(await db.query(indexes)).toEqual(settings)
})

test('a foreign key that refers to the empty table stays with it', async () => {
  await using db = await testDatabase()
  const ready = await loaded(db)
  await db.query(
    'ALTER TABLE things ADD UNIQUE (id); CREATE TABLE parts (thing bigint REFERENCES things (id))',
  )
  const before = await tableOid(db)
  await finish(db, ready)
  expect(await tableOid(db)).toBe(before)
})

longTest(
  'a transaction that has read the empty table is not waited for: the rows are copied',
  async () => {
    await using db = await testDatabase()
    const ready = await loaded(db)
    const before = await tableOid(db)
    await using reader = await DestinationSession.open({ address: db.address })
    await reader.transaction(async () => {
      await reader.rows('SELECT FROM public.things')
      await finish(db, ready)
    })
    expect(await tableOid(db)).toBe(before)
    expect(await db.query('SELECT id::int, name FROM things ORDER BY id')).toEqual(twoRows)
  },
)
