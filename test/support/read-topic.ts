import kafkajs from 'kafkajs'
import { inject } from 'vitest'
import { calmRequestQueues } from '../../kafka/request-queue.ts'
import { PartitionFetcher } from '../../kafka/partition-fetcher.ts'
import type { KafkaMessage } from '../../kafka/record-batch/message-cursor.ts'
import { silent as logger } from './logger.ts'

export interface ReadMessage extends KafkaMessage {
  readonly partition: number
}

/** All that a read_committed reader sees in a topic, partition by partition. */
export async function readTopic(
  topic: string,
  brokers: readonly string[] = inject('kafkaBrokers'),
): Promise<ReadMessage[]> {
  const messages: ReadMessage[] = []
  for (let partition = 0; partition < (await partitionsOf(topic, brokers)); partition++) {
    const servers = { brokers, clientId: 'reader', ssl: false }
    await using fetcher = await PartitionFetcher.open({ servers, topic, partition, logger })
    const { low, high } = await fetcher.bounds()
    for (let offset = low; offset < high;) {
      const fetched = await fetcher.fetch(offset)
      if (fetched === 'lost') throw new Error(`${topic} has lost offset ${String(offset)}`)
      for await (const message of fetcher.messages(fetched.batches))
        messages.push({ ...message, partition })
      offset = fetched.next
    }
  }
  return messages
}

async function partitionsOf(topic: string, brokers: readonly string[]): Promise<number> {
  calmRequestQueues()
  const admin = new kafkajs.Kafka({
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
  }).admin()
  await admin.connect()
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0]?.partitions.length ?? 0
  } finally {
    await admin.disconnect()
  }
}
