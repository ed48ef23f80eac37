import { setTimeout as delay } from 'node:timers/promises'
import kafkajs, { type Kafka } from 'kafkajs'
import { expect, onTestFinished, test } from 'vitest'
import { type FetchedBatch, PartitionFetcher } from '../../kafka/partition-fetcher.ts'
import type { KafkaMessage } from '../../kafka/record-batch/message-cursor.ts'
import { openLaneReader } from '../../engine/log/lane.ts'
import { produceLines, skipWithoutKafkaConsole } from '../support/kafka-console.ts'
import { createServedTopic, testKafka } from '../support/kafka.ts'
import { openLane, readAll, startWriter } from '../engine/log/lanes.ts'
import { silent as logger } from '../support/logger.ts'
import { longTest, usually } from '../support/long.ts'

test.for(usually(2, ['none', 'gzip', 'snappy', 'lz4', 'zstd']))(
  'reads what another producer has written with the compression %s',
  async (codec, context) => {
    skipWithoutKafkaConsole(context)
    const { topic, fetcher } = await openTopic()
    const lines = Array.from(
      { length: 2_000 },
      (_, index) => `key-${String(index)}:value of ${String(index)}`,
    )
    await produceLines(testKafka().brokers, { topic, codec, headers: 'name:text', lines })
    const { batches } = await fetchFrom(fetcher, 0n)
    const codecs = new Set(batches.map(({ batch }) => batch.codec))
    expect([...codecs]).toEqual([['none', 'gzip', 'snappy', 'lz4', 'zstd'].indexOf(codec)])
    const messages = await messagesIn(fetcher, batches)
    expect(messages.map(({ key, value }) => `${String(key)}:${String(value)}`)).toEqual(
      lines.slice(0, messages.length),
    )
    expect(messages[7]?.headers).toEqual(new Map([['name', 'text']]))
  },
)

test('passes over transactions that were aborted, and over the markers of those that were not', async () => {
  const { topic, fetcher } = await openTopic()
  const producer = client().producer({
    transactionalId: topic,
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  onTestFinished(async () => producer.disconnect())
  for (const [value, end] of [
    ['first', 'commit'],
    ['second', 'abort'],
    ['third', 'commit'],
    ['fourth', 'abort'],
  ] as const) {
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: [{ value }, { value }] })
    await transaction[end]()
  }
  const values: string[] = []
  let offset = 0n
  // Two messages and a marker each.
  while (offset < 12n) {
    const { batches, next } = await fetchFrom(fetcher, offset)
    for await (const { value } of fetcher.messages(batches)) values.push(String(value))
    offset = next
  }
  expect(values).toEqual(['first', 'first', 'third', 'third'])
  const { batches } = await fetchFrom(fetcher, 7n)
  const [middle] = await messagesIn(fetcher, batches)
  expect(middle).toMatchObject({ offset: 7n, value: Buffer.from('third') })
  expect(await fetcher.fetch(1_000n)).toBe('lost')
})

test('a fetch that waits at the end of a partition ends with its fetcher, not when the broker answers', async () => {
  const { fetcher } = await openTopic()
  // The connection for fetches is open afterwards.
  await fetcher.bounds()
  const ended = expect(fetcher.fetch(0n)).rejects.toThrow('the connection was closed')
  await delay(50)
  await fetcher[Symbol.asyncDispose]()
  await ended
})

test.each(usually(1, ['lz4', 'snappy', 'gzip', 'uncompressed']))(
  'reads a lane whose broker compresses anew with %s',
  async (type) => {
    const { endpoint } = await openLane('kafka record')
    if (endpoint.writer.address.kind !== 'kafka') throw new Error('not a Kafka lane')
    const { topic } = endpoint.writer.address.kafka
    const admin = client().admin()
    await admin.connect()
    onTestFinished(async () => admin.disconnect())
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: topic,
          configEntries: [{ name: 'compression.type', value: type }],
        },
      ],
    })
    const slices = [{ slice: 'a', from: 0, to: 2_000, unit: 500, block: 100 }]
    expect(await startWriter(endpoint, { slices }).done).toEqual({ records: 2_000 })
    const entries = await readAll(endpoint)
    const counts = entries.map((entry) => (entry.type === 'records' ? entry.count : 0))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2_000)
  },
)

longTest(
  'holds a bounded number of bytes in the open, however small the compressed ones are',
  async () => {
    const { endpoint } = await openLane('kafka block')
    const slices = [{ slice: '', from: 0, to: 100_000, unit: 10_000, block: 500, nameBytes: 1_000 }]
    expect(await startWriter(endpoint, { slices }).done).toEqual({ records: 100_000 })
    await using reader = await openLaneReader(endpoint.reader.address, {}, logger)
    const { signal } = new AbortController()
    globalThis.gc?.()
    const before = process.memoryUsage().arrayBuffers
    let given = 0
    let most = 0
    for (let item = await reader.next(signal); item; item = await reader.next(signal)) {
      if (item.entry.type === 'records') given += item.entry.bytes.length
      if (item.entry.type !== 'state') continue
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
      reader.release()
    }
    expect(given).toBeGreaterThan(100_000_000)
    // 8 MiB ahead, 10 MB held up to a state, and what the collector has not looked at.
    expect(most).toBeLessThan(100_000_000)
  },
)

async function openTopic(): Promise<{
  readonly topic: string
  readonly fetcher: PartitionFetcher
}> {
  const { brokers, prefix: topic } = testKafka()
  const admin = client().admin()
  await admin.connect()
  await createServedTopic(admin, { topic, numPartitions: 1 })
  await admin.disconnect()
  const servers = { brokers, clientId: 'test', ssl: false }
  const fetcher = await PartitionFetcher.open({ servers, topic, partition: 0, logger })
  onTestFinished(async () => fetcher[Symbol.asyncDispose]())
  return { topic, fetcher }
}

async function messagesIn(
  fetcher: PartitionFetcher,
  batches: readonly FetchedBatch[],
): Promise<KafkaMessage[]> {
  const messages: KafkaMessage[] = []
  for await (const message of fetcher.messages(batches)) messages.push(message)
  return messages
}

async function fetchFrom(
  fetcher: PartitionFetcher,
  offset: bigint,
): Promise<{ readonly batches: readonly FetchedBatch[]; readonly next: bigint }> {
  const fetched = await fetcher.fetch(offset)
  if (fetched === 'lost') throw new Error('lost')
  return fetched
}

function client(): Kafka {
  return new kafkajs.Kafka({
    brokers: [...testKafka().brokers],
    clientId: 'test',
    logLevel: kafkajs.logLevel.NOTHING,
  })
}
