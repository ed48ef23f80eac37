import { randomBytes } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { eventsOf, startRun, type CommandEnd } from '../cli/reactor-command.ts'
import { runHere } from '../cli/run-here.ts'
import { errorSection } from '../../protocol/index.ts'
import { calmRequestQueues } from '../../kafka/request-queue.ts'
import { createServedTopic, startKafka, testKafka } from '../support/kafka.ts'
import { testDatabase, type PostgresAddress, type TestDatabase } from '../support/postgres.ts'
import { mountSmallDisk } from '../support/small-disk.ts'
import { runFile } from '../support/run-file.ts'
import { longDescribe, longTest, usually } from '../support/long.ts'

/**
 * Mistakes of real sources, destinations and brokers. Each ends in an error that says what to do (or in a
 * rejected record that is counted) and loses nothing. The next run is complete once the user has followed the
 * error.
 */

// Concurrent: each has a database of its own, and waits for processes most of the time.
const options = { timeout: 120_000 }

interface Settings {
  readonly source?: Partial<PostgresAddress>
  readonly destination?: Partial<PostgresAddress>
  readonly connection?: string
  readonly [field: string]: unknown
}

/** From the `public` schema of a database to its `copy` schema. */
function shopFile(shop: TestDatabase, { source, destination, ...fields }: Settings = {}): object {
  return {
    connection: 'shop',
    source: { type: 'postgres', config: { ...shop.address, schemas: ['public'], ...source } },
    destination: {
      type: 'postgres',
      config: { ...shop.address, schema: 'copy', ...destination },
    },
    ...fields,
  }
}

async function createCustomers(shop: TestDatabase, rows = 500): Promise<void> {
  await shop.query('CREATE TABLE customers (id int PRIMARY KEY, email text, score int)')
  await shop.query(
    `INSERT INTO customers SELECT n, 'c' || n || '@example.com', n % 7 FROM generate_series(1, ${String(rows)}) n`,
  )
}

async function runOnce(document: object): Promise<CommandEnd> {
  await using file = await runFile(document)
  return await runHere(file.path, { args: ['--json'] })
}

/** The run is complete, and each row of the source is in the destination once, and nothing else. */
async function expectComplete(
  shop: TestDatabase,
  document: object,
  columns: string,
): Promise<void> {
  const end = await runOnce(document)
  expect(end, end.stderr).toMatchObject({ code: 0 })
  await expectEqualTables(shop, columns)
}

async function expectEqualTables(shop: TestDatabase, columns: string): Promise<void> {
  const [counts] = await shop.query(
    `SELECT (SELECT count(*)::int FROM (SELECT ${columns} FROM public.customers EXCEPT ALL SELECT ${columns} FROM copy.customers) x) AS lost,
            (SELECT count(*)::int FROM (SELECT ${columns} FROM copy.customers EXCEPT ALL SELECT ${columns} FROM public.customers) x) AS doubled`,
  )
  expect(counts).toEqual({ lost: 0, doubled: 0 })
}

/**
 * The error of the run or of its one stream that failed: with a fix, a page in the docs, and no stack trace.
 */
function failureOf(end: CommandEnd): { code: string; message: string } {
  const last = eventsOf(end).at(-1)
  const errors = [last?.error, ...(last?.streams ?? []).map(({ error }) => error)]
  const [error] = errors.filter((each) => each !== undefined)
  if (error === undefined) throw new Error(`no error: ${end.stdout}${end.stderr}`)
  expect(error.suggested_fix.length).toBeGreaterThan(10)
  expect(`${error.message} ${error.suggested_fix}`).not.toMatch(/\{\w+\}|undefined|\[object/)
  expect(errorSection(error.code)).toBeDefined()
  expect(end.stdout + end.stderr).not.toMatch(/^\s+at .*\.ts:\d+/m)
  return error
}

describe.concurrent('a source', options, () => {
  test('without a primary key is refused for dedup, and the other streams are loaded', async () => {
    await using shop = await testDatabase()
    await createCustomers(shop)
    await shop.query('CREATE TABLE notes (body text)')
    const streams = [{ name: 'notes', destination_sync_mode: 'overwrite_dedup' }, 'customers']
    const end = await runOnce(shopFile(shop, { streams }))
    expect(end.code).toBe(3)
    const { code, message } = failureOf(end)
    expect(code).toBe('stream_primary_key_missing')
    expect(message).toContain(
      'streams[0].destination_sync_mode: overwrite_dedup needs a primary key',
    )
    expect(
      await shop.query(
        "SELECT to_regclass('copy.notes') AS notes, to_regclass('copy.customers') IS NOT NULL AS customers",
      ),
    ).toEqual([{ notes: null, customers: true }])
  })

  test('without the cursor column is refused, with the columns that it has', async () => {
    await using shop = await testDatabase()
    await createCustomers(shop)
    const streams = [{ name: 'customers', sync_mode: 'incremental', cursor_field: 'scor' }]
    const end = await runOnce(shopFile(shop, { streams }))
    expect(end.code).toBe(2)
    const { code, message } = failureOf(end)
    expect(code).toBe('stream_column_not_found')
    expect(message).toContain('scor')
    expect(end.stdout).toContain('score')
  })

  longTest(
    'that loses its cursor column between two runs is refused and keeps its rows',
    async () => {
      await using shop = await testDatabase()
      await createCustomers(shop)
      const streams = [{ name: 'customers', cursor_field: 'id' }]
      await expectComplete(shop, shopFile(shop, { streams }), 'id, email')
      await shop.query('ALTER TABLE customers RENAME COLUMN id TO number')
      const end = await runOnce(shopFile(shop, { streams }))
      expect(end.code).toBe(2)
      expect(failureOf(end).code).toBe('stream_column_not_found')
      expect(await shop.query('SELECT count(*)::int AS rows FROM copy.customers')).toEqual([
        { rows: 500 },
      ])
    },
  )

  longTest(
    'with bytes that are no UTF-8 (SQL_ASCII) fails its stream, not the others',
    async () => {
      await using shop = await testDatabase()
      const ascii = `${shop.address.database}_ascii`
      await shop.query(
        `CREATE DATABASE ${ascii} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'`,
      )
      const source = new pg.Client({ ...shop.address, database: ascii, ssl: false })
      await source.connect()
      try {
        await source.query("SET client_encoding = 'SQL_ASCII'")
        await source.query('CREATE TABLE customers (id int PRIMARY KEY, email text)')
        await source.query(
          "INSERT INTO customers VALUES (1, 'ok'), (2, E'caf\\xe9 S3CRET'), (3, 'ok too')",
        )
        await source.query('CREATE TABLE good AS SELECT 1 AS id')
        const document = shopFile(shop, { source: { database: ascii } })
        const end = await runOnce(document)
        expect(end.code).toBe(3)
        expect(failureOf(end).code).toBe('source_encoding_invalid')
        expect(end.stdout + end.stderr).not.toContain('S3CRET')
        expect(await shop.query('SELECT id::int FROM copy.good')).toEqual([{ id: 1 }])
        await source.query("UPDATE customers SET email = E'caf\\xc3\\xa9' WHERE id = 2")
        expect(await runOnce(document)).toMatchObject({ code: 0 })
        expect(await shop.query('SELECT id::int, email FROM copy.customers ORDER BY id')).toEqual([
          { id: 1, email: 'ok' },
          { id: 2, email: 'café' },
          { id: 3, email: 'ok too' },
        ])
      } finally {
        await source.end()
        await shop.query(`DROP DATABASE ${ascii} WITH (FORCE)`)
      }
    },
  )
})

describe.concurrent('a destination', options, () => {
  test('in which the role may not create tables says which right to grant', async () => {
    await using shop = await testDatabase()
    await createCustomers(shop)
    const role = `loader_${randomBytes(4).toString('hex')}`
    await shop.query(`CREATE ROLE ${role} LOGIN PASSWORD 'pw'`)
    try {
      const document = shopFile(shop, { destination: { user: role, password: 'pw' } })
      const end = await runOnce(document)
      expect(end.code).toBe(1)
      const { code, message } = failureOf(end)
      expect(code).toBe('destination_permission_denied')
      expect(message).toContain(role)
      await shop.query(`GRANT CREATE ON DATABASE ${shop.address.database} TO ${role}`)
      await expectComplete(shop, document, 'id, email, score')
    } finally {
      await shop.query(`DROP OWNED BY ${role}`)
      await shop.query(`DROP ROLE ${role}`)
    }
  })

  longTest('with a schema that belongs to somebody else says which right to grant', async () => {
    await using shop = await testDatabase()
    await createCustomers(shop)
    const role = `loader_${randomBytes(4).toString('hex')}`
    await shop.query(`CREATE ROLE ${role} LOGIN PASSWORD 'pw'`)
    try {
      await shop.query(`GRANT CREATE ON DATABASE ${shop.address.database} TO ${role}`)
      await shop.query('CREATE SCHEMA copy')
      const document = shopFile(shop, { destination: { user: role, password: 'pw' } })
      const end = await runOnce(document)
      expect(end.code).toBe(1)
      const { code, message } = failureOf(end)
      expect(code).toBe('destination_permission_denied')
      expect(message).toMatch(/schema "?copy/)
      await shop.query(`GRANT USAGE, CREATE ON SCHEMA copy TO ${role}`)
      await expectComplete(shop, document, 'id, email, score')
    } finally {
      await shop.query(`DROP OWNED BY ${role}`)
      await shop.query(`DROP ROLE ${role}`)
    }
  })

  test('that is the source itself is refused, and an empty table stays as it is', async () => {
    await using shop = await testDatabase()
    await createCustomers(shop, 0)
    const destination = { host: 'localhost', schema: 'public' }
    const end = await runOnce(shopFile(shop, { destination }))
    expect(end.code).toBe(1)
    expect(failureOf(end).code).toBe('destination_is_source')
    const columns = `SELECT string_agg(attname, ' ' ORDER BY attnum) AS names FROM pg_attribute WHERE attrelid = 'customers'::regclass AND attnum > 0`
    expect(await shop.query(columns)).toEqual([{ names: 'id email score' }])
  })

  longTest('with a view in the way of the table is left alone', async () => {
    await using shop = await testDatabase()
    await createCustomers(shop)
    await shop.query('CREATE SCHEMA copy')
    await shop.query('CREATE VIEW copy.customers AS SELECT 1 AS id')
    const document = shopFile(shop)
    const end = await runOnce(document)
    expect(end.code).toBe(1)
    const { code, message } = failureOf(end)
    expect(code).toBe('destination_not_a_table')
    expect(message).toContain('customers')
    expect(await shop.query('SELECT * FROM copy.customers')).toEqual([{ id: 1 }])
    await shop.query('DROP VIEW copy.customers')
    await expectComplete(shop, document, 'id, email, score')
  })

  longTest('whose view holds a column that must become wider keeps view and rows', async () => {
    await using shop = await testDatabase()
    await createCustomers(shop)
    const document = shopFile(shop)
    await expectComplete(shop, document, 'id, email, score')
    await shop.query('CREATE VIEW copy.best AS SELECT id, score FROM copy.customers')
    await shop.query("ALTER TABLE customers ALTER score TYPE text USING score || ' points'")
    const end = await runOnce(document)
    expect(end.code).toBe(1)
    const { code, message } = failureOf(end)
    expect(code).toBe('destination_column_in_use')
    expect(message).toContain('copy.best')
    expect(await shop.query('SELECT count(*)::int AS rows FROM copy.best')).toEqual([{ rows: 500 }])
    await shop.query('DROP VIEW copy.best')
    await expectComplete(shop, document, 'id, email, score')
  })

  longTest('with a full disk says so, and goes on when there is room', async (context) => {
    await using disk = await mountSmallDisk('24m')
    if ('missing' in disk) {
      context.skip(disk.missing)
      return
    }
    await using shop = await testDatabase()
    await shop.query(
      'CREATE TABLE customers AS SELECT n AS id, repeat(md5(n::text), 40) AS email FROM generate_series(1, 40000) n',
    )
    const space = `small_${randomBytes(4).toString('hex')}`
    const role = `loader_${randomBytes(4).toString('hex')}`
    await shop.query(`CREATE TABLESPACE ${space} LOCATION '${disk.path}'`)
    await shop.query(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD 'pw'`)
    await shop.query(`ALTER ROLE ${role} SET default_tablespace = ${space}`)
    try {
      const document = shopFile(shop, {
        destination: { user: role, password: 'pw' },
        limits: { commit_bytes: 4_000_000 },
      })
      const end = await runOnce(document)
      expect(end.code).toBe(1)
      expect(failureOf(end).code).toBe('destination_disk_full')
      await disk.grow('256m')
      await expectComplete(shop, document, 'id, email')
    } finally {
      await shop.query('DROP SCHEMA IF EXISTS copy, reactor_connect CASCADE')
      await shop.query(`DROP TABLESPACE ${space}`)
      await shop.query(`DROP OWNED BY ${role}`)
      await shop.query(`DROP ROLE ${role}`)
    }
  })
})

/** 20 MB of text that does not compress, between two small rows. */
async function createLargeRow(shop: TestDatabase): Promise<void> {
  await createCustomers(shop, 3)
  await shop.query(
    `UPDATE customers SET email = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 655360) n) WHERE id = 2`,
  )
}

describe.concurrent('a row of 20 MB', options, () => {
  longTest.each(usually(1, ['kafka', 'embedded']))('arrives through the %s log', async (log) => {
    await using shop = await testDatabase()
    await createLargeRow(shop)
    const { brokers, prefix } = testKafka()
    const fields = log === 'kafka' ? { connection: prefix, log: { kafka: { brokers } } } : {}
    await expectComplete(shop, shopFile(shop, fields), 'id, email, score')
  })

  longTest(
    'is rejected with what to do if the topic was made for smaller ones, and the others arrive',
    async () => {
      await using shop = await testDatabase()
      await createLargeRow(shop)
      const { brokers, prefix } = testKafka()
      const admin = kafkaClient(brokers).admin()
      await admin.connect()
      const small = [{ name: 'max.message.bytes', value: '1048576' }]
      await createServedTopic(admin, {
        topic: `connect.${prefix}.public.customers`,
        configEntries: small,
      })
      await admin.disconnect()
      const end = await runOnce(shopFile(shop, { connection: prefix, log: { kafka: { brokers } } }))
      const result = eventsOf(end).at(-1)
      expect(end.code).toBe(3)
      expect(result).toMatchObject({
        exit_code: 3,
        status: 'partial',
        streams: [{ status: 'complete', read: 3, loaded: 2, rejected: 1 }],
      })
      expect(JSON.stringify(result)).toMatch(
        /"warnings":\["1 record was rejected: record of 20\d{6} bytes is larger than/,
      )
      expect(end.stderr).toContain('run partial: 1 of 1 stream complete')
      expect(end.stderr).toContain('Not every record was loaded: see the warnings.')
      expect(await shop.query('SELECT id::int FROM copy.customers ORDER BY id')).toEqual([
        { id: 1 },
        { id: 3 },
      ])
      const [kept] = await shop.query('SELECT reason FROM reactor_connect.rejected_records')
      expect(kept?.reason).toMatch(
        /20\d{6} bytes is larger than the 524288 bytes .*: raise `max\.message\.bytes`/,
      )
    },
  )
})

const users = { rows: 2_000, slices: 2, state_every: 100 }

/** The faker's users over Kafka in small transactions; with a pace there is time to break something in. */
function usersFile(
  warehouse: TestDatabase,
  log: { readonly connection: string; readonly brokers: readonly string[] },
  rowsPerSecond?: number,
): object {
  const streams = [{ name: 'users', ...users, rows_per_second: rowsPerSecond }]
  return {
    ...shopFile(warehouse),
    connection: log.connection,
    log: { kafka: { brokers: log.brokers } },
    source: { type: 'faker', config: { streams } },
    limits: { commit_ms: 20 },
  }
}

async function countUsers(warehouse: TestDatabase): Promise<unknown> {
  const [counts] = await warehouse.query(
    'SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids FROM copy.users',
  )
  return counts
}

longDescribe.concurrent('a broker', options, () => {
  test('that is down at the start, or dies in the middle, costs nothing but time', async () => {
    await using warehouse = await testDatabase()
    await using broker = await startKafka()
    await using file = await runFile(
      usersFile(warehouse, { connection: 'users', brokers: broker.brokers }, 300),
    )
    await broker.kill9()
    const refused = await runHere(file.path, { args: ['--json'] })
    expect(refused.code).toBe(1)
    const { code, message } = failureOf(refused)
    expect(code).toBe('kafka_unreachable')
    expect(message).toContain(broker.brokers[0])
    await broker.restart()
    const started = startRun(file.path, { args: ['--json'] })
    await started.output('stdout', /"loaded":[1-9]/)
    await broker.kill9()
    expect(await countUsers(warehouse)).not.toMatchObject({ rows: users.rows })
    await broker.restart()
    const end = await started.end
    if (end.code !== 0) {
      expect(failureOf(end).code).toMatch(/^(kafka_|log_)/)
      expect(await runHere(file.path)).toMatchObject({ code: 0 })
    }
    expect(await countUsers(warehouse)).toEqual({ rows: users.rows, ids: users.rows })
  })
})

/** A message of somebody else in each of the two partitions. */
async function sendForeign(brokers: readonly string[], topic: string): Promise<void> {
  const producer = kafkaClient(brokers).producer()
  await producer.connect()
  const messages = [0, 1].map((partition) => ({ partition, value: 'S3CRET' }))
  await producer.send({ topic, messages })
  await producer.disconnect()
}

function topicOfUsers(connection: string): string {
  return `connect.${connection}.users`
}

/** A run of users in whose topic foreign messages come while rows are loaded. */
async function runWithForeign(
  warehouse: TestDatabase,
  log: Parameters<typeof usersFile>[1],
): ReturnType<typeof runOnce> {
  await using slow = await runFile(usersFile(warehouse, log, 300))
  const started = startRun(slow.path, { args: ['--json'] })
  await started.output('stdout', /"loaded":[1-9]/)
  await sendForeign(log.brokers, topicOfUsers(log.connection))
  return await started.end
}

async function deleteTopic(brokers: readonly string[], topic: string): Promise<void> {
  const admin = kafkaClient(brokers).admin()
  await admin.connect()
  await admin.deleteTopics({ topics: [topic] })
  await admin.disconnect()
}

function kafkaClient(brokers: readonly string[]): Kafka {
  calmRequestQueues()
  return new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING })
}

longDescribe.concurrent('a message of somebody else in the topic', options, () => {
  test('that came between two runs is passed over', async () => {
    await using shop = await testDatabase()
    await createCustomers(shop)
    const { brokers, prefix: connection } = testKafka()
    const document = shopFile(shop, { connection, log: { kafka: { brokers } } })
    await expectComplete(shop, document, 'id, email, score')
    await sendForeign(brokers, `connect.${connection}.public.customers`)
    await shop.query("INSERT INTO customers VALUES (501, 'new', 1)")
    await expectComplete(shop, document, 'id, email, score')
  })

  test('that comes during a run is passed by with one run through the embedded log, and stays in the topic', async () => {
    await using warehouse = await testDatabase()
    const { brokers, prefix: connection } = testKafka()
    const end = await runWithForeign(warehouse, { connection, brokers })
    expect(failureOf(end)).toMatchObject({ code: 'log_foreign_message' })
    // The run meets the message again, except if the destination goes on exactly at it: then the message is
    // passed by with a warning.
    const again = await runOnce(usersFile(warehouse, { connection, brokers }))
    if (again.code === 0) expect(again.stderr).toContain('there is a foreign message')
    else expect(failureOf(again)).toMatchObject({ code: 'log_foreign_message' })
    const withoutKafka = { ...usersFile(warehouse, { connection, brokers }), log: undefined }
    const embedded = await runOnce(withoutKafka)
    expect(embedded, embedded.stderr).toMatchObject({ code: 0 })
    expect(await countUsers(warehouse)).toEqual({ rows: users.rows, ids: users.rows })
    const through = await runOnce(usersFile(warehouse, { connection, brokers }))
    expect(through, through.stderr).toMatchObject({ code: 0 })
    expect(await countUsers(warehouse)).toEqual({ rows: users.rows, ids: users.rows })
  })

  test('that comes during a run ends the stream, nothing of it is loaded, and a new topic makes it good', async () => {
    await using warehouse = await testDatabase()
    const { brokers, prefix: connection } = testKafka()
    const topic = topicOfUsers(connection)
    const end = await runWithForeign(warehouse, { connection, brokers })
    expect(end.code).toBe(1)
    const { code, message } = failureOf(end)
    expect(code).toBe('log_foreign_message')
    expect(message).toContain(topic)
    expect(end.stdout + end.stderr).not.toContain('S3CRET')
    await deleteTopic(brokers, topic)
    const resumed = await runOnce(usersFile(warehouse, { connection, brokers }))
    expect(resumed, resumed.stderr).toMatchObject({ code: 0 })
    expect(await countUsers(warehouse)).toEqual({ rows: users.rows, ids: users.rows })
  })
})
