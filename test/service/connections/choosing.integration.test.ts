import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { functionsServer, mapping, type FunctionsServer } from '../../fakes/functions-service.ts'
import { reactor } from '../../cli/service-command-line.ts'
import { startCommand } from '../../e2e/command.ts'
import { dumpOf, topicsOf } from '../../support/all-texts.ts'
import { newFolder } from '../../support/new-folder.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'
import { runFile } from '../../support/run-file.ts'
import { TestApi } from '../../support/test-api.ts'
import { runToEnd } from '../../support/test-service.ts'
import { longTest, usually } from '../../support/long.ts'

/** Values that no place behind the read worker may have. */
const secrets = [
  'ada.lovelace@example.com',
  'bob.planted@example.com',
  '1705550199',
  '1705550188',
  '078-05-1120',
  'planted note',
  'Filtered Person',
]

const people = `
  id int PRIMARY KEY, email text NOT NULL, name text, phone text, ssn text, note text, status text,
  total_cents bigint, region text, deleted_at timestamptz, updated_at timestamptz NOT NULL`

async function createPeople(source: TestDatabase): Promise<void> {
  for (const table of ['chosen', 'filtered', 'masked', 'keyed']) {
    await source.query(`CREATE TABLE ${table} (${people})`)
    await source.query(`INSERT INTO ${table} VALUES
      (1, 'ada.lovelace@example.com', 'Ada', '+49 1705550199', '078-05-1120', 'planted note', 'paid', 1000, 'eu', NULL, '2026-01-01Z'),
      (2, 'bob.planted@example.com', 'Bob', NULL, NULL, NULL, 'paid', 1500, 'us', NULL, '2026-01-02Z'),
      (3, 'bob.planted@example.com', 'Filtered Person', '1705550188', '', 'planted note', 'open', 9000, 'eu', NULL, '2026-01-03Z'),
      (4, 'ada.lovelace@example.com', 'Filtered Person', '1', '', '', 'paid', 5000, 'eu', '2026-01-01Z', '2026-01-04Z'),
      (5, 'ada.lovelace@example.com', 'Filtered Person', '1', '', '', 'paid', NULL, 'eu', NULL, '2026-01-05Z')`)
  }
  await source.query(
    `ALTER TABLE keyed DROP CONSTRAINT keyed_pkey, ADD PRIMARY KEY (id, email);
     COMMENT ON TABLE chosen IS 'people'; CREATE INDEX chosen_region ON chosen (region);
     ALTER TABLE filtered ADD CONSTRAINT region_known CHECK (region <> ''), ALTER name SET DEFAULT 'nobody', ALTER status SET DEFAULT 'open';
     CREATE INDEX filtered_region ON filtered (region); CREATE INDEX masked_email ON masked (email);
     COMMENT ON COLUMN keyed.email IS 'their address'`,
  )
}

const where = `status = 'paid' and total_cents >= 1000 and region in ('eu', 'us') and deleted_at is null and email like '%@example.com'`

/** One of each: the stream's fields, as all clients take them, and the rows that come of it. */
const streams = [
  {
    name: 'chosen',
    columns: ['id', 'region'],
    rename: { region: 'market' },
    where: "name not like 'Filtered%'",
    sync_mode: 'full_refresh',
    with: ['comments'],
  },
  {
    name: 'filtered',
    columns: { exclude: ['note', 'phone', 'ssn', 'email', 'updated_at'] },
    where,
  },
  {
    name: 'masked',
    where,
    columns: { include: ['id', 'email', 'phone', 'ssn', 'note', 'name'] },
    mask: { email: 'hash', phone: { keep_last: 2 }, ssn: null, note: { constant: 'hidden' } },
    table: 'people_masked',
  },
  {
    name: 'keyed',
    columns: ['id', 'email', 'updated_at'],
    rename: { email: 'person', updated_at: 'changed_at' },
    mask: { email: 'hash' },
    where,
    cursor_field: 'updated_at',
    sync_mode: 'incremental',
    destination_sync_mode: 'append_dedup',
  },
] as const

function expected(hash: (text: string) => string): Readonly<Record<string, readonly object[]>> {
  const paid = { status: 'paid', deleted_at: null }
  return {
    raw_chosen: [
      { id: 1, market: 'eu' },
      { id: 2, market: 'us' },
    ],
    raw_filtered: [
      { id: 1, name: 'Ada', region: 'eu', total_cents: 1000, ...paid },
      { id: 2, name: 'Bob', region: 'us', total_cents: 1500, ...paid },
    ],
    people_masked: [
      {
        id: 1,
        email: hash('ada.lovelace@example.com'),
        name: 'Ada',
        note: 'hidden',
        phone: '****99',
        ssn: null,
      },
      {
        id: 2,
        email: hash('bob.planted@example.com'),
        name: 'Bob',
        note: 'hidden',
        phone: null,
        ssn: null,
      },
    ],
    raw_keyed: [
      { changed_at: '2026-01-01T00:00:00+00:00', id: 1, person: hash('ada.lovelace@example.com') },
      { changed_at: '2026-01-02T00:00:00+00:00', id: 2, person: hash('bob.planted@example.com') },
    ],
  }
}

/** The definitions that the tables get with `options.with`, or with the stream's own. */
const expectedDefinitions = [
  'people_masked CREATE INDEX masked_email ON people_masked USING btree (email)',
  'raw_chosen people',
  "raw_filtered CHECK ((region <> ''::text))",
  'raw_filtered CREATE INDEX filtered_region ON raw_filtered USING btree (region)',
  "raw_filtered name 'nobody'::text",
  "raw_filtered status 'open'::text",
  'raw_keyed their address',
]

async function definitionsOf(database: TestDatabase, schema: string): Promise<readonly string[]> {
  const rows = await database.query(
    `SELECT c.relname || ' ' || d.text AS text FROM pg_class c CROSS JOIN LATERAL (
       SELECT pg_get_indexdef(indexrelid) AS text FROM pg_index WHERE indrelid = c.oid AND NOT indisunique
       UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c'
       UNION ALL SELECT description FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid = c.oid
       UNION ALL SELECT a.attname || ' ' || pg_get_expr(adbin, adrelid) FROM pg_attrdef JOIN pg_attribute a ON attrelid = adrelid AND attnum = adnum
        WHERE adrelid = c.oid) d
      WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' ORDER BY 1`,
    [schema],
  )
  return rows.map(({ text }) => String(text).replaceAll(`${schema}.`, ''))
}

async function rowsOf(database: TestDatabase, schema: string): Promise<object> {
  const tables = await database.query(
    'SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 ORDER BY 1',
    [schema],
  )
  const rows = tables.map(async ({ name }) => {
    const found = await database.query(
      `SELECT to_jsonb(t) - '_airbyte_raw_id' - '_airbyte_extracted_at' - '_airbyte_meta' - '_airbyte_generation_id' AS row
         FROM ${schema}."${String(name)}" t ORDER BY id`,
    )
    return [String(name), found.map(({ row }) => row)] as const
  })
  return Object.fromEntries(await Promise.all(rows))
}

let api: TestApi
let source: TestDatabase
let functions: FunctionsServer
let folder: string
let key: string
const hashOf = (text: string): string => createHmac('sha256', key).update(text).digest('hex')

beforeAll(async () => {
  source = await testDatabase()
  await source.query(`SET TIME ZONE 'UTC'`)
  await createPeople(source)
  functions = await functionsServer(mapping((record) => record))
  api = await TestApi.start({
    logLevel: 'trace',
    environment: {
      REACTOR_CONNECT_KAFKA_BROKERS: inject('kafkaBrokers').join(','),
      REACTOR_CONNECT_FUNCTIONS_URL: functions.url,
      REACTOR_CONNECT_FUNCTIONS_API_KEY: functions.apiKey,
    },
  })
  folder = await newFolder('choosing')
  const { instances, connections } = api.service
  await instances.create({ name: 'people', type: 'postgres', config: { ...source.address } })
  // The first connection that needs the key makes it.
  await connections.create({
    name: 'first',
    from: 'people',
    destination: 'data:first',
    streams: [{ name: 'masked', columns: ['id', 'email'], mask: { email: 'hash' } }],
    activate: true,
  })
  api.test.work()
  await runTo('first')
  const stored = await api.vault.get('masks/hash-key')
  key = z.object({ key: z.string() }).parse(stored?.secrets).key
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await functions[Symbol.asyncDispose]()
  await source[Symbol.asyncDispose]()
})

async function runTo(connection: string): Promise<Awaited<ReturnType<typeof runToEnd>>> {
  const { runs } = api.service
  const run = await runToEnd(runs, await runs.start(connection))
  expect(run).toMatchObject({ status: 'complete' })
  return run
}

const options = {
  table: 'raw_{stream}',
  with: ['indexes', 'constraints', 'defaults', 'comments'],
} as const

const clients: Readonly<Record<string, (name: string) => Promise<void>>> = {
  'a run file': async (name) => {
    const { database, host, password, port, user } = api.database.address
    await using file = await runFile({
      connection: name,
      source: { type: 'postgres', config: source.address },
      destination: {
        type: 'postgres',
        config: { database, host, password, port, user, ssl: 'disable', schema: name },
      },
      ...options,
      mask_key: '${MASK_KEY}',
      streams,
    })
    const end = await startCommand(['connect', 'run', file.path], {
      environment: { HOME: folder, MASK_KEY: key },
      program: join(import.meta.dirname, '../../../cli/main.ts'),
    }).end
    for (const secret of [...secrets, key]) expect(end.out + end.err).not.toContain(secret)
    expect(end).toMatchObject({ code: 0 })
  },
  'the API': async (name) => {
    const body = {
      name,
      from: 'people',
      destination: `data:${name}`,
      streams,
      options,
      activate: true,
    }
    const { status, body: made } = await api.call('POST /connections', body)
    expect(made).toMatchObject({ streams, options })
    expect(status).toBe(201)
    await runTo(name)
  },
  'the CLI': async (name) => {
    const argv = ['connect', 'connections', 'create', name, '--from', 'people']
    const dest = ['--dest', `data:${name}`, '--activate', '--table', options.table]
    const more = ['--with', options.with.join(','), '--stream-config', JSON.stringify(streams)]
    const end = await reactor([...argv, ...dest, ...more], {
      environment: { HOME: folder, REACTOR_CONNECT_URL: api.url, REACTOR_CONNECT_API_KEY: api.key },
    })
    expect(end).toMatchObject({ code: 0, err: '' })
    await runTo(name)
  },
  'a typed client': async (name) => {
    const { body } = await api.call('GET /instances/people/codegen')
    const file = join(folder, 'client.ts')
    await writeFile(file, z.string().parse(body))
    const program = join(folder, 'program.ts')
    await writeFile(
      program,
      `import { createClient } from ${JSON.stringify(pathToFileURL(file).href)}
       const client = createClient({ baseUrl: process.env.URL, apiKey: process.env.KEY })
       await client.connections.create(${JSON.stringify({
         name,
         destination: `data:${name}`,
         options,
         activate: true,
         streams: streams.map(({ name: stream, ...choice }) => ({
           stream: `public.${stream}`,
           ...camelCase(choice),
         })),
       })})`,
    )
    const end = await startCommand([], { environment: { URL: api.url, KEY: api.key }, program }).end
    expect(end).toMatchObject({ code: 0, err: '' })
    await runTo(name)
  },
}

function camelCase(fields: object): object {
  const names: Readonly<Record<string, string>> = {
    cursor_field: 'cursorField',
    sync_mode: 'syncMode',
    destination_sync_mode: 'destinationSyncMode',
  }
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [names[name] ?? name, value]),
  )
}

describe('the same streams have the same rows', () => {
  test.each(usually(2, Object.entries(clients)))('through %s', async (client, run) => {
    const name = client.replaceAll(' ', '_').toLowerCase()
    await run(name)
    expect(await rowsOf(api.database, name)).toEqual(expected(hashOf))
    expect(await definitionsOf(api.database, name)).toEqual(expectedDefinitions)
  })

  longTest(
    'and nothing of what is hidden is anywhere, through Kafka and in a sandbox too',
    async () => {
      const body = {
        name: 'through-kafka',
        from: 'people',
        destination: 'data:through_kafka',
        streams: [
          { ...streams[2], transform: 'function:same' },
          ...[streams[1], streams[3]],
          { ...streams[0], destination_sync_mode: 'append' },
        ],
        options: { ...options, log: 'kafka', framing: 'record' },
      }
      expect((await api.call('POST /connections', body)).status).toBe(201)
      const { body: sandbox } = await api.call('POST /connections/through-kafka/sandbox', {})
      await api.call('POST /connections/through-kafka/activate')
      const run = await runTo('through-kafka')
      expect(await rowsOf(api.database, 'through_kafka')).toEqual(expected(hashOf))
      await source.query(
        `INSERT INTO keyed SELECT id + 10, email, 'Filtered Person', phone, ssn, note, status, total_cents, region, deleted_at, updated_at + interval '10 days' FROM keyed`,
      )
      const { body: again } = await api.call('POST /connections/through-kafka/sandbox', {})
      expect(JSON.stringify(again)).toContain(hashOf('ada.lovelace@example.com'))
      await runTo('through-kafka')
      const places = {
        destinationAndMetadata: await dumpOf(api.database),
        topics: await topicsOf(inject('kafkaBrokers'), 'connect.through-kafka'),
        log: api.logLines.join('\n'),
        sandbox: JSON.stringify([sandbox, again, run]),
        functions: functions.calls.map(({ text }) => text).join('\n'),
      }
      expect(places.functions).toContain('****99')
      for (const [place, text] of Object.entries(places))
        for (const secret of [...secrets, key])
          expect(text.includes(secret) && `${secret} in ${place}`).toBe(false)
      expect(places.destinationAndMetadata).toContain(hashOf('ada.lovelace@example.com'))
    },
  )
})

const rowsOfRange = `SELECT id, body FROM %s.ranged ORDER BY id, body`

test.each(['embedded', 'kafka'] as const)(
  'a range that is read again over HTTP comes once into the table, through the log %s',
  async (log) => {
    const { connections } = api.service
    const name = `range_${log}`
    const route = `POST /connections/${name}/reset-range`
    await source.query(
      `DROP TABLE IF EXISTS ranged; CREATE TABLE ranged (id int PRIMARY KEY, body text, at timestamptz);
       INSERT INTO ranged SELECT i, 'first', timestamptz '2026-01-01Z' + i * interval '1 day' FROM generate_series(0, 9) i`,
    )
    const stream = {
      name: 'ranged',
      syncMode: 'incremental',
      destinationSyncMode: 'append_dedup',
      cursorField: 'at',
    } as const
    const place = { from: 'people', destination: `data:${name}`, options: { log } } as const
    await connections.create({ ...place, name, streams: [stream], activate: true })
    await runTo(name)
    // Written by something that does not set the cursor: no run sees it.
    await source.query(`UPDATE ranged SET body = 'later' WHERE id IN (3, 4)`)
    const range = { streams: ['public.ranged'], from: '2026-01-04', to: '2026-01-05T12:00:00Z' }
    const shown = {
      name: 'ranged',
      namespace: 'public',
      cursor_field: 'at',
      from: '2026-01-04 00:00:00+00',
      to: '2026-01-05 12:00:00+00',
      destination_sync_mode: 'append_dedup',
    }
    const { body: dry } = await api.call(route, { ...range, dry_run: true })
    expect(dry).toEqual({ dry_run: true, streams: [shown] })
    const readNow = async (): Promise<number> => (await runTo(name)).read
    expect(await readNow()).toBe(0)
    expect(await api.call(route, range)).toMatchObject({
      status: 200,
      body: { dry_run: false, streams: [shown] },
    })
    // Once, however often it is asked for.
    expect((await api.call(route, range)).status).toBe(200)
    expect(await readNow()).toBe(2)
    const expected = Array.from({ length: 10 }, (_, id) => {
      return { id, body: id === 3 || id === 4 ? 'later' : 'first' }
    })
    expect(await api.database.query(rowsOfRange.replace('%s', name))).toEqual(expected)
    expect(await readNow()).toBe(0)

    await connections.update(name, { streams: [{ ...stream, destinationSyncMode: 'append' }] })
    const refused = await api.call(route, range)
    expect(refused).toMatchObject({
      status: 422,
      body: { error: { code: 'stream_range_invalid' } },
    })
  },
)

test('a mask that comes later hides what sandboxes show, and a run says once that old rows stay', async () => {
  const { connections } = api.service
  await source.query(`CREATE TABLE later (id int PRIMARY KEY, email text, updated_at timestamptz)`)
  await source.query(
    `INSERT INTO later VALUES (1, 'ada.later@example.com', '2026-01-01Z'), (2, 'bob.later@example.com', '2026-01-02Z'), (3, 'cy.later@example.com', '2026-01-03Z')`,
  )
  const stream = {
    name: 'later',
    syncMode: 'incremental',
    destinationSyncMode: 'append_dedup',
    cursorField: 'updated_at',
  } as const
  const place = { name: 'later', from: 'people', destination: 'data:later' }
  await connections.create({ ...place, streams: [stream], activate: true })
  await runTo('later')
  await connections.update('later', { streams: [{ ...stream, mask: { email: { keep_last: 4 } } }] })
  await source.query(`UPDATE later SET updated_at = '2026-02-01Z' WHERE id = 1`)
  const { body } = await api.call('POST /connections/later/sandbox', {})
  const sandbox = JSON.stringify(body)
  expect(sandbox).toContain('{"column":"email","from":"***","to":"****.com"}')
  expect(sandbox).not.toContain('ada.later@example.com')
  const warning = '`where` or `mask` of public.later has changed'
  expect(sandbox).toContain(warning)
  const run = await runTo('later')
  expect(run.streams[0]?.warnings.join()).toContain(warning)
  expect(run.streams[0]?.warnings.join()).toContain(
    'reset the stream (`reactor connect connections reset later --streams public.later`)',
  )
  expect((await runTo('later')).streams[0]?.warnings).toEqual([])
  expect(await rowsOf(api.database, 'later')).toMatchObject({
    later: [
      { id: 1, email: '****.com' },
      { id: 2, email: 'bob.later@example.com' },
      // The row at the checkpoint is read again, since it is another one now.
      { id: 3, email: '****.com' },
    ],
  })
  await source.query('ALTER TABLE later RENAME email TO mail')
  const { runs } = api.service
  const failed = await runToEnd(runs, await runs.start('later'))
  expect(failed).toMatchObject({
    status: 'failed',
    error: { code: 'stream_column_not_found', details: { field: 'streams[0].mask.email' } },
  })
  expect(JSON.stringify(failed.error)).toContain('Did you mean `mail`?')
})

test('columns that exchange their names carry nothing past the rules, and only their streams fail', async () => {
  const { connections, runs } = api.service
  const name = 'exchanged'
  const columns = `id int PRIMARY KEY, email text, note text, is_test bool, is_paid bool, upd timestamptz`
  const tables = ['ex_merged', 'ex_whole', 'ex_filtered', 'ex_renamed', 'ex_sound']
  for (const table of tables) {
    await source.query(`CREATE TABLE ${table} (${columns})`)
    await source.query(
      `INSERT INTO ${table} VALUES (1, 'ann.swapped@example.com', 'note', false, true, '2026-01-01Z'), (2, 'Filtered Person', 'x', true, false, '2026-01-02Z')`,
    )
  }
  const merged = { name: 'ex_merged', cursorField: 'upd' }
  const filtered = { name: 'ex_filtered', columns: ['id', 'note'], where: 'not is_test' }
  const streams = [
    { ...merged, columns: ['id', 'email', 'note', 'upd'], mask: { email: 'hash' } },
    { name: 'ex_whole', columns: { exclude: ['email'] } },
    { ...filtered },
    { ...filtered, name: 'ex_renamed' },
    { name: 'ex_sound', columns: ['id', 'note'] },
  ] as const
  const place = { name, from: 'people', destination: `data:${name}` }
  await connections.create({
    ...place,
    streams,
    activate: true,
    options: { schemaDrift: 'ignore' },
  })
  await runTo(name)
  const exchange = (left: string, right: string): string =>
    `RENAME ${left} TO x; ALTER TABLE %s RENAME ${right} TO ${left}; ALTER TABLE %s RENAME x TO ${right}`
  for (const [table, change] of [
    ['ex_merged', exchange('email', 'note')],
    ['ex_whole', exchange('email', 'note')],
    ['ex_filtered', exchange('is_test', 'is_paid')],
    ['ex_renamed', 'RENAME is_test TO was_test'],
  ] as const) {
    await source.query(`ALTER TABLE ${table} ${change.replaceAll('%s', table)}`)
    await source.query(`UPDATE ${table} SET upd = upd + interval '1 year'`)
  }
  const outcome = async (): Promise<object> => {
    const run = await runToEnd(runs, await runs.start(name))
    const ends = run.streams.map(({ name: stream, status, error }) => {
      return [stream, error === null ? status : [error.code, error.details?.field]] as const
    })
    return { status: run.status, ...Object.fromEntries(ends) }
  }
  const failed = {
    status: 'partial',
    ex_merged: ['stream_rule_invalid', 'columns'],
    ex_whole: ['stream_rule_invalid', 'columns'],
    ex_filtered: ['stream_rule_invalid', 'where'],
    ex_renamed: ['stream_rule_invalid', 'streams[3].where'],
    ex_sound: 'complete',
  }
  expect(await outcome()).toEqual(failed)
  expect(await outcome()).toEqual(failed)
  const hasLeaked = async (): Promise<boolean> =>
    /ann\.swapped|Filtered Person/.test(await dumpOf(api.database))
  expect(await hasLeaked()).toBe(false)
  const [, , , renamed, sound] = streams
  await connections.update(name, {
    streams: [
      { ...merged, columns: ['id', 'note', 'upd'], mask: { note: 'hash' } },
      { name: 'ex_whole', columns: { exclude: ['note'] } },
      { ...filtered, where: 'not is_paid' },
      { ...renamed, where: 'not was_test' },
      sound,
    ],
    options: { schemaDrift: 'propagate' },
  })
  await runTo(name)
  expect(await hasLeaked()).toBe(false)
})

/** Later rules of a stream that was loaded in the clear, and the columns that they hide. */
const laterRules = [
  { rules: { columns: ['id', 'phone'] }, hides: ['ssn', 'email'] },
  { rules: { mask: { ssn: 'hash' }, rename: { ssn: 'ssn_hash' } }, hides: ['ssn'] },
  {
    rules: { mask: { email: 'hash' }, rename: { email: 'phone', phone: 'email' } },
    hides: ['email'],
  },
] as const

test('a sandbox shows no value of production that later rules hide', async () => {
  const { connections } = api.service
  await source.query(`CREATE TABLE clear (id int PRIMARY KEY, ssn text, email text, phone text)`)
  await source.query(
    `INSERT INTO clear SELECT i, 'ssn-' || i, 'email-' || i, 'phone-' || i FROM generate_series(1, 3) i`,
  )
  const stream = {
    name: 'clear',
    syncMode: 'full_refresh',
    destinationSyncMode: 'append_dedup',
  } as const
  const place = { name: 'clear', from: 'people', destination: 'data:clear' }
  await connections.create({ ...place, streams: [stream], activate: true })
  await runTo('clear')
  await source.query(`UPDATE clear SET phone = 'other-' || id WHERE id = 1`)
  // The destination's row stays as it is, since it is the newer one.
  await api.database.query(
    `UPDATE clear.clear SET _airbyte_extracted_at = '2999-01-01' WHERE id = 2`,
  )
  for (const { rules, hides } of laterRules) {
    await connections.update('clear', { streams: [{ ...stream, ...rules }] })
    const { body } = await api.call('POST /connections/clear/sandbox', {})
    const { id, report } = z
      .object({
        id: z.string(),
        report: z.object({ streams: z.array(z.object({ warnings: z.array(z.string()) })) }),
      })
      .parse(body)
    const warned = 'mask' in rules ? ['connections reset clear --streams'] : []
    // The column has another name now.
    if ('mask' in rules && 'ssn' in rules.mask)
      warned.push('`ALTER TABLE "clear"."clear" DROP COLUMN IF EXISTS "ssn"`')
    expect(report.streams.map(({ warnings }) => warnings)).toEqual([
      warned.map((text): unknown => expect.stringContaining(text)),
    ])
    const { body: rows } = await api.call(`GET /connections/clear/sandboxes/${id}/rows`)
    const shown = JSON.stringify([body, rows])
    for (const column of hides) expect(shown).not.toContain(`${column}-`)
    expect(shown).toContain('"***"')
    expect(shown).toContain('phone-3')
    if ('mask' in rules) expect(shown).toContain(hashOf(`${hides.join('')}-1`))
  }
})

const manifest = `version: 6.0.0
type: DeclarativeSource
check: { type: CheckStream, stream_names: [people] }
streams:
  - type: DeclarativeStream
    name: people
    primary_key: [email]
    retriever:
      type: SimpleRetriever
      requester:
        type: HttpRequester
        url_base: "{{ config['base_url'] }}"
        path: /people
        http_method: GET
      record_selector: { type: RecordSelector, extractor: { type: DpathExtractor, field_path: [] } }
    schema_loader:
      type: InlineSchemaLoader
      schema:
        type: object
        properties:
          email: { type: string }
          name: { type: string }
          phone: { type: [string, "null"] }
          total: { type: number }
          region: { type: string }
spec:
  type: Spec
  connection_specification:
    type: object
    required: [base_url]
    properties: { base_url: { type: string } }
`

test('a source over HTTP is filtered, masked and renamed in the read worker', async () => {
  const records = [
    {
      email: secrets[0],
      name: 'Ada',
      phone: '1705550199',
      total: 10.5,
      region: 'eu',
      home: 'planted note',
    },
    { email: secrets[1], name: 'Filtered Person', phone: '1705550188', total: 10.4, region: 'eu' },
    { email: secrets[1], name: 'Bob', phone: null, total: 99, region: 'us', home: 'planted note' },
  ]
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(records))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await mkdir(join(api.catalogDir, 'people-api'), { recursive: true })
    await writeFile(join(api.catalogDir, 'people-api', 'manifest.yaml'), manifest)
    const base_url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
    const { instances, connections } = api.service
    await instances.create({ name: 'people-api', type: 'people-api', config: { base_url } })
    await connections.create({
      name: 'over-http',
      from: 'people-api',
      destination: 'data:over_http',
      activate: true,
      options: { log: 'kafka' },
      streams: [
        {
          name: 'people',
          columns: ['email', 'name', 'phone'],
          rename: { email: 'id', name: 'called' },
          where: "total >= 10.5 and region in ('eu', 'us')",
          mask: { email: 'hash', phone: { keep_last: 3 } },
        },
      ],
    })
    const { body: sandbox } = await api.call('POST /connections/over-http/sandbox', {})
    await runTo('over-http')
    const rows = [
      { id: hashOf('ada.lovelace@example.com'), called: 'Ada', phone: '****199' },
      { id: hashOf('bob.planted@example.com'), called: 'Bob', phone: null },
    ]
    const loaded = await rowsOf(api.database, 'over_http')
    expect(loaded).toEqual({ people: expect.arrayContaining(rows) as unknown })
    const texts = [
      JSON.stringify(sandbox),
      await dumpOf(api.database),
      await topicsOf(inject('kafkaBrokers'), 'connect.over-http'),
      api.logLines.join('\n'),
    ]
    for (const secret of secrets)
      expect(texts.map((text) => text.includes(secret))).toEqual(texts.map(() => false))
  } finally {
    server.close()
    server.closeAllConnections()
  }
})
