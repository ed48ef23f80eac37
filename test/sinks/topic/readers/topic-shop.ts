import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import kafkajs, { type ITopicConfig } from 'kafkajs'
import { calmRequestQueues } from '../../../../kafka/request-queue.ts'
import { startCommand, type CommandEnd } from '../../../e2e/command.ts'
import { createServedTopic, testKafka } from '../../../support/kafka.ts'
import { testDatabase, type Row, type TestDatabase } from '../../../support/postgres.ts'
import { runFile } from '../../../support/run-file.ts'

/** The readers are installed by `npm run test:long -- topic-readers` alone, which sets this. */
export const readersWanted = process.env.TOPIC_READERS !== undefined

/** A table with a key, the time of its last change, and the mark of deleted rows. */
export interface ShopTable {
  readonly name: string
  /** Columns beside `id`, `updated_at` and `_ab_cdc_deleted_at`, in SQL. */
  readonly columns: readonly string[]
}

export interface TopicShopOptions {
  readonly tables: readonly ShopTable[]
  /** The configuration of the destination. */
  readonly config: Readonly<Record<string, unknown>>
}

/** A source database, and a connection that writes its tables to topics as a user runs it. */
export interface TopicShop extends AsyncDisposable {
  readonly database: TestDatabase
  readonly brokers: readonly string[]
  topicOf(table: string): string
  run(): Promise<CommandEnd>
  /** Runs the connection; fails unless it loads everything. */
  load(): Promise<void>
  /** Creates a topic before the first run. */
  createTopic(topic: ITopicConfig): Promise<void>
  /** The ends of the topic's partitions, added up. */
  messageSlots(topic: string): Promise<number>
}

export async function openTopicShop({ tables, config }: TopicShopOptions): Promise<TopicShop> {
  const { brokers } = testKafka()
  const prefix = `readers-${randomBytes(4).toString('hex')}`
  const database = await testDatabase()
  for (const { name, columns } of tables)
    await database.query(`CREATE TABLE ${name} (
      id bigint PRIMARY KEY, ${columns.join(', ')},
      updated_at timestamptz NOT NULL DEFAULT clock_timestamp(), _ab_cdc_deleted_at timestamptz)`)
  const document = {
    connection: prefix,
    source: { type: 'postgres', config: { ...database.address, schemas: ['public'] } },
    destination: {
      type: 'topic',
      config: { brokers: brokers.join(','), topic: `${prefix}.{stream}`, ...config },
    },
    metadata: 'minimal',
    streams: tables.map(({ name }) => ({
      name,
      sync_mode: 'incremental',
      destination_sync_mode: 'append_dedup',
      cursor_field: 'updated_at',
      primary_key: ['id'],
    })),
  }
  const run = async (): Promise<CommandEnd> => {
    await using file = await runFile(document)
    return await startCommand(['connect', 'run', file.path], { environment: {} }).end
  }
  return {
    database,
    brokers,
    topicOf: (table) => `${prefix}.${table}`,
    run,
    load: async () => {
      const { code, out, err } = await run()
      if (code !== 0) throw new Error(`the run ended with ${code}: ${out}${err}`)
    },
    createTopic: (topic) =>
      withAdmin(brokers, async (admin) => {
        await createServedTopic(admin, topic)
      }),
    messageSlots: (topic) =>
      withAdmin(brokers, async (admin) => {
        const partitions = await admin.fetchTopicOffsets(topic)
        return partitions.reduce((sum, { high }) => sum + Number(high), 0)
      }),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

async function withAdmin<T>(
  brokers: readonly string[],
  work: (admin: kafkajs.Admin) => Promise<T>,
): Promise<T> {
  calmRequestQueues()
  const { logLevel } = kafkajs
  const kafka = new kafkajs.Kafka({
    brokers: [...brokers],
    clientId: 'test',
    logLevel: logLevel.NOTHING,
  })
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/** Returns the result of `read` once it is `wanted`, or after a minute. */
export async function eventually<T>(
  read: () => Promise<T>,
  isWanted: (value: T) => boolean,
): Promise<T> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const value = await read()
    if (isWanted(value) || Date.now() > deadline) return value
    await delay(200)
  }
}

/** Rows that only one of two queries of the database gives, with what they lack or have too much. */
export async function differences(
  database: TestDatabase,
  { expected, actual }: { readonly expected: string; readonly actual: string },
): Promise<readonly Row[]> {
  return database.query(`
    (SELECT 'missing' AS what, * FROM (${expected} EXCEPT ALL ${actual}) AS a)
    UNION ALL
    (SELECT 'unexpected' AS what, * FROM (${actual} EXCEPT ALL ${expected}) AS b)
    LIMIT 20`)
}
