import { expect, test } from 'vitest'
import { kafkaClient } from '../../../kafka/kafka-client.ts'
import type { SyncMode } from '../../../sinks/sink.ts'
import { checkpointTopic } from '../../../sinks/topic/own-names.ts'
import { PreviewDestination } from '../../../sinks/topic/preview/preview-destination.ts'
import { takeSnapshot } from '../../../sinks/topic/preview/take-snapshot.ts'
import type { TopicPlace } from '../../../sinks/topic/topic-place.ts'
import { silent } from '../../support/logger.ts'
import {
  asAdmin,
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
import { longTest, usually } from '../../support/long.ts'

/**
 * Changes that a run refuses because the messages of the topic would not fit the existing ones, or would be
 * there twice.
 */
const rows = (from: number, to: number): { id: number; body: string }[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ id: from + index, body: 'a' }))

const withFormat = (target: TopicTest, format: TopicPlace['format']): TopicTest => ({
  ...target,
  place: { ...target.place, format },
})

const withTopic = (target: TopicTest, topic: string): TopicTest => ({
  ...target,
  topic,
  place: { ...target.place, topic },
})

const enveloped = { encoding: 'json', envelope: 'debezium' } as const
const avro = { encoding: 'avro', envelope: 'row' } as const
const incremental = { syncMode: 'incremental', cursor: 'id' } as const
const appended = { ...incremental, mode: 'append' } as const

/** Returns the decision of a sandbox about the stream. */
async function previewed(
  { place, connection }: TopicTest,
  sink: ReturnType<typeof topicStream>,
): Promise<unknown> {
  const snapshot = await takeSnapshot({ place, connection, streams: [sink], logger: silent })
  const preview = new PreviewDestination(snapshot)
  return preview.begin(sink, await preview.startRun(connection))
}

async function deleteTopic(target: TopicTest): Promise<void> {
  await asAdmin(target.place, async (admin) => {
    await admin.deleteTopics({ topics: [target.topic] })
    while ((await admin.listTopics()).includes(target.topic))
      await new Promise((resolve) => setTimeout(resolve, 50))
  })
}

test('the columns of a key in another order are another key: the bytes of the same row differ', async () => {
  const target = topicTest()
  await syncOnce(target, topicStream(target, { mode: 'append_dedup', key: ['id', 'body'] }), rows(1, 3))
  const turned = topicStream(target, { mode: 'append_dedup', key: ['body', 'id'] })
  const refusal = {
    code: 'destination_topic_key_changed',
    details: { before: '(id, body) as integer and string in json', after: '(body, id) as string and integer in json' },
  }
  await expect(syncOnce(target, turned, rows(1, 3))).rejects.toMatchObject(refusal)
  await expect(previewed(target, turned)).rejects.toMatchObject(refusal)
  // A reset leaves the messages in the topic.
  {
    await using destination = openDestination(target)
    await destination.forget(target.connection, 'all')
  }
  await expect(syncOnce(target, turned, rows(1, 3))).rejects.toMatchObject(refusal)
  const overwrite = topicStream(target, { mode: 'overwrite', key: ['body', 'id'] })
  await syncOnce(target, overwrite, rows(1, 3))
  const messages = await readTopic(target.place, target.topic)
  expect(messages.filter(({ value }) => value === null)).toHaveLength(3)
}) // prettier-ignore

test.each(
  usually(1, ['append', 'append_dedup', 'overwrite'] as const satisfies readonly SyncMode[]),
)(
  'a topic that has messages takes none of another form, in the mode %s, until it is made again',
  async (mode) => {
    const target = topicTest()
    const sink = topicStream(target, { mode })
    await syncOnce(target, sink, rows(1, 3))
    for (const format of [enveloped, avro]) {
      const other = withFormat(target, format)
      const refusal = { code: 'destination_topic_form_changed', details: { topic: target.topic } }
      await expect(syncOnce(other, sink, rows(1, 3))).rejects.toMatchObject(refusal)
      await expect(previewed(other, sink)).rejects.toMatchObject(refusal)
    }
    // Also after a reset: the old messages are still there.
    {
      await using destination = openDestination(target)
      await destination.forget(target.connection, 'all')
    }
    await expect(syncOnce(withFormat(target, enveloped), sink, rows(1, 3))).rejects.toMatchObject({
      code: 'destination_topic_form_changed',
    })
    await deleteTopic(target)
    await syncOnce(withFormat(target, enveloped), sink, rows(1, 3))
    expect(await readTopic(target.place, target.topic)).toHaveLength(3)
  },
)

longTest('a topic that was emptied, or that got no message yet, takes another form', async () => {
  const target = topicTest()
  await createTopic(target.place, target.topic, { policy: 'delete' })
  const sink = topicStream(target, { mode: 'append' })
  await syncOnce(withFormat(target, avro), sink, [])
  await syncOnce(target, sink, rows(1, 9))
  await asAdmin(target.place, async (admin) => {
    await admin.fetchTopicMetadata({ topics: [target.topic] })
    await admin.fetchTopicOffsets(target.topic)
    const partitions = [0, 1, 2].map((partition) => ({ partition, offset: '-1' }))
    await admin.deleteTopicRecords({ topic: target.topic, partitions })
  })
  await syncOnce(withFormat(target, enveloped), sink, rows(1, 4))
  expect(await readTopic(target.place, target.topic)).toHaveLength(4)
})

test('an append that comes back to a topic is refused, and the topic is as it was', async () => {
  const target = topicTest()
  const sink = topicStream(target, appended)
  const other = withTopic(target, `${target.topic}.other`)
  await syncOnce(target, sink, rows(1, 20))
  await syncOnce(other, sink, rows(1, 20))
  const refusal = {
    code: 'destination_topic_repeated',
    details: { why: `since then it was loaded into topic ${other.topic}` },
  }
  await expect(syncOnce(target, sink, rows(1, 20))).rejects.toMatchObject(refusal)
  await expect(previewed(target, sink)).rejects.toMatchObject(refusal)
  expect(await readTopic(target.place, target.topic)).toHaveLength(20)
  // The other topic goes on.
  const { begun } = await syncOnce(other, sink, [])
  expect(begun.slices).toMatchObject([{ state: { seq: 20 } }])
  await deleteTopic(target)
  await syncOnce(target, sink, rows(1, 20))
  expect(await readTopic(target.place, target.topic)).toHaveLength(20)
})

longTest(
  'a reset, a connection that is made again, and another connection append again, with a warning that counts',
  async () => {
    const target = topicTest()
    const sink = topicStream(target, appended)
    const { begun: first } = await syncOnce(target, sink, rows(1, 20))
    expect(first.warnings).toEqual([])
    await using destination = openDestination(target)
    await destination.forget(target.connection, 'all')
    const { begun: again } = await syncOnce(target, sink, rows(1, 20))
    const warning = /up to 2\d messages of earlier loads.*in it twice.*delete the topic/
    expect(again.warnings).toEqual([expect.stringMatching(warning) as string])
    const { begun: going } = await syncOnce(target, sink, [])
    expect(going.warnings).toEqual([])
    const connection = `${target.connection}-2`
    const { begun: another } = await syncOnce(target, { ...sink, connection }, rows(1, 20))
    expect(another.warnings).toEqual([expect.stringContaining('of earlier loads') as string])
  },
)

test('a topic that the stream comes back to has the key and the form that it was left with', async () => {
  const target = topicTest()
  const sink = topicStream(target, { mode: 'append_dedup' })
  await syncOnce(target, sink, rows(1, 5))
  await syncOnce(
    withTopic(withFormat(target, enveloped), `${target.topic}.other`),
    sink,
    rows(1, 5),
  )
  await expect(syncOnce(withFormat(target, enveloped), sink, rows(1, 5))).rejects.toMatchObject({
    code: 'destination_topic_form_changed',
  })
  const other = topicStream(target, { mode: 'append_dedup', key: ['body'] })
  await expect(syncOnce(target, other, rows(1, 5))).rejects.toMatchObject({
    code: 'destination_topic_key_changed',
  })
  await syncOnce(target, sink, rows(1, 5))
})

longTest(
  'what an earlier version stored goes on, and gets the facts that it did not have',
  async () => {
    const target = topicTest()
    const sink = topicStream(target, { ...incremental, mode: 'append_dedup' })
    await syncOnce(target, sink, rows(1, 5))
    const checkpoints = checkpointTopic(target.connection)
    const key = '["stream",null,"things"]'
    const stored = (await readTopic(target.place, checkpoints)).findLast((own) => own.key === key)
    const facts = ['isFilled', 'form', 'schema', 'leftTopics']
    const older = Object.entries(stored?.value as object).filter(([name]) => !facts.includes(name))
    expect(Object.entries(stored?.value as object)).toHaveLength(older.length + facts.length)
    const producer = kafkaClient(target.place.servers, silent).producer()
    await producer.connect()
    const value = JSON.stringify(Object.fromEntries(older))
    await producer.send({ topic: checkpoints, messages: [{ key, value }] })
    await producer.disconnect()
    const { begun } = await syncOnce(target, sink, rows(6, 7))
    expect(begun).toMatchObject({ warnings: [], slices: [{ state: { seq: 5 } }] })
    expect(dataOf(newestRows(await readTopic(target.place, target.topic)))).toEqual(rows(1, 7))
    await expect(syncOnce(withFormat(target, enveloped), sink, [])).rejects.toMatchObject({
      code: 'destination_topic_form_changed',
    })
  },
)
