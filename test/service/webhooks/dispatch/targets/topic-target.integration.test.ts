import avro, { type Schema } from 'avsc'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { KafkaServers } from '../../../../../kafka/kafka-servers.ts'
import { TopicTarget } from '../../../../../service/webhooks/dispatch/targets/topic/topic-target.ts'
import { consumeTopic, skipWithoutKafkaConsole } from '../../../../support/kafka-console.ts'
import { createServedTopic, testKafka } from '../../../../support/kafka.ts'
import { silent } from '../../../../support/logger.ts'
import { asAdmin } from '../../../../sinks/topic/topic-support.ts'
import { claimedEvent } from '../claimed.ts'
import { longTest } from '../../../../support/long.ts'

const { brokers, prefix } = testKafka()
const servers: KafkaServers = { brokers: [...brokers], clientId: 'test', ssl: false }
let target: TopicTarget
beforeAll(() => {
  target = new TopicTarget(servers, silent)
})
afterAll(() => target[Symbol.asyncDispose]())

test('a reader with nothing but the two topics has the events as they came, in order', async (context) => {
  skipWithoutKafkaConsole(context)
  const topic = `${prefix}-events`
  const dispatch = (n: number): Promise<unknown> =>
    target.dispatch({
      target: { kind: 'topic', name: topic },
      claimed: {
        ...claimedEvent(`topic:${topic}`, {
          body: Buffer.from(`{"n": ${String(n)}.0}\n`),
          kind: n === 19 ? 'test' : 'event',
        }),
        orderKey: n % 2 === 0 ? 'even' : null,
      },
    })
  const outcomes = await Promise.all(Array.from({ length: 20 }, (_, n) => dispatch(n)))
  expect(outcomes).toEqual(Array(20).fill({ outcome: 'done' }))

  const messages = await consumeTopic(brokers, topic)
  expect(messages.map(({ key }) => key?.toString())).toEqual(
    Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? 'even' : 'evt_1')),
  )
  const types = messages.map(({ headers }) => headers.get('connect-type'))
  expect(types).toEqual([...Array<string>(19).fill('event'), 'test'])
  const [first] = messages
  const fingerprint = Buffer.from(first?.value.subarray(2, 10) ?? [])
    .reverse()
    .toString('hex')
  const schemas = await consumeTopic(brokers, 'connect.schemas')
  const schema = schemas.findLast(({ key }) => key?.toString() === fingerprint)?.value
  const type = avro.Type.forSchema(JSON.parse(schema?.toString() ?? '') as Schema)
  const events = messages.map(
    ({ value }) => type.fromBuffer(value.subarray(10)) as { body: Buffer },
  )
  expect(events.map(({ body }) => body.toString())).toEqual(
    Array.from({ length: 20 }, (_, n) => `{"n": ${String(n)}.0}\n`),
  )
  expect(events[0]).toMatchObject({
    id: 'dlv_01J',
    event_id: 'evt_1',
    event_type: 'charge.paid',
    receiver: 'shop',
    received_at: Date.parse('2026-11-28T09:00:00.000Z'),
  })
})

test('a topic that is compacted takes events: they all have keys', async () => {
  const topic = `${prefix}-compacted`
  await asAdmin({ servers }, async (admin) => {
    const configEntries = [{ name: 'cleanup.policy', value: 'compact' }]
    await createServedTopic(admin, { topic, numPartitions: 1, configEntries })
  })
  const claimed = { ...claimedEvent(`topic:${topic}`, {}), orderKey: 'KEY1' }
  const outcome = await target.dispatch({ target: { kind: 'topic', name: topic }, claimed })
  expect(outcome).toEqual({ outcome: 'done' })
  const [offsets] = await asAdmin({ servers }, (admin) => admin.fetchTopicOffsets(topic))
  expect(offsets).toMatchObject({ low: '0', high: '1' })
})

test('events wait where there is no Kafka, and never go into a topic of the service itself', async () => {
  await using none = new TopicTarget(undefined, silent)
  expect(none.problem({ kind: 'topic', name: 'events' })?.reason).toBe('the service has no Kafka')
  expect(target.problem({ kind: 'topic', name: 'events' })).toBeUndefined()
  expect(target.problem({ kind: 'topic', name: 'connect.shop.orders' })?.reason).toContain(
    'belong to the service',
  )
})

longTest('brokers that are away are a target that is down', { timeout: 60_000 }, async () => {
  await using away = new TopicTarget({ ...servers, brokers: ['127.0.0.1:1'] }, silent)
  const claimed = claimedEvent('topic:events')
  const outcome = await away.dispatch({ target: { kind: 'topic', name: 'events' }, claimed })
  expect(outcome).toMatchObject({ outcome: 'failed', isTargetDown: true })
})
