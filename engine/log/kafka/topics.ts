import kafkajs, { type Admin, type ITopicConfig } from 'kafkajs'
import { ConnectError } from '../../../protocol/index.ts'
import type { KafkaServers } from './kafka-client.ts'
import { hasType, kafkaError } from './kafka-errors.ts'
import { schemasTopic, statesTopic } from './topic-names.ts'

/** A record of this size fits into a topic that was made here. */
export const wantedRecordBytes = 8 * 1024 * 1024
/** Room in a message beside its largest record: the rest of a block that the record ends, headers, framing. */
const besideRecordBytes = 512 * 1024
const wantedMessageBytes = wantedRecordBytes + besideRecordBytes

/** The largest record that surely fits into a message of a topic with this limit. */
export function recordBytesFor(maxMessageBytes: number): number {
  return Math.min(wantedRecordBytes, Math.max(0, maxMessageBytes - besideRecordBytes))
}

/** Makes the two topics that all connections share, where they are missing. */
export async function ensureSharedTopics(admin: Admin, servers: KafkaServers): Promise<void> {
  for (const topic of [statesTopic, schemasTopic]) {
    await createTopic(admin, servers, {
      topic,
      numPartitions: 1,
      replicationFactor: -1,
      configEntries: [
        { name: 'cleanup.policy', value: 'compact' },
        { name: 'max.message.bytes', value: String(wantedMessageBytes) },
      ],
    })
  }
}

/**
 * Makes a stream's topic or adds partitions to it; never takes any away. Resolves with its real `max.message.bytes`. Throws
 * `log_topic_compacted`: the broker would refuse the messages that have no key.
 */
export async function ensureStreamTopic(
  admin: Admin,
  servers: KafkaServers,
  wanted: { readonly topic: string; readonly partitions: number },
): Promise<number> {
  const { topic, partitions } = wanted
  const made = await createTopic(admin, servers, {
    topic,
    numPartitions: partitions,
    replicationFactor: -1,
    configEntries: [
      { name: 'cleanup.policy', value: 'delete' },
      { name: 'max.message.bytes', value: String(wantedMessageBytes) },
    ],
  })
  try {
    if (!made) await extend(admin, topic, partitions)
    const { policy, maxBytes } = await settingsOf(admin, topic)
    if (policy.includes('compact')) {
      throw new ConnectError('log_topic_compacted', { details: { topic, policy } })
    }
    return maxBytes
  } catch (error) {
    throw kafkaError(error, { servers, doing: 'preparing', target: `topic ${topic}`, topic })
  }
}

/** False where the topic was there already. */
async function createTopic(
  admin: Admin,
  servers: KafkaServers,
  topic: ITopicConfig,
): Promise<boolean> {
  try {
    return await admin.createTopics({ topics: [topic], waitForLeaders: true })
  } catch (error) {
    if (hasType(error, 'INVALID_TOPIC_EXCEPTION')) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new ConnectError('log_topic_name_taken', {
        details: { topic: topic.topic, reason },
        cause: error,
      })
    }
    throw kafkaError(error, { servers, doing: 'creating', target: `topic ${topic.topic}` })
  }
}

async function extend(admin: Admin, topic: string, partitions: number): Promise<void> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  const there = topics[0]?.partitions.length ?? 0
  if (there >= partitions) return
  await admin.createPartitions({ topicPartitions: [{ topic, count: partitions }] })
}

async function settingsOf(
  admin: Admin,
  topic: string,
): Promise<{ readonly policy: string; readonly maxBytes: number }> {
  const configNames = ['max.message.bytes', 'cleanup.policy']
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames }],
  })
  const values = new Map(
    resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]),
  )
  return {
    policy: values.get('cleanup.policy') ?? 'delete',
    maxBytes: Number(values.get('max.message.bytes') ?? wantedMessageBytes),
  }
}
