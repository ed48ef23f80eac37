import kafkajs from 'kafkajs'
import { expect, test } from 'vitest'
import { partitionOf } from '../../../../sinks/topic/rows/murmur2.ts'
import {
  consumeTopic,
  produceLines,
  skipWithoutKafkaConsole,
} from '../../../support/kafka-console.ts'
import { createServedTopic, testKafka } from '../../../support/kafka.ts'

const partitions = 7

test("a key has the partition that Kafka's own Java client gives it", async (context) => {
  skipWithoutKafkaConsole(context)
  const { brokers, prefix: topic } = testKafka()
  const client = new kafkajs.Kafka({
    brokers: [...brokers],
    clientId: 'test',
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const admin = client.admin()
  await admin.connect()
  await createServedTopic(admin, { topic, numPartitions: partitions })
  await admin.disconnect()
  const keys = Array.from(
    { length: 400 },
    (_, index) => `key ${String(index)}${'é'.repeat(index % 9)}`,
  )
  const lines = keys.map((key) => `${key}:value`)
  await produceLines(brokers, { topic, codec: 'none', headers: 'name:text', lines })
  const messages = await consumeTopic(brokers, topic)
  expect(messages.map(({ key }) => String(key)).toSorted()).toEqual(keys.toSorted())
  for (const { key, partition } of messages) {
    const bytes = key ?? Buffer.of()
    expect(partitionOf(bytes, bytes.length, partitions)).toBe(partition)
  }
})
