import kafkajs, { type Admin, type ITopicConfig } from 'kafkajs'
import { ConnectError } from '../../../protocol/index.ts'
import { largestRecordBytes } from '../stream-log.ts'
import type { KafkaServers } from './kafka-client.ts'
import { hasType, kafkaError } from './kafka-errors.ts'
import { schemasTopic, statesTopic } from './topic-names.ts'

/** Room in a message beside its largest record: the rest of a block that the record ends, headers, framing. */
const besideRecordBytes = 512 * 1024
/** Of the shared topics: a state may be megabytes. */
const stateMessageBytes = 8 * 1024 * 1024 + besideRecordBytes
/**
 * `max.message.bytes` of a stream's topic, until the broker takes one, and then its own default: it may have a policy (managed brokers
 * allow 8 MiB to 20 MiB). A request to a broker may have 100 MiB (`socket.request.max.bytes`).
 */
const messageBytesToTry = [largestRecordBytes + besideRecordBytes, stateMessageBytes]

/** The largest record that surely fits into a message of a topic with this limit. */
export function recordBytesFor(maxMessageBytes: number): number {
  return Math.min(largestRecordBytes, Math.max(0, maxMessageBytes - besideRecordBytes))
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
        { name: 'max.message.bytes', value: String(stateMessageBytes) },
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
  const made = await createStreamTopic(admin, servers, wanted)
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

async function createStreamTopic(
  admin: Admin,
  servers: KafkaServers,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
): Promise<boolean> {
  const create = (bytes?: number): Promise<boolean> =>
    createTopic(admin, servers, {
      topic,
      numPartitions: partitions,
      replicationFactor: -1,
      configEntries: [
        { name: 'cleanup.policy', value: 'delete' },
        ...(bytes === undefined ? [] : [{ name: 'max.message.bytes', value: String(bytes) }]),
      ],
    })
  for (const bytes of messageBytesToTry) {
    try {
      return await create(bytes)
    } catch (error) {
      if (!isRefusedSetting(error)) throw error
    }
  }
  return create()
}

/** Whether the broker takes no topic with these settings, but may take one with others. */
function isRefusedSetting(error: unknown): boolean {
  const cause = error instanceof ConnectError ? error.cause : error
  return hasType(cause, 'POLICY_VIOLATION') || hasType(cause, 'INVALID_CONFIG')
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
    maxBytes: Number(values.get('max.message.bytes') ?? stateMessageBytes),
  }
}
