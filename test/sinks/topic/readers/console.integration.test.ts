import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { commandOutput } from '../../../kafka/command-output.ts'
import { consumeTopic, produceLines } from '../../../support/kafka-console.ts'
import type { TestDatabase } from '../../../support/postgres.ts'
import { deleteGoods, goods, goodsColumns, goodsRows, insertGoods, updateGoods } from './goods.ts'
import { lastValues, type ShownMessage } from './last-values.ts'
import { differences, openTopicShop, readersWanted, type TopicShop } from './topic-shop.ts'

const limitMs = 5 * 60_000
const run = promisify(execFile)
const kcat = commandOutput('kcat', ['-V'])

describe.runIf(readersWanted)("consoles read a topic's rows in JSON", () => {
  it("Kafka's own consumer", { timeout: limitMs }, async () => {
    await using shop = await loadedShop()
    const messages = await consumeTopic(shop.brokers, shop.topicOf('goods'))
    await expectSource(
      shop.database,
      messages.map(({ key, value }) => shown(key?.toString() ?? '', value.toString(), 'absent')),
    )
  })

  it('kcat, which is built on librdkafka', { timeout: limitMs }, async (context) => {
    context.skip(kcat === undefined, 'kcat is not installed: apt-get install kcat')
    await using shop = await loadedShop()
    const { stdout } = await run(
      'kcat',
      [
        ...['-b', shop.brokers.join(','), '-C', '-e', '-q', '-t', shop.topicOf('goods')],
        ...['-o', 'beginning', '-X', 'isolation.level=read_committed'],
        // A key has no tabulator, nor has a value: they are JSON.
        ...['-Z', '-f', String.raw`%k\t%s\n`],
      ],
      { maxBuffer: 64 * 1024 * 1024 },
    )
    const lines = stdout.split('\n').filter((line) => line !== '')
    const messages = lines.map((line) => {
      const [key = '', value = ''] = line.split('\t')
      return shown(key, value, 'NULL')
    })
    await expectSource(shop.database, messages)
  })

  it(
    'and a key is in the partition where the client of Kafka for Java puts it',
    { timeout: limitMs },
    async () => {
      await using shop = await loadedShop()
      const rows = await consumeTopic(shop.brokers, shop.topicOf('goods'))
      const partitions = new Map(rows.map(({ key, partition }) => [String(key), partition]))
      expect(partitions.size).toBe(1100)
      const other = shop.topicOf('by_java')
      await shop.createTopic({ topic: other, numPartitions: 4 })
      await produceLines(shop.brokers, {
        topic: other,
        codec: 'none',
        headers: 'a:b',
        keySeparator: '|',
        lines: [...partitions.keys()].map((key) => `${key}|x`),
      })
      const written = await consumeTopic(shop.brokers, other)
      expect(new Map(written.map(({ key, partition }) => [String(key), partition]))).toEqual(
        partitions,
      )
    },
  )
})

/** Rows that were inserted, changed and deleted in three runs. */
async function loadedShop(): Promise<TopicShop> {
  const shop = await openTopicShop({
    tables: [goods],
    config: { format: 'json', partitions: 4 },
  })
  try {
    await insertGoods(shop.database, 1, 1000)
    await shop.load()
    await updateGoods(shop.database, 3)
    await insertGoods(shop.database, 1001, 1100)
    await shop.load()
    await deleteGoods(shop.database, 7)
    await shop.load()
  } catch (error) {
    await shop[Symbol.asyncDispose]()
    throw error
  }
  return shop
}

function shown(key: string, value: string, noValue: string): ShownMessage {
  return value === noValue ? { key } : { key, value }
}

/** PostgreSQL itself reads the texts, by the types of the source. */
async function expectSource(
  database: TestDatabase,
  messages: readonly ShownMessage[],
): Promise<void> {
  expect(messages.length).toBeGreaterThan(1100)
  await database.query('CREATE TABLE shown (value json)')
  await database.query('INSERT INTO shown SELECT unnest($1::json[])', [lastValues(messages)])
  const types = `id bigint, ${goods.columns.join(', ')}, updated_at timestamptz`
  const typed = types.replace('picture bytea', 'picture text')
  const columns = goodsColumns({ picture: `decode(picture, 'base64') AS picture` })
  const actual = `SELECT ${columns} FROM shown, json_to_record(value) AS r(${typed})`
  expect(await differences(database, { expected: goodsRows, actual })).toEqual([])
}
