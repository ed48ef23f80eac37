import { describe, expect, test } from 'vitest'
import { ConnectError } from '../../protocol/index.ts'
import { readProduction } from '../../sinks/postgres/sandbox/production.ts'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import type { SinkStream, SyncMode } from '../../sinks/sink.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { begin, sinkStream, sync } from './loading.ts'

const columns = { id: 'integer', v: 'string' } as const

function keyed(mode: SyncMode = 'append_dedup', key: readonly string[] = ['id']): SinkStream {
  return sinkStream(columns, { mode, key })
}

async function refusal(work: Promise<unknown>): Promise<ConnectError> {
  const thrown: unknown = await work.then(
    () => new Error('nothing was refused'),
    (error: unknown) => error,
  )
  return ConnectError.from(thrown)
}

async function triggered(db: TestDatabase, when: string, body: string): Promise<void> {
  await db.query(
    `CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body}; RETURN new; END $$;
     CREATE TRIGGER change ${when} ON things FOR EACH ROW EXECUTE FUNCTION change()`,
  )
}

describe.each(['append_dedup', 'overwrite_dedup'] as const)('with %s', (mode) => {
  test('a key column that somebody renamed is told with the statement that renames it back', async () => {
    await using db = await testDatabase()
    await sync(db, keyed(mode), [{ id: 1, v: 'a' }])
    await db.query('ALTER TABLE things RENAME COLUMN id TO number')
    const error = await refusal(begin(db, keyed(mode)))
    expect(error).toMatchObject({ code: 'destination_key_unusable', retryable: false })
    expect(error.message).toContain('somebody renamed its key column "id" to "number"')
    // As a run of an older version left it.
    await db.query('ALTER TABLE things ADD COLUMN id bigint')
    const again = await refusal(begin(db, keyed(mode)))
    for (const [, statement] of again.suggestedFix.matchAll(/`([^`]+)`/g)) {
      await db.query(statement ?? 'none')
    }
    await sync(db, keyed(mode), [{ id: 1, v: 'b' }])
    expect(await db.query('SELECT id::int, v FROM things')).toEqual([{ id: 1, v: 'b' }])
  })

  test.each([
    ['RANGE (v)', 'it is partitioned by "v"'],
    ['RANGE ((id + 1))', 'it is partitioned by an expression'],
  ])('a table with PARTITION BY %s is told in our own words', async (partition, problem) => {
    await using db = await testDatabase()
    await db.query(`CREATE TABLE things (id bigint, v text) PARTITION BY ${partition}`)
    const error = await refusal(begin(db, keyed(mode)))
    expect(error).toMatchObject({ code: 'destination_key_unusable' })
    expect(error.message).toContain(problem)
    expect(error.suggestedFix).toMatch(/partition the table by columns of the key/i)
  })

  test('a table that is partitioned by a column of the key is loaded', async () => {
    await using db = await testDatabase()
    await db.query(
      `CREATE TABLE things (id bigint, v text) PARTITION BY RANGE (v);
       CREATE TABLE all_things PARTITION OF things DEFAULT`,
    )
    for (let run = 0; run < 2; run++) await sync(db, keyed(mode, ['id', 'v']), [{ id: 1, v: 'a' }])
    expect(await db.query('SELECT id::int FROM things')).toEqual([{ id: 1 }])
  })
})

test('a key column that is gone from a table with rows is told before anything is changed', async () => {
  await using db = await testDatabase()
  await sync(db, keyed(), [{ id: 1, v: 'a' }])
  await db.query('ALTER TABLE things DROP COLUMN id')
  const error = await refusal(begin(db, keyed()))
  expect(error).toMatchObject({ code: 'destination_key_unusable' })
  expect(error.message).toContain('its rows have no "id"')
  await db.query('TRUNCATE things')
  await sync(db, keyed(), [{ id: 1, v: 'a' }])
})

test.each([
  ['BEFORE INSERT OR UPDATE', 'new.id := 7', [{ id: 1 }, { id: 2 }, { id: 3 }]],
  ['BEFORE UPDATE', 'new.id := 8', [{ id: 7 }, { id: 8 }]],
])('a trigger %s that changes the key (%s) is told', async (when, body, records) => {
  await using db = await testDatabase()
  await sync(db, keyed(), [{ id: 7 }, { id: 8 }])
  await triggered(db, when, body)
  const error = await refusal(sync(db, keyed(), records))
  expect(error).toMatchObject({ code: 'destination_key_unusable' })
  expect(error.message).toContain(
    '"public"."things" cannot have one row for each primary key: a trigger of the table',
  )
  expect(error.suggestedFix).toContain('DISABLE TRIGGER')
  expect(await db.query('SELECT id::int FROM things ORDER BY id')).toEqual([{ id: 7 }, { id: 8 }])
})

test('a CHECK of a domain that an overwrite violates names the table, and not where rows are gathered', async () => {
  await using db = await testDatabase()
  await db.query(
    `CREATE DOMAIN short AS text CHECK (length(value) < 3);
     CREATE TABLE things (id bigint, v short)`,
  )
  const error = await refusal(sync(db, keyed('overwrite'), [{ id: 1, v: 'long' }]))
  expect(error).toMatchObject({
    code: 'destination_constraint_violated',
    details: { object: '"public"."things"', constraint: 'constraint "short_check"' },
  })
  expect(`${error.message} ${error.suggestedFix}`).not.toContain('__stage_')
})

test('a sandbox is told the same before a run: of a renamed key, and of rows that would come twice', async () => {
  await using db = await testDatabase()
  await sync(db, keyed(), [{ id: 1, v: 'a' }])
  const appended = sinkStream(columns, { name: 'others', syncMode: 'incremental', cursor: 'id' })
  await sync(db, appended, [{ id: 1, v: 'a' }])
  await db.query('ALTER TABLE things RENAME COLUMN id TO number')
  await using session = await DestinationSession.open({ address: db.address })
  const place = { schema: undefined, earlier: [] }
  const { refusal: renamed } = await readProduction(session, keyed(), place)
  expect(renamed).toMatchObject({ code: 'destination_key_unusable' })
  const goesOn = await readProduction(session, appended, place)
  expect(goesOn).toMatchObject({ refusal: undefined, warnings: [] })
  const byOther = sinkStream(columns, { name: 'others', syncMode: 'incremental', cursor: 'v' })
  const { refusal: repeated } = await readProduction(session, byOther, place)
  expect(repeated).toMatchObject({ code: 'destination_rows_repeated' })
})
