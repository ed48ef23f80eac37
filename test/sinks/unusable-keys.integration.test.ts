import { describe, expect, test } from 'vitest'
import { ConnectError } from '../../protocol/index.ts'
import { readProduction } from '../../sinks/postgres/sandbox/production.ts'
import { DestinationSession } from '../../sinks/postgres/session.ts'
import type { SinkStream, SyncMode } from '../../sinks/sink.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import { begin, sinkStream, sync } from './loading.ts'
import { longTest, usually } from '../support/long.ts'

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

describe.each(usually(1, ['append_dedup', 'overwrite_dedup'] as const))('with %s', (mode) => {
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

  test.each(
    usually(1, [
      ['RANGE (v)', 'it is partitioned by "v"'],
      ['RANGE ((id + 1))', 'it is partitioned by an expression'],
    ]),
  )('a table with PARTITION BY %s is told in our own words', async (partition, problem) => {
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

test.each(
  usually(1, [
    ['BEFORE INSERT OR UPDATE', 'new.id := 7', [{ id: 1 }, { id: 2 }, { id: 3 }]],
    ['BEFORE UPDATE', 'new.id := 8', [{ id: 7 }, { id: 8 }]],
  ]),
)('a trigger %s that changes the key (%s) is told', async (when, body, records) => {
  await using db = await testDatabase()
  await sync(db, keyed(), [{ id: 7 }, { id: 8 }])
  await triggered(db, when, body)
  const error = await refusal(sync(db, keyed(), records))
  expect(error).toMatchObject({ code: 'destination_key_unusable' })
  expect(error.message).toBe(
    '"public"."things" cannot keep the newest row of each primary key: trigger change sets the key of rows to the key of other rows',
  )
  expect(error.suggestedFix).toContain('`ALTER TABLE "public"."things" DISABLE TRIGGER change`')
  expect(await db.query('SELECT id::int FROM things ORDER BY id')).toEqual([{ id: 7 }, { id: 8 }])
})

test.each(usually(1, ['append_dedup', 'overwrite_dedup'] as const))(
  'a trigger of a partition that sets the key of another row is told: %s',
  async (mode) => {
    await using db = await testDatabase()
    await db.query(
      `CREATE TABLE things (id bigint, v text) PARTITION BY RANGE (id);
       CREATE TABLE low PARTITION OF things DEFAULT`,
    )
    await sync(db, keyed(mode), [{ id: 7 }, { id: 8 }])
    await db.query(
      `CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.id := 8; RETURN NEW; END';
       CREATE TRIGGER change BEFORE INSERT OR UPDATE ON low FOR EACH ROW EXECUTE FUNCTION change()`,
    )
    expect(await refusal(sync(db, keyed(mode), [{ id: 7 }, { id: 8 }]))).toMatchObject({
      code: 'destination_key_unusable',
      message:
        '"public"."things" cannot keep the newest row of each primary key: trigger change sets the key of rows to the key of other rows',
      suggestedFix: expect.stringContaining(
        '`ALTER TABLE "public"."low" DISABLE TRIGGER change`',
      ) as unknown,
    })
    expect(await db.query('SELECT id::int FROM things ORDER BY id')).toEqual([{ id: 7 }, { id: 8 }])
  },
)

longTest(
  'a unique index of a partition that is not of the key stays a constraint of the user',
  async () => {
    await using db = await testDatabase()
    await db.query(
      `CREATE TABLE things (id bigint, v text) PARTITION BY RANGE (id);
     CREATE TABLE low PARTITION OF things DEFAULT;
     CREATE UNIQUE INDEX own ON low (v)`,
    )
    await sync(db, keyed(), [])
    await triggered(db, 'BEFORE INSERT OR UPDATE', `new.v := 'same'`)
    const error = await refusal(sync(db, keyed(), [{ id: 7 }, { id: 8 }]))
    expect(error).toMatchObject({ code: 'destination_constraint_violated' })
    expect(error.message).toContain('"own"')
  },
)

const changesKey = {
  code: 'destination_key_unusable',
  message:
    '"public"."things" cannot keep the newest row of each primary key: trigger change gives rows another key than their records have',
}
const leavesPartition = {
  code: 'destination_partition_missing',
  message:
    'No partition of "public"."things" accepts a record: trigger change gives rows values of another partition',
}

test.each(
  usually(2, [
    ['UPDATE', 'low', 'append_dedup'],
    ['UPDATE', 'things', 'append_dedup'],
    ['INSERT', 'low', 'append_dedup'],
    ['INSERT', 'things', 'append_dedup'],
    ['INSERT', 'low', 'append'],
    ['INSERT', 'low', 'overwrite'],
  ] as const),
)(
  'a trigger BEFORE %s on %s that gives rows values of another partition is named: %s',
  async (event, table, mode) => {
    const [id, expected] = event === 'UPDATE' ? [1, changesKey] : [2, leavesPartition]
    const record = { id, v: 'new' }
    await using db = await testDatabase()
    await db.query(
      `CREATE TABLE things (id bigint, v text) PARTITION BY RANGE (id);
       CREATE TABLE low PARTITION OF things FOR VALUES FROM (0) TO (100);
       CREATE TABLE high PARTITION OF things FOR VALUES FROM (100) TO (1000)`,
    )
    await sync(db, keyed(mode), [{ id: 1, v: 'old' }])
    await db.query(
      `CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.id := NEW.id + 100; RETURN NEW; END';
       CREATE TRIGGER change BEFORE ${event} ON ${table} FOR EACH ROW EXECUTE FUNCTION change();
       ${table === 'low' ? 'CREATE TRIGGER unconcerned BEFORE INSERT ON high FOR EACH ROW WHEN (false) EXECUTE FUNCTION change()' : ''}`,
    )
    const error = await refusal(sync(db, keyed(mode), [record]))
    const { code, message, suggestedFix } = error
    expect({ code, message }).toEqual(expected)
    const [, statement] = /`([^`]+)`/.exec(suggestedFix) ?? []
    expect(statement).toBe(`ALTER TABLE "public"."${table}" DISABLE TRIGGER change`)
    expect(await db.query('SELECT id::int, v FROM things')).toEqual([{ id: 1, v: 'old' }])
    await db.query(statement ?? 'none')
    await sync(db, keyed(mode), [record])
    expect(await db.query('SELECT v FROM things WHERE id = $1', [id])).toEqual([{ v: 'new' }])
  },
)

longTest(
  'a table that is itself a partition is told to be one, and not to have partitions of its own',
  async () => {
    await using db = await testDatabase()
    await sync(db, keyed('append'), [])
    await db.query(
      `CREATE TABLE all_things (LIKE things) PARTITION BY RANGE (id);
     ALTER TABLE all_things ATTACH PARTITION things FOR VALUES FROM (0) TO (100)`,
    )
    const error = await refusal(sync(db, keyed('append'), [{ id: 100, v: 'a' }]))
    expect(error).toMatchObject({ code: 'destination_partition_missing' })
    expect(error.message).toContain('it is itself a partition, for other values')
    expect(error.suggestedFix).toContain('`ALTER TABLE … DETACH PARTITION "public"."things"`')
    expect(error.suggestedFix).not.toContain('PARTITION OF')
  },
)

longTest(
  'a CHECK of a domain that an overwrite violates names the table, and not where rows are gathered',
  async () => {
    await using db = await testDatabase()
    await db.query(
      `CREATE DOMAIN short AS text CHECK (length(value) < 3);
     CREATE TABLE things (id bigint, v short)`,
    )
    const error = await refusal(sync(db, keyed('overwrite'), [{ id: 1, v: 'long' }]))
    expect(error).toMatchObject({
      code: 'destination_constraint_violated',
      details: { object: '"public"."things"' },
    })
    expect(error.message).toContain(
      'constraint "short_check" of domain "public"."short", the type of a column of "public"."things"',
    )
    expect(`${error.message} ${error.suggestedFix}`).not.toContain('__stage_')
  },
)

longTest(
  'a sandbox is told the same before a run: of a renamed key, and of rows that would come twice',
  async () => {
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
  },
)
