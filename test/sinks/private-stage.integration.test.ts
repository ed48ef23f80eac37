import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { testDatabase, type Row, type TestDatabase } from '../support/postgres.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { StreamSync } from '../../sinks/sink.ts'
import { begin, finish, load, sinkStream, sync, withDestination } from './loading.ts'
import { longTest, usually } from '../support/long.ts'

const things = { id: 'integer' } as const

/**
 * Returns the rights of everybody except the owner, from the ACL. Without an ACL, only the owner has rights.
 */
function aclOf(db: TestDatabase, like: string): Promise<Row[]> {
  return db.query(
    `SELECT relname, grantee::regrole::text AS grantee, string_agg(privilege_type, ',' ORDER BY privilege_type) AS rights, is_grantable AS grantable
       FROM pg_class, aclexplode(relacl)
      WHERE relname LIKE $1 AND relkind = 'r' AND grantee <> relowner GROUP BY 1, 2, 4 ORDER BY 2`,
    [like],
  )
}

const stages = 'things\\_\\_stage\\_%'

/** Loads a sync up to its end, without `finish`. */
async function loaded(db: TestDatabase, id: number): Promise<StreamSync> {
  const ready = await begin(db, sinkStream(things, { mode: 'overwrite' }), id)
  await load(db, ready, { records: [{ id }] })
  return ready
}

test.each(
  usually(1, [
    ['of the schema', 'IN SCHEMA public', ''],
    ['of the database', '', ''],
    [
      'of both',
      'IN SCHEMA public',
      'ALTER DEFAULT PRIVILEGES GRANT INSERT, SELECT ON TABLES TO pg_monitor',
    ],
  ]),
)(
  'nobody else reads a stage, whatever the default privileges %s are, and the table that comes of it has them, as a new one has',
  async (_where, place, more) => {
    await using db = await testDatabase()
    await db.query(
      `ALTER DEFAULT PRIVILEGES ${place} GRANT SELECT ON TABLES TO PUBLIC;
       ALTER DEFAULT PRIVILEGES ${place} GRANT SELECT, UPDATE ON TABLES TO pg_monitor WITH GRANT OPTION; ${more}`,
    )
    const ready = await loaded(db, 1)
    expect(await aclOf(db, stages)).toEqual([])
    await db.query('CREATE TABLE new_things ()')
    const asNew = (await aclOf(db, 'new_things')).map((row) => ({ ...row, relname: 'things' }))
    expect(asNew.length).toBeGreaterThan(1)
    const oid = `SELECT 'things'::regclass::oid::text AS oid`
    const [before] = await db.query(oid)
    await finish(db, ready)
    expect(await db.query(oid)).not.toEqual([before])
    expect(await aclOf(db, 'things')).toEqual(asNew)
  },
)

test('a table that has other rights than a new one keeps them, and its stage has none', async () => {
  await using db = await testDatabase()
  await sync(db, sinkStream(things, { mode: 'overwrite' }), [])
  await db.query(
    `GRANT UPDATE ON things TO pg_monitor; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC`,
  )
  const own = await aclOf(db, 'things')
  const ready = await loaded(db, 2)
  expect(await aclOf(db, stages)).toEqual([])
  await finish(db, ready)
  expect(await aclOf(db, 'things')).toEqual(own)
  expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 2 }])
})

longTest(
  'a stage that an earlier version left readable is closed before the next rows come',
  async () => {
    await using db = await testDatabase()
    const { syncId } = await loaded(db, 1)
    const [stage] = await db.query(
      `SELECT quote_ident(relname) AS name FROM pg_class WHERE relname LIKE '${stages}' AND relkind = 'r'`,
    )
    await db.query(`GRANT SELECT ON ${String(stage?.name)} TO PUBLIC, pg_monitor`)
    const resumed = await begin(db, sinkStream(things, { mode: 'overwrite' }), 1)
    expect(resumed).toMatchObject({ resumed: true, syncId })
    expect(await aclOf(db, stages)).toEqual([])
  },
)

const dedup = sinkStream(things, { mode: 'overwrite_dedup', key: ['id'] })
const renamed = 'ALTER TABLE things RENAME TO things_old'

test('a table that was renamed keeps its rows and the index of its key, and the next overwrite_dedup makes a new one', async () => {
  await using db = await testDatabase()
  await sync(db, dedup, [{ id: 1 }])
  await db.query(renamed)
  await sync(db, dedup, [{ id: 2 }])
  await sync(db, dedup, [{ id: 3 }])
  expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 3 }])
  expect(await db.query('SELECT id::int FROM things_old')).toEqual([{ id: 1 }])
  await expect(db.query('INSERT INTO things_old (id) VALUES (1)')).rejects.toMatchObject({
    code: '23505',
  })
})

longTest('so does one that was renamed between a start that died and the next one', async () => {
  await using db = await testDatabase()
  await sync(db, dedup, [{ id: 1 }])
  const died = await begin(db, dedup, 2)
  await load(db, died, { records: [{ id: 2 }] })
  await db.query(renamed)
  const next = await begin(db, dedup, 2)
  if (!next.resumed) await load(db, next, { records: [{ id: 2 }] })
  await finish(db, next)
  expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 2 }])
  expect(await db.query('SELECT id::int FROM things_old')).toEqual([{ id: 1 }])
})

longTest(
  'and one that was renamed while a sync loads: its end fails, and the next start ends it',
  async () => {
    await using db = await testDatabase()
    await sync(db, dedup, [{ id: 1 }])
    const ready = await begin(db, dedup, 2)
    await load(db, ready, { records: [{ id: 2 }] })
    await db.query(renamed)
    await expect(finish(db, ready)).rejects.toMatchObject({ code: 'destination_table_gone' })
    const next = await begin(db, dedup, 2)
    if (!next.resumed) await load(db, next, { records: [{ id: 2 }] })
    await finish(db, next)
    expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 2 }])
  },
)

longTest(
  'one that was renamed while a sync loads, and another one put in its place, takes the rows',
  async () => {
    await using db = await testDatabase()
    await sync(db, dedup, [{ id: 1 }])
    const ready = await begin(db, dedup, 2)
    await load(db, ready, { records: [{ id: 2 }] })
    await db.query(`${renamed}; CREATE TABLE things (LIKE things_old)`)
    await finish(db, ready)
    await sync(db, dedup, [{ id: 3 }])
    expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 3 }])
  },
)

test.each(
  usually(1, [
    ['ALL TABLES', 'public'],
    ['TABLES IN SCHEMA public', 'public'],
    ['TABLES IN SCHEMA other', undefined],
  ]),
)(
  'the first overwrite into a new table works where a publication is for %s, and the run warns if that has the stage too',
  async (what, schema) => {
    await using db = await testDatabase()
    await db.query(`CREATE SCHEMA other; CREATE PUBLICATION "My publication" FOR ${what}`)
    const overwrite = sinkStream(things, { mode: 'overwrite' })
    const begun = await sync(db, overwrite, [{ id: 1 }])
    expect(begun.warnings.join('\n')).toMatch(
      schema === undefined
        ? /^$/
        : /^All tables of schema "public" are published \("My publication"\), also "public"\."things__stage_\w+"/,
    )
    expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 1 }])
    const append = await sync(db, sinkStream(things, { name: 'others' }), [{ id: 1 }])
    expect(append.warnings).toEqual([])
  },
)

longTest(
  'a stage that somebody dropped is read again from the beginning, also by a run that is to merge its rows',
  async () => {
    await using db = await testDatabase()
    const options = { syncMode: 'incremental', key: ['id'], cursor: 'id' } as const
    const overwrite = sinkStream(things, { ...options, mode: 'overwrite_dedup' })
    const merge = sinkStream(things, { ...options, mode: 'append_dedup' })
    const ready = await begin(db, overwrite)
    await withDestination(db, (destination) =>
      destination.savePlan(ready, [{ slice: '', partition: 0, state: null }]),
    )
    await load(db, ready, { records: [{ id: 1 }], complete: false })
    const goesOn = await begin(db, overwrite)
    expect(goesOn.slices).toMatchObject([{ state: { seq: 1 } }])
    const [stage] = await db.query(
      `SELECT quote_ident(relname) AS name FROM pg_class WHERE relname LIKE '${stages}' AND relkind = 'r'`,
    )
    await db.query(`DROP TABLE ${String(stage?.name)}`)
    expect((await begin(db, merge, 2)).slices).toEqual([])
  },
)

longTest('what a failed overwrite left is listed by the query of its page', async () => {
  await using db = await testDatabase()
  const page = await readFile('docs/connectors/postgres-destination.md', 'utf8')
  const query = /```sql\n(SELECT c\.oid::regclass AS stage[^`]+);\n```/.exec(page)?.[1] ?? ''
  const name = `long_${'x'.repeat(58)}`
  await begin(db, sinkStream(things, { mode: 'overwrite', name }))
  await begin(db, sinkStream(things, { mode: 'overwrite', name: 'things' }))
  await begin(db, sinkStream(things, { mode: 'overwrite', name: 'thing' }))
  const listed = await db.query(
    `SELECT connection, stream, has_unfinished_sync AS unfinished FROM (${query}) l ORDER BY stream`,
  )
  expect(listed).toEqual(
    [name, 'thing', 'things'].map((stream) => ({ connection: 'test', stream, unfinished: true })),
  )
})

test('a view on a stage is named when the stage has to go, and the advice works', async () => {
  await using db = await testDatabase()
  const overwrite = sinkStream(things, { mode: 'overwrite' })
  const beginRun = (key: string): Promise<StreamSync> =>
    withDestination(db, async (destination) =>
      destination.begin(overwrite, await destination.startRun('test', key)),
    )
  await load(db, await beginRun('a'), { records: [{ id: 1 }], complete: false })
  const [stage] = await db.query(`SELECT relname FROM pg_class WHERE relname LIKE '${stages}'`)
  const name = `"public"."${String(stage?.relname)}"`
  await db.query(`CREATE VIEW "Odd view" AS SELECT id FROM ${name}`)
  const thrown: unknown = await beginRun('b').catch((error: unknown) => error)
  const error = ConnectError.from(thrown)
  expect(error).toMatchObject({ code: 'destination_drop_refused', retryable: false })
  expect(error.message).toContain(`${name} is ours`)
  expect(error.message).toContain('view "Odd view" depends on table')
  await db.query(/DROP TABLE [^`]+/.exec(error.suggestedFix)?.[0] ?? 'none')
  const ready = await beginRun('c')
  await load(db, ready, { records: [{ id: 3 }] })
  await finish(db, ready)
  expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 3 }])
})
