import { expect, test } from 'vitest'
import { ConnectError } from '../../protocol/index.ts'
import type { SyncMode } from '../../sinks/sink.ts'
import { testDatabase, type TestDatabase } from '../support/postgres.ts'
import {
  begin,
  emittedAtMs,
  finish,
  load,
  sinkStream,
  sync,
  type StreamOptions,
} from './loading.ts'
import { longTest, usually } from '../support/long.ts'

const columns = { id: 'integer', name: 'string' } as const
const modes: readonly SyncMode[] = ['append', 'append_dedup', 'overwrite', 'overwrite_dedup']
const old = [
  { id: 1, name: 'old' },
  { id: 2, name: 'old' },
]
const renewed = [
  { id: 1, name: 'new' },
  { id: 2, name: 'new' },
  { id: 3, name: 'new' },
]

function streamOf(mode: SyncMode, options: StreamOptions = {}): ReturnType<typeof sinkStream> {
  return sinkStream(columns, { mode, key: ['id'], ...options })
}

const leftOut = { code: 'destination_rows_left_out' }

/** A trigger that leaves out some rows. */
async function leaveOut(db: TestDatabase, event: string, when = 'true'): Promise<void> {
  await db.query(
    `CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
  )
  await db.query(
    `CREATE TRIGGER "Gate" BEFORE ${event} ON things FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION leave_out()`,
  )
}

async function rowsOf(db: TestDatabase): Promise<unknown> {
  return db.query('SELECT id::int, name FROM things ORDER BY id')
}

test.each(usually(1, modes))(
  'a trigger that leaves out inserted rows fails %s, and nothing is lost',
  async (mode) => {
    await using db = await testDatabase()
    await sync(db, streamOf(mode), old)
    await leaveOut(db, 'INSERT', 'new.id = 3')
    const refused = sync(db, streamOf(mode), [{ id: 3, name: 'new' }])
    await expect(refused).rejects.toMatchObject({
      ...leftOut,
      message: expect.stringContaining('trigger "Gate"') as unknown,
      suggestedFix: expect.stringContaining('DISABLE TRIGGER "Gate"') as unknown,
    })
    expect(await rowsOf(db)).toEqual(old)
  },
)

test.each(
  usually(1, [
    ['INSERT', 'each key once', renewed],
    ['UPDATE', 'each key once', renewed],
    ['UPDATE', 'a key twice', [...renewed, ...renewed]],
  ]),
)(
  'a merge that a BEFORE %s trigger leaves rows out of fails, with %s',
  async (event, _, records) => {
    await using db = await testDatabase()
    await sync(db, streamOf('append_dedup'), old)
    await leaveOut(db, event, event === 'INSERT' ? 'new.id = 3' : 'new.id = 2')
    await expect(sync(db, streamOf('append_dedup'), records)).rejects.toMatchObject(leftOut)
    expect(await rowsOf(db)).toEqual(old)
  },
)

test('rows that are older than those of the table are left as they are, and no trigger is at fault', async () => {
  await using db = await testDatabase()
  const stream = streamOf('append_dedup', { cursor: 'name', syncMode: 'incremental' })
  await sync(db, stream, old)
  const begun = await begin(db, stream)
  const records = [
    { id: 1, name: 'a' },
    { id: 2, name: 'z' },
    { id: 3, name: 'b' },
  ]
  await load(db, begun, { records })
  expect(await rowsOf(db)).toEqual([{ id: 1, name: 'old' }, ...records.slice(1)])
})

longTest('an older row does not hide one that a trigger leaves out', async () => {
  await using db = await testDatabase()
  const stream = streamOf('append_dedup', { cursor: 'name', syncMode: 'incremental' })
  await sync(db, stream, old)
  await leaveOut(db, 'UPDATE', 'new.id = 2')
  const begun = await begin(db, stream)
  const records = [
    { id: 1, name: 'a' },
    { id: 2, name: 'z' },
  ]
  await expect(load(db, begun, { records })).rejects.toMatchObject(leftOut)
})

/** A trigger that gives back what is there, so that an update changes nothing and is counted all the same. */
async function keepOld(db: TestDatabase, body = 'RETURN OLD'): Promise<void> {
  await db.query(
    `CREATE FUNCTION keep_old() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN ${body}; END';
     CREATE TRIGGER "Keep" BEFORE UPDATE ON things FOR EACH ROW WHEN (old.id = 2) EXECUTE FUNCTION keep_old()`,
  )
}

test.each(
  usually(1, [
    ['each key once', {}, renewed],
    ['a key twice', {}, [...renewed, ...renewed]],
    ['minimal metadata', { metadata: 'minimal' }, renewed],
  ] as const),
)(
  'a BEFORE UPDATE trigger that returns the old row fails the merge, with %s',
  async (_, options, records) => {
    await using db = await testDatabase()
    const stream = streamOf('append_dedup', options)
    await sync(db, stream, old)
    await keepOld(db)
    const begun = await begin(db, stream)
    await expect(load(db, begun, { records, ms: emittedAtMs + 1 })).rejects.toMatchObject({
      ...leftOut,
      message: expect.stringContaining('accepted 2 of 3 row changes: trigger "Keep"') as unknown,
      suggestedFix: expect.stringContaining('DISABLE TRIGGER "Keep"') as unknown,
    })
    expect(await rowsOf(db)).toEqual(old)
    await db.query('ALTER TABLE things DISABLE TRIGGER "Keep"')
    await load(db, begun, { records, ms: emittedAtMs + 1 })
    expect(await rowsOf(db)).toEqual(renewed)
  },
)

longTest('a partition whose trigger returns the old row fails the merge', async () => {
  await using db = await testDatabase()
  await db.query(
    `CREATE TABLE things (id bigint, name text) PARTITION BY RANGE (id);
     CREATE TABLE all_things PARTITION OF things DEFAULT`,
  )
  await sync(db, streamOf('append_dedup'), old)
  await keepOld(db)
  await db.query(
    `DROP TRIGGER "Keep" ON things;
     CREATE TRIGGER "Keep" BEFORE UPDATE ON all_things FOR EACH ROW EXECUTE FUNCTION keep_old()`,
  )
  const begun = await begin(db, streamOf('append_dedup'))
  const loading = load(db, begun, { records: renewed, ms: emittedAtMs + 1 })
  await expect(loading).rejects.toMatchObject(leftOut)
})

test('a BEFORE UPDATE trigger that keeps a value, and a record that comes again as it is, are no problem', async () => {
  await using db = await testDatabase()
  const stream = streamOf('append_dedup')
  await sync(db, stream, old)
  await keepOld(db, 'NEW.name = OLD.name; RETURN NEW')
  for (let run = 0; run < 2; run++) {
    const begun = await begin(db, stream)
    await load(db, begun, { records: renewed, ms: emittedAtMs + 1 })
    await finish(db, begun)
  }
  expect(await rowsOf(db)).toEqual([renewed[0], old[1], renewed[2]])
})

test.each(usually(1, ['full', 'minimal'] as const))(
  'a BEFORE UPDATE trigger that keeps the time of the old row leaves nothing out, with %s metadata',
  async (metadata) => {
    await using db = await testDatabase()
    const stream = streamOf('append_dedup', { metadata })
    await sync(db, stream, old)
    await keepOld(db, 'NEW._airbyte_extracted_at = OLD._airbyte_extracted_at; RETURN NEW')
    for (let run = 1; run < 3; run++) {
      const begun = await begin(db, stream)
      await load(db, begun, { records: renewed, ms: emittedAtMs + run })
      await finish(db, begun)
    }
    expect(await rowsOf(db)).toEqual(renewed)
  },
)

const byOtherKey = 'NEW.id = NEW.id + 100; RETURN NEW'

test.each(
  usually(1, [
    ['each key once', renewed],
    ['a key twice', [...renewed, ...renewed]],
    // The first version has left its key when the second one comes: nothing is refused by the server.
    ['only the changed key twice', [{ id: 2, name: 'newer' }, ...renewed]],
  ]),
)(
  'a BEFORE UPDATE trigger that gives rows a key of no record fails the merge, with %s',
  async (_, records) => {
    await using db = await testDatabase()
    const stream = streamOf('append_dedup')
    await sync(db, stream, old)
    await keepOld(db, byOtherKey)
    const begun = await begin(db, stream)
    await expect(load(db, begun, { records, ms: emittedAtMs + 1 })).rejects.toMatchObject({
      code: 'destination_key_unusable',
      message: expect.stringContaining(
        'trigger "Keep" gives rows another key than their records have',
      ) as unknown,
      suggestedFix: expect.stringContaining(
        '`ALTER TABLE "public"."things" DISABLE TRIGGER "Keep"`',
      ) as unknown,
    })
    expect(await rowsOf(db)).toEqual(old)
    await db.query('ALTER TABLE things DISABLE TRIGGER "Keep"')
    await load(db, begun, { records, ms: emittedAtMs + 1 })
    expect(await rowsOf(db)).toEqual(renewed)
  },
)

longTest(
  'a merge that was refused because of its trigger is refused again when newer versions have come',
  async () => {
    await using db = await testDatabase()
    const stream = streamOf('append_dedup')
    await sync(db, stream, old)
    await keepOld(db, byOtherKey)
    const versions = ['newer', 'newest'].map((name) => ({ id: 2, name }))
    for (const records of [versions.slice(0, 1), versions]) {
      const begun = await begin(db, stream)
      const loading = load(db, begun, { records, ms: emittedAtMs + 1 })
      await expect(loading).rejects.toMatchObject({ code: 'destination_key_unusable' })
      expect(await rowsOf(db)).toEqual(old)
    }
  },
)

longTest(
  'a trigger that gives different records one key is told, whether they come together or not',
  async () => {
    await using db = await testDatabase()
    const stream = streamOf('append_dedup')
    await sync(db, stream, [])
    await db.query(
      `CREATE FUNCTION round() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.id = NEW.id / 10 * 10; RETURN NEW; END';
     CREATE TRIGGER round BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION round()`,
    )
    const together = [
      { id: 21, name: 'a' },
      { id: 22, name: 'b' },
    ]
    const refused = await sync(db, stream, together).catch((error: unknown) => error)
    expect(refused).toMatchObject({
      code: 'destination_key_unusable',
      message: expect.stringContaining('trigger round') as unknown,
      suggestedFix: expect.stringContaining(
        '`ALTER TABLE "public"."things" DISABLE TRIGGER round`',
      ) as unknown,
    })
    expect(await rowsOf(db)).toEqual([])
    for (const record of together) {
      await expect(sync(db, stream, [record])).rejects.toMatchObject({
        code: 'destination_key_unusable',
      })
    }
    expect(await rowsOf(db)).toEqual([])
  },
)

longTest(
  'a trigger that gives records another key than their rows of before have is refused',
  async () => {
    await using db = await testDatabase()
    const stream = sinkStream(
      { id: 'string', name: 'string' },
      { mode: 'append_dedup', key: ['id'] },
    )
    await sync(db, stream, [{ id: 'ada', name: 'old' }])
    await db.query(
      `CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.id = upper(NEW.id); RETURN NEW; END';
     CREATE TRIGGER shout BEFORE INSERT OR UPDATE ON things FOR EACH ROW EXECUTE FUNCTION shout();
     INSERT INTO things (id) VALUES ('bob')`,
    )
    // The second key is there, so that the rows are merged.
    const records = ['ada', 'bob'].map((id) => ({ id, name: 'new' }))
    await expect(sync(db, stream, records)).rejects.toMatchObject({
      code: 'destination_key_unusable',
    })
    expect(await db.query('SELECT id, name FROM things ORDER BY id')).toEqual([
      { id: 'BOB', name: null },
      { id: 'ada', name: 'old' },
    ])
  },
)

/** A trigger with this body. */
async function change(db: TestDatabase, events: string, body: string): Promise<void> {
  await db.query(
    `CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN ${body}; RETURN NEW; END$$;
     CREATE TRIGGER touch BEFORE ${events} ON things FOR EACH ROW EXECUTE FUNCTION touch()`,
  )
}

const later = `NEW.name = 'zzz'`

test.each(
  usually(1, [
    ['UPDATE', 'sets a later cursor', 'name', later],
    ['INSERT', 'sets a later cursor', 'name', later],
    ['INSERT OR UPDATE', 'fills in a cursor', 'name', `NEW.name = coalesce(NEW.name, 'now')`],
    ['UPDATE', 'sets a later time', undefined, `NEW._airbyte_extracted_at = now()`],
    ['INSERT', 'sets a later time', undefined, `NEW._airbyte_extracted_at = 'infinity'`],
  ]),
)(
  'a BEFORE %s trigger that %s than the record has is refused: the next version would be taken for an older one',
  async (events, _, cursor, body) => {
    await using db = await testDatabase()
    const stream = streamOf('append_dedup', cursor === undefined ? {} : { cursor })
    await sync(db, stream, old)
    await change(db, events, body)
    const records = [
      { id: 2, name: 'old again' },
      { id: 3, name: 'new' },
      { id: 4, name: null },
    ]
    const begun = await begin(db, stream)
    const loading = load(db, begun, { records, ms: emittedAtMs + 1 })
    await expect(loading).rejects.toMatchObject({
      code: 'destination_key_unusable',
      message: expect.stringContaining(
        cursor === undefined
          ? 'trigger touch gives rows a later _airbyte_extracted_at than their records have'
          : 'trigger touch gives rows a later column "name" or _airbyte_extracted_at than their records have',
      ) as unknown,
      suggestedFix: expect.stringContaining(
        '`ALTER TABLE "public"."things" DISABLE TRIGGER touch`',
      ) as unknown,
    })
    expect(await rowsOf(db)).toEqual(old)
    await db.query('ALTER TABLE things DISABLE TRIGGER touch')
    await load(db, begun, { records, ms: emittedAtMs + 1 })
    expect(await rowsOf(db)).toEqual([old[0], ...records])
  },
)

test.each(
  usually(1, [
    ['an earlier cursor', `NEW.name = 'a'`],
    ['the cursor of before', `NEW.name = OLD.name`],
    ['an earlier time', `NEW._airbyte_extracted_at = '2000-01-01'`],
  ]),
)('a trigger that sets %s hides no newer version', async (_, body) => {
  await using db = await testDatabase()
  const stream = streamOf('append_dedup', { cursor: 'name', syncMode: 'incremental' })
  await sync(db, stream, old)
  await change(db, 'UPDATE', body)
  for (const [run, name] of ['p', 'q'].entries()) {
    const begun = await begin(db, stream)
    await load(db, begun, { records: [{ id: 1, name }], ms: emittedAtMs + run })
    await finish(db, begun)
  }
  await db.query('DROP TRIGGER touch ON things')
  const begun = await begin(db, stream)
  await load(db, begun, { records: [{ id: 1, name: 'r' }], ms: emittedAtMs + 2 })
  expect(await rowsOf(db)).toEqual([{ id: 1, name: 'r' }, old[1]])
})

longTest('the fix names the partition of a trigger, and all triggers and policies', async () => {
  await using db = await testDatabase()
  await db.query(
    `CREATE TABLE things (id bigint, name text) PARTITION BY RANGE (id);
     CREATE TABLE "All things" PARTITION OF things DEFAULT`,
  )
  await sync(db, streamOf('append_dedup'), old)
  await db.query(
    `CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
     CREATE TRIGGER "Gate" BEFORE UPDATE ON "All things" FOR EACH ROW EXECUTE FUNCTION leave_out();
     CREATE TRIGGER of_all BEFORE UPDATE ON things FOR EACH ROW WHEN (new.id = 2) EXECUTE FUNCTION leave_out()`,
  )
  const begun = await begin(db, streamOf('append_dedup'))
  const loading = load(db, begun, { records: renewed, ms: emittedAtMs + 1 })
  const fix: unknown = await loading.catch(
    (error: unknown) => ConnectError.from(error).suggestedFix,
  )
  expect(fix).toContain(
    '`ALTER TABLE "public"."All things" DISABLE TRIGGER "Gate"; ALTER TABLE "public"."things" DISABLE TRIGGER of_all`',
  )
  await db.query(/`([^`]+)`/.exec(String(fix))?.[1] ?? 'no statement')
  await load(db, begun, { records: renewed, ms: emittedAtMs + 1 })
  expect(await rowsOf(db)).toEqual(renewed)
})

longTest('the fix names nothing that had no part in it', async () => {
  await using db = await testDatabase()
  await db.query(
    `CREATE TABLE things (id bigint, name text) PARTITION BY RANGE (id);
     CREATE TABLE all_things PARTITION OF things DEFAULT`,
  )
  await sync(db, streamOf('append_dedup'), old)
  await leaveOut(db, 'INSERT', 'new.id = 3')
  // The table's own policies apply to others, those of a partition to statements that name it, and a DELETE
  // comes with no batch.
  await db.query(
    `CREATE POLICY of_table ON things USING (false);
     ALTER TABLE things ENABLE ROW LEVEL SECURITY;
     CREATE POLICY of_partition ON all_things USING (false);
     ALTER TABLE all_things ENABLE ROW LEVEL SECURITY;
     CREATE TRIGGER of_delete BEFORE DELETE ON things FOR EACH ROW EXECUTE FUNCTION leave_out()`,
  )
  const error = await sync(db, streamOf('append_dedup'), renewed).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({
    ...leftOut,
    message: expect.stringMatching(/: trigger "Gate" left out the others/) as unknown,
    suggestedFix: expect.stringContaining(
      'run `ALTER TABLE "public"."things" DISABLE TRIGGER "Gate"`',
    ) as unknown,
  })
})

longTest('deletes of a change stream that a trigger leaves out fail the stream', async () => {
  await using db = await testDatabase()
  const changes = { id: 'integer', name: 'string', _ab_cdc_deleted_at: 'timestamptz' } as const
  const stream = sinkStream(changes, { mode: 'append_dedup', key: ['id'] })
  await sync(db, stream, old)
  await leaveOut(db, 'DELETE')
  const records = [
    { id: 1, _ab_cdc_deleted_at: '2026-01-01T00:00:00Z' },
    { id: 3, name: 'new' },
  ]
  await expect(sync(db, stream, records)).rejects.toMatchObject(leftOut)
  await db.query('DROP TRIGGER "Gate" ON things')
  await sync(db, stream, records)
  expect(await rowsOf(db)).toEqual([old[1], { id: 3, name: 'new' }])
})

test.each(usually(1, ['overwrite', 'overwrite_dedup'] as const))(
  'the exchange of %s that a BEFORE DELETE trigger leaves rows in fails',
  async (mode) => {
    await using db = await testDatabase()
    await sync(db, streamOf(mode), old)
    await leaveOut(db, 'DELETE', 'old.id = 2')
    const begun = await begin(db, streamOf(mode))
    await load(db, begun, { records: renewed })
    await expect(finish(db, begun)).rejects.toMatchObject(leftOut)
    expect(await rowsOf(db)).toEqual(old)
  },
)

longTest('duplicates that a trigger leaves in are not taken for removed', async () => {
  await using db = await testDatabase()
  await sync(db, streamOf('append'), [...old, ...old])
  await leaveOut(db, 'DELETE')
  await expect(begin(db, streamOf('append_dedup'))).rejects.toMatchObject(leftOut)
})

test.each(
  usually(1, [
    ['append_dedup', 'ON INSERT', 'INSTEAD NOTHING'],
    ['append_dedup', 'ON UPDATE', 'ALSO NOTIFY changed'],
    ['overwrite', 'ON INSERT', 'INSTEAD NOTHING'],
    ['overwrite', 'ON DELETE', 'INSTEAD NOTHING'],
    ['overwrite_dedup', 'ON DELETE', 'INSTEAD NOTHING'],
  ] as const),
)('%s refuses a table with a rule %s DO %s', async (mode, event, action) => {
  await using db = await testDatabase()
  await sync(db, streamOf(mode), old)
  await db.query(`CREATE RULE "My rule" AS ${event} TO things DO ${action}`)
  await expect(begin(db, streamOf(mode))).rejects.toMatchObject({
    code: 'destination_rule_unsupported',
    message:
      'Rule "My rule" of "public"."things" rewrites the statements that a run loads its rows with',
  })
  expect(await rowsOf(db)).toEqual(old)
})

test.each(usually(1, ['overwrite', 'append_dedup'] as const))(
  'a rule that comes while %s loads leaves no row out without an error',
  async (mode) => {
    await using db = await testDatabase()
    await sync(db, streamOf(mode), old)
    const begun = await begin(db, streamOf(mode))
    await db.query('CREATE RULE gate AS ON INSERT TO things DO INSTEAD NOTHING')
    const loading = load(db, begun, { records: renewed }).then(() => finish(db, begun))
    await expect(loading).rejects.toThrow()
    expect(await rowsOf(db)).toEqual(old)
  },
)

test.each(usually(1, modes))(
  'a rule that is disabled, and a trigger that changes rows, are no problem for %s',
  async (mode) => {
    await using db = await testDatabase()
    await sync(db, streamOf(mode), old.slice(0, 1))
    await db.query('CREATE RULE gate AS ON INSERT TO things DO INSTEAD NOTHING')
    await db.query('ALTER TABLE things DISABLE RULE gate')
    await db.query(
      `CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name = upper(NEW.name); RETURN NEW; END'`,
    )
    await db.query(
      'CREATE TRIGGER shout BEFORE INSERT OR UPDATE ON things FOR EACH ROW EXECUTE FUNCTION shout()',
    )
    await sync(db, streamOf(mode), renewed)
    expect(await db.query('SELECT DISTINCT name FROM things WHERE id > 1')).toEqual([
      { name: 'NEW' },
    ])
  },
)
