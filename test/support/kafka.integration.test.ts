import { Kafka, logLevel } from 'kafkajs'
import { expect, test } from 'vitest'
import { createServedTopic, startKafka, testKafka } from './kafka.ts'
import { longTest } from './long.ts'

longTest('a broker of its own keeps what was acknowledged through kill -9', async () => {
  await using broker = await startKafka()
  const kafka = client(broker.brokers)
  const before = kafka.admin()
  await before.connect()
  await createServedTopic(before, { topic: 'kept', numPartitions: 1 })
  await before.disconnect()
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: 'kept', acks: -1, messages: [{ value: 'one' }, { value: 'two' }] })
  await producer.disconnect()
  await broker.kill9()
  await broker.restart()
  const after = kafka.admin()
  await after.connect()
  expect(await after.fetchTopicOffsets('kept')).toMatchObject([{ low: '0', high: '2' }])
  await after.disconnect()
})

test('the shared broker takes transactions', async () => {
  const { brokers, prefix } = testKafka()
  const kafka = client(brokers)
  const admin = kafka.admin()
  await admin.connect()
  await createServedTopic(admin, { topic: prefix, numPartitions: 1 })
  const producer = kafka.producer({
    transactionalId: prefix,
    maxInFlightRequests: 1,
    idempotent: true,
  })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic: prefix, messages: [{ value: 'one' }] })
  await transaction.commit()
  await producer.disconnect()
  // One record and the marker of the commit, which the broker writes a moment after its response.
  await expect
    .poll(async () => admin.fetchTopicOffsets(prefix), { timeout: 10_000 })
    .toMatchObject([{ high: '2' }])
  await admin.deleteTopics({ topics: [prefix] })
  await admin.disconnect()
})

function client(brokers: readonly string[]): Kafka {
  return new Kafka({ brokers: [...brokers], clientId: 'test', logLevel: logLevel.NOTHING })
}
