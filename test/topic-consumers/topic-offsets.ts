import { setTimeout as delay } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { calmRequestQueues } from '../../kafka/request-queue.ts'
import { positionsOf } from './consumer-programs.ts'
import { createServedTopic } from '../support/kafka.ts'

async function withAdmin<T>(
  brokers: readonly string[],
  work: (admin: kafkajs.Admin) => Promise<T>,
): Promise<T> {
  calmRequestQueues()
  const kafka = new kafkajs.Kafka({
    brokers: [...brokers],
    clientId: 'test',
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/** The end of each partition. */
export async function endsOf(
  brokers: readonly string[],
  topic: string,
): Promise<ReadonlyMap<number, number>> {
  const offsets = await withAdmin(brokers, (admin) => offsetsOf(admin, topic))
  return new Map(offsets.map(({ partition, high }) => [partition, Number(high)]))
}

/** A partition that was just added has no leader for a moment. */
async function offsetsOf(
  admin: kafkajs.Admin,
  topic: string,
): ReturnType<kafkajs.Admin['fetchTopicOffsets']> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await admin.fetchTopicOffsets(topic)
    } catch (error) {
      const isRetriable = error instanceof kafkajs.KafkaJSError && error.retriable
      if (!isRetriable || attempt === 20) throw error
      await delay(100)
    }
  }
}

/**
 * Deletes the messages before the positions that all of the stores hold. The sink has read them too: no run
 * is going on.
 */
export async function deleteRead(
  brokers: readonly string[],
  topics: readonly string[],
  stores: readonly string[],
): Promise<void> {
  await withAdmin(brokers, async (admin) => {
    for (const topic of topics) {
      // Without it, the client does not know who leads the partitions.
      await offsetsOf(admin, topic)
      const positions = stores.map((store) => positionsOf(store, topic))
      const partitions = [...(positions[0]?.keys() ?? [])].map((partition) => ({
        partition,
        offset: String(Math.min(...positions.map((each) => each.get(partition) ?? 0))),
      }))
      await admin.deleteTopicRecords({ topic, partitions })
    }
  })
}

/** A topic with one partition, as the engine makes them but for the largest message. */
export async function createTopic(
  brokers: readonly string[],
  topic: string,
  maxMessageBytes: number,
): Promise<void> {
  const configEntries = [
    { name: 'cleanup.policy', value: 'delete' },
    { name: 'max.message.bytes', value: String(maxMessageBytes) },
  ]
  await withAdmin(brokers, (admin) =>
    createServedTopic(admin, { topic, numPartitions: 1, configEntries }),
  )
}
