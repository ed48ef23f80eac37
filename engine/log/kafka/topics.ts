import kafkajs, { type Admin, type ITopicConfig } from 'kafkajs'
import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import { largestRecordBytes } from '../stream-log.ts'
import type { KafkaServers } from './kafka-client.ts'
import { KafkaConnection } from './kafka-connection.ts'
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

/** The leaders of a new topic are waited for this long. */
const leadersMs = 30_000

/** Of a stream's topic. */
export interface TopicLimits {
  /** `max.message.bytes` */
  readonly maxBytes: number
  /** `retention.ms`; absent: for ever. */
  readonly keptMs?: number
}

/** The cluster that topics are made in. */
export interface KafkaAdmin {
  readonly admin: Admin
  readonly servers: KafkaServers
  readonly logger: Logger
}

/** The largest record that surely fits into a message of a topic with this limit. */
export function recordBytesFor(maxMessageBytes: number): number {
  return Math.min(largestRecordBytes, Math.max(0, maxMessageBytes - besideRecordBytes))
}

/** Makes the two topics that all connections share, if they are missing; they can be used when it resolves. */
export async function ensureSharedTopics(kafka: KafkaAdmin): Promise<void> {
  for (const topic of [statesTopic, schemasTopic]) {
    await createTopic(kafka, {
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
 * Makes a stream's topic or adds partitions to it; never takes any away. It can be used when this resolves, with its real
 * settings. Throws `log_topic_compacted`: the broker would refuse the messages that have no key.
 */
export async function ensureStreamTopic(
  kafka: KafkaAdmin,
  wanted: { readonly topic: string; readonly partitions: number },
): Promise<TopicLimits> {
  const { topic } = wanted
  const { admin, servers } = kafka
  const made = await createStreamTopic(kafka, wanted)
  try {
    if (!made) await extend(kafka, wanted)
    const { policy, ...limits } = await settingsOf(admin, topic)
    if (policy.includes('compact')) {
      throw new ConnectError('log_topic_compacted', { details: { topic, policy } })
    }
    return limits
  } catch (error) {
    throw kafkaError(error, { servers, doing: 'preparing', target: `topic ${topic}`, topic })
  }
}

async function createStreamTopic(
  kafka: KafkaAdmin,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
): Promise<boolean> {
  const create = (bytes?: number): Promise<boolean> =>
    createTopic(kafka, {
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

/** False if the topic was there already. */
async function createTopic(
  kafka: KafkaAdmin,
  topic: ITopicConfig & { readonly numPartitions: number },
): Promise<boolean> {
  const { admin, servers } = kafka
  try {
    // kafkajs's own wait for leaders gives up where a broker has not heard of the topic yet.
    const made = await admin.createTopics({ topics: [topic], waitForLeaders: false })
    if (made) await untilServed(kafka, { topic: topic.topic, partitions: topic.numPartitions })
    return made
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

async function extend(
  kafka: KafkaAdmin,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
): Promise<void> {
  const { admin } = kafka
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  const existing = topics[0]?.partitions.length ?? 0
  if (existing >= partitions) return
  await admin.createPartitions({ topicPartitions: [{ topic, count: partitions }] })
  await untilServed(kafka, { topic, partitions })
}

/** Throws `kafka_failed` with what the brokers said last. */
async function untilServed(
  { servers, logger }: KafkaAdmin,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
): Promise<void> {
  try {
    const options = { servers, topics: [topic], patienceMs: leadersMs, newTopicMs: leadersMs }
    await using connection = await KafkaConnection.open({ ...options, logger })
    await connection.untilServed(topic, partitions)
  } catch (error) {
    const doing = 'waiting for the leaders of'
    throw kafkaError(error, { servers, doing, target: `topic ${topic}` })
  }
}

async function settingsOf(
  admin: Admin,
  topic: string,
): Promise<TopicLimits & { readonly policy: string }> {
  const configNames = ['max.message.bytes', 'cleanup.policy', 'retention.ms']
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames }],
  })
  const values = new Map(
    resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]),
  )
  const retentionMs = Number(values.get('retention.ms') ?? -1)
  return {
    policy: values.get('cleanup.policy') ?? 'delete',
    maxBytes: Number(values.get('max.message.bytes') ?? stateMessageBytes),
    ...(retentionMs >= 0 && { keptMs: retentionMs }),
  }
}
