import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startConnectWorker, type ConnectWorker } from '../../../kafka/connect/connect-worker.ts'
import {
  startApicurioRegistry,
  type ApicurioRegistry,
} from '../../../kafka/registry/apicurio-registry.ts'
import { consumeTopic } from '../../../support/kafka-console.ts'
import { deleteGoods, goods, goodsColumns, goodsRows, insertGoods, updateGoods } from './goods.ts'
import { avroConverters, jdbcSink, jsonConverters } from './jdbc-sink.ts'
import {
  differences,
  eventually,
  openTopicShop,
  readersWanted,
  type TopicShop,
  type TopicShopOptions,
} from './topic-shop.ts'

const limitMs = 8 * 60_000
/** A segment of a topic that is compacted is closed by the first batch after this time. */
const segmentMs = 1_000

describe.runIf(readersWanted)("Kafka Connect with Debezium's JDBC sink", () => {
  let registry: ApicurioRegistry
  beforeAll(async () => {
    registry = await startApicurioRegistry()
  }, limitMs)
  afterAll(() => registry[Symbol.asyncDispose]())

  const openShop = async (config: TopicShopOptions['config']): Promise<TopicShop> => {
    const shop = await openTopicShop({ tables: [goods], config: { partitions: 3, ...config } })
    await insertGoods(shop.database, 1, 3000)
    return shop
  }

  it(
    "makes a table from Debezium's envelope that stays equal to the source",
    { timeout: limitMs },
    async () => {
      await using shop = await openShop({
        format: 'avro',
        envelope: 'debezium',
        schema_registry_url: registry.url,
      })
      const { database } = shop
      await shop.load()
      await using worker = await startConnectWorker({
        brokers: shop.brokers,
        plugins: ['jdbc', 'avro'],
        connectors: [
          jdbcSink({
            database,
            topic: shop.topicOf('goods'),
            table: 'public.copy',
            settings: avroConverters(registry.ownUrl),
          }),
        ],
      })
      await expectCopy(shop, worker)
      await updateGoods(database, 3)
      await insertGoods(database, 3001, 3100)
      await shop.load()
      await expectCopy(shop, worker)
      await deleteGoods(database, 7)
      await updateGoods(database, 5)
      await shop.load()
      await expectCopy(shop, worker)
    },
  )

  it(
    'makes the same table from plain rows of a topic that was compacted',
    { timeout: limitMs },
    async () => {
      await using shop = await openShop({ format: 'avro', schema_registry_url: registry.url })
      const { database } = shop
      const topic = shop.topicOf('goods')
      await shop.createTopic({
        topic,
        numPartitions: 3,
        configEntries: Object.entries({
          'cleanup.policy': 'compact',
          // A segment that is closed can be compacted.
          'segment.ms': String(segmentMs),
          'min.cleanable.dirty.ratio': '0.001',
          'min.compaction.lag.ms': '0',
          'max.compaction.lag.ms': '1000',
        }).map(([name, value]) => ({ name, value })),
      })
      await shop.load()
      for (const every of [1, 2, 3]) {
        await updateGoods(database, every)
        await shop.load()
      }
      await deleteGoods(database, 7)
      await shop.load()
      // One more message at least in each partition closes the segments, which are old enough by then.
      await delay(segmentMs + 100)
      await updateGoods(database, 50)
      await shop.load()

      const messagesLeft = async (): Promise<number> =>
        (await consumeTopic(shop.brokers, topic)).length
      const slots = await shop.messageSlots(topic)
      expect(slots).toBeGreaterThan(3000 + 3000 + 1500 + 1000)
      // The segment that is open is not compacted: 60 rows and their older versions.
      const left = await eventually(messagesLeft, (count) => count <= 3060)
      expect(left).toBeLessThanOrEqual(3060)
      expect(left).toBeGreaterThanOrEqual(3000)

      await using worker = await startConnectWorker({
        brokers: shop.brokers,
        plugins: ['jdbc', 'avro'],
        connectors: [
          jdbcSink({
            database,
            topic,
            table: 'public.copy',
            settings: avroConverters(registry.ownUrl),
          }),
        ],
      })
      await expectCopy(shop, worker)
    },
  )

  it(
    'fills a table from rows in JSON, with their schema in its own configuration',
    { timeout: limitMs },
    async () => {
      await using shop = await openShop({ format: 'json' })
      const { database } = shop
      await shop.load()
      await database.query('CREATE TABLE copy AS SELECT * FROM goods WHERE false')
      await database.query('ALTER TABLE copy ADD PRIMARY KEY (id)')
      await using worker = await startConnectWorker({
        brokers: shop.brokers,
        plugins: ['jdbc'],
        connectors: [
          jdbcSink({
            database,
            topic: shop.topicOf('goods'),
            table: 'public.copy',
            settings: {
              ...jsonConverters({ key: keyFields, value: { ...keyFields, ...valueFields } }),
              'schema.evolution': 'none',
            },
          }),
        ],
      })
      const same = {
        expected: goodsRows.replace('attributes,', ''),
        actual: `SELECT ${goodsColumns()} FROM copy`.replace('attributes,', ''),
      }
      const compare = async () => {
        await worker.requireHealth()
        return differences(database, same)
      }
      expect(await eventually(compare, (rows) => rows.length === 0)).toEqual([])
      await updateGoods(database, 3)
      await deleteGoods(database, 7)
      await shop.load()
      expect(await eventually(compare, (rows) => rows.length === 0)).toEqual([])
    },
  )
})

const keyFields = { id: 'int64' } as const
/** `attributes` is any JSON, which no schema of Kafka Connect can say. */
const valueFields = {
  name: 'string',
  amount: {
    type: 'bytes',
    name: 'org.apache.kafka.connect.data.Decimal',
    version: 1,
    parameters: { scale: '2' },
  },
  active: 'boolean',
  score: 'double',
  born: 'string',
  seen_at: 'string',
  planned_at: 'string',
  opens_at: 'string',
  picture: 'bytes',
  updated_at: 'string',
} as const

async function expectCopy(shop: TopicShop, worker: ConnectWorker): Promise<void> {
  const { database } = shop
  const compare = async () => {
    await worker.requireHealth()
    const [table] = await database.query(`SELECT to_regclass('public.copy') IS NOT NULL AS made`)
    if (table?.made !== true) return [{ what: 'no table' }]
    return differences(database, {
      expected: goodsRows,
      actual: `SELECT ${goodsColumns(copied)} FROM copy`,
    })
  }
  expect(await eventually(compare, (rows) => rows.length === 0)).toEqual([])
}

/**
 * The sink has a text for a number, which keeps all digits, and no type with a time zone: its times are in
 * UTC.
 */
const copied = {
  amount: 'amount::numeric AS amount',
  attributes: 'attributes::jsonb AS attributes',
  seen_at: `seen_at AT TIME ZONE 'UTC' AS seen_at`,
  updated_at: `updated_at AT TIME ZONE 'UTC' AS updated_at`,
}
