import { hasType, kafkaError } from '../../../kafka/kafka-errors.ts'
import {
  createTopic,
  extendTopic,
  makeTopic,
  settingsOnceServed,
  type TopicCluster,
  type TopicSettings,
} from '../../../kafka/make-topic.ts'
import { ConnectError, largestRecordBytes } from '../../../protocol/index.ts'
import type { SharedTopics } from './topic-names.ts'

/**
 * Room in a message beside its largest record: the rest of a block that the record ends, headers, framing.
 */
const besideRecordBytes = 512 * 1024
/** The limit for messages of the shared topics: a state may be megabytes. */
const stateMessageBytes = 8 * 1024 * 1024 + besideRecordBytes
/**
 * `max.message.bytes` of a stream's topic, until the broker takes one, and then its own default: it may have
 * a policy (managed brokers allow 8 MiB to 20 MiB). A request to a broker may have 100 MiB
 * (`socket.request.max.bytes`).
 */
const messageBytesToTry = [largestRecordBytes + besideRecordBytes, stateMessageBytes]

/** The settings of a stream's topic. */
export interface StreamTopic extends Omit<TopicSettings, 'policy'> {
  /** It may have more than were wanted. */
  readonly partitions: number
}

/** The largest record that surely fits into a message of a topic with this limit. */
export function recordBytesFor(maxMessageBytes: number): number {
  return Math.min(largestRecordBytes, Math.max(0, maxMessageBytes - besideRecordBytes))
}

/**
 * Makes the topics of states and schemas if they are missing; they can be used when it resolves. Throws
 * `log_topic_not_compacted` if one was made in another way: it would lose what is still needed.
 */
export async function ensureSharedTopics(
  kafka: TopicCluster,
  { statesTopic, schemasTopic }: SharedTopics,
): Promise<void> {
  for (const topic of [statesTopic, schemasTopic]) {
    const isMade = await createTopic(kafka, {
      topic,
      numPartitions: 1,
      replicationFactor: -1,
      configEntries: [
        { name: 'cleanup.policy', value: 'compact' },
        { name: 'max.message.bytes', value: String(stateMessageBytes) },
      ],
    })
    if (!isMade) await expectCompacted(kafka, topic)
  }
}

async function expectCompacted(kafka: TopicCluster, topic: string): Promise<void> {
  const { servers } = kafka
  try {
    const { policy } = await settingsOnceServed(kafka, { topic, partitions: 1 })
    if (policy.includes('compact')) return
    throw new ConnectError('log_topic_not_compacted', { details: { topic, policy } })
  } catch (error) {
    throw kafkaError(error, { servers, doing: 'preparing', target: `topic ${topic}`, topic })
  }
}

/**
 * Makes a stream's topic or adds partitions to it; never takes any away. Resolves with its real settings; a
 * `KafkaConnection` can use it, and waits for brokers that have not heard of it. Throws
 * `log_topic_compacted`, unless it may be compacted: the broker would refuse messages that have no key.
 */
export async function ensureStreamTopic(
  kafka: TopicCluster,
  wanted: {
    readonly topic: string
    readonly partitions: number
    readonly mayBeCompacted?: boolean
  },
): Promise<StreamTopic> {
  const { topic } = wanted
  const { servers } = kafka
  const made = await createStreamTopic(kafka, wanted)
  try {
    const partitions = made ? wanted.partitions : await extendTopic(kafka, wanted)
    const { policy, ...limits } = await settingsOnceServed(kafka, { topic, partitions })
    if (policy.includes('compact') && wanted.mayBeCompacted !== true) {
      throw new ConnectError('log_topic_compacted', { details: { topic, policy } })
    }
    return { ...limits, partitions }
  } catch (error) {
    throw kafkaError(error, { servers, doing: 'preparing', target: `topic ${topic}`, topic })
  }
}

async function createStreamTopic(
  kafka: TopicCluster,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
): Promise<boolean> {
  const create = (bytes?: number): Promise<boolean> =>
    makeTopic(kafka, {
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
