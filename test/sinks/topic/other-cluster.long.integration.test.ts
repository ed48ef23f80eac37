import { afterAll, beforeAll, expect, test } from 'vitest'
import { kafkaClient } from '../../../kafka/kafka-client.ts'
import { checkpointTopic } from '../../../sinks/topic/own-names.ts'
import type { KafkaBroker } from '../../kafka/kafka-broker.ts'
import { startKafka } from '../../support/kafka.ts'
import { silent } from '../../support/logger.ts'
import { readTopic as readRaw } from '../../support/read-topic.ts'
import {
  createTopic,
  dataOf,
  newestRows,
  openDestination,
  readTopic,
  syncOnce,
  topicStream,
  topicTest,
  type TopicTest,
} from './topic-support.ts'

/**
 * Tests the statements of docs/moving-kafka.md about moving row topics to another cluster: the copy of a
 * topic has another id.
 */
let other: KafkaBroker
beforeAll(async () => {
  other = await startKafka()
})
afterAll(() => other[Symbol.asyncDispose]())

const rows = (from: number, to: number): { id: number; body: string }[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ id: from + index, body: 'a' }))
const incremental = { syncMode: 'incremental', cursor: 'id' } as const

function moved(target: TopicTest): TopicTest {
  const servers = { ...target.place.servers, brokers: other.brokers }
  return { ...target, place: { ...target.place, servers } }
}

/** As a mirror does it: keys, values, headers and partitions, but no transactions and no offsets. */
async function mirror(
  target: TopicTest,
  topic: string,
  { partitions = 3, policy = 'compact' }: { partitions?: number; policy?: string } = {},
): Promise<void> {
  const { servers } = moved(target).place
  await createTopic({ servers }, topic, { partitions, policy })
  const producer = kafkaClient(servers, silent).producer()
  await producer.connect()
  const messages = await readRaw(topic, target.place.servers.brokers)
  await producer.send({
    topic,
    messages: messages.map(({ key, value, headers, partition }) => {
      return { key, value, partition, headers: Object.fromEntries(headers) }
    }),
  })
  await producer.disconnect()
}

const mirrorCheckpoints = (target: TopicTest): Promise<void> =>
  mirror(target, checkpointTopic(target.connection), { partitions: 1 })

async function resumes(target: TopicTest, sink: ReturnType<typeof topicStream>): Promise<unknown> {
  await using destination = openDestination(target)
  await destination.check()
  const begun = await destination.begin(sink, await destination.startRun(target.connection))
  return { slices: begun.slices, syncId: begun.syncId, warnings: begun.warnings }
}

test('with copied checkpoints the copy of a topic is read into from the beginning, under numbers that go on', async () => {
  const target = topicTest()
  const sink = topicStream(target, { mode: 'append_dedup', ...incremental })
  await syncOnce(target, sink, rows(1, 20))
  await mirror(target, target.topic)
  await mirrorCheckpoints(target)
  expect(await resumes(moved(target), sink)).toMatchObject({
    slices: [],
    syncId: 2,
    warnings: [expect.stringContaining('is not the one that was loaded before')],
  })
  expect(await resumes(target, sink)).toMatchObject({
    slices: [{ seq: 0, state: { seq: 20 } }],
    syncId: 2,
    warnings: [],
  })
})

test.each(['with', 'without'])(
  'an overwrite is right in a copied topic %s copied checkpoints',
  async (what) => {
    const target = topicTest()
    const sink = topicStream(target, { mode: 'overwrite_dedup' })
    await syncOnce(target, sink, rows(1, 20))
    await mirror(target, target.topic)
    if (what === 'with') await mirrorCheckpoints(target)
    const place = moved(target)
    await syncOnce(place, sink, rows(11, 30))
    expect(dataOf(newestRows(await readTopic(place.place, target.topic)))).toEqual(rows(11, 30))
  },
)

test('rows that are appended to a copied topic are there twice, and a warning says so; a new topic has them once', async () => {
  const target = topicTest()
  const sink = topicStream(target, { mode: 'append', ...incremental })
  await syncOnce(target, sink, rows(1, 5))
  await mirror(target, target.topic, { policy: 'delete' })
  await mirrorCheckpoints(target)
  const place = moved(target)
  const { begun } = await syncOnce(place, sink, rows(1, 5))
  expect(begun.warnings.join(' ')).toContain('rows that were loaded before are in it twice')
  expect(await readTopic(place.place, target.topic)).toHaveLength(10)
  const fresh = topicTest()
  await syncOnce(moved(fresh), topicStream(fresh, { mode: 'append', ...incremental }), rows(1, 5))
  expect(await readTopic(moved(fresh).place, fresh.topic)).toHaveLength(5)
})
