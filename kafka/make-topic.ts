import kafkajs, { type Admin, type ITopicConfig } from 'kafkajs'
import type { Logger } from 'pino'
import { ConnectError } from '../protocol/index.ts'
import type { ClusterSessions } from './cluster-sessions.ts'
import type { KafkaServers } from './kafka-servers.ts'
import { KafkaConnection } from './kafka-connection.ts'
import { hasType, kafkaError } from './kafka-errors.ts'
import { nameRefusals, topicFor } from './name-refusals.ts'

/** The leaders of a new topic are waited for this long. */
const leadersMs = 30_000
/** Topics that the user may not see look as if they were missing. */
const creation = 'Create (or Describe, if it is there)'
/** `max.message.bytes` where a broker does not tell: Kafka's own default. */
const brokerMessageBytes = 1024 * 1024

/** The cluster that topics are made in. */
export interface KafkaAdmin {
  readonly admin: Admin
  readonly servers: KafkaServers
  /** See `KafkaConnection`. */
  readonly sessions?: ClusterSessions
  readonly logger: Logger
}

export interface TopicSettings {
  /** `cleanup.policy` */
  readonly policy: string
  /** `max.message.bytes` */
  readonly maxBytes: number
  /** `retention.ms`; absent: for ever. */
  readonly keptMs?: number
}

/** False if the topic was there already. */
export async function createTopic(
  kafka: KafkaAdmin,
  topic: ITopicConfig & { readonly numPartitions: number },
): Promise<boolean> {
  const { admin, servers } = kafka
  try {
    // kafkajs's own wait for leaders gives up where a broker has not heard of the topic yet.
    const made = await nameRefusals([topicFor(creation, topic.topic)], () =>
      admin.createTopics({ topics: [topic], waitForLeaders: false }),
    )
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

/** Adds partitions up to a number; never takes any away. Resolves with how many there are. */
export async function extendTopic(
  kafka: KafkaAdmin,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
): Promise<number> {
  const { admin } = kafka
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  const existing = topics[0]?.partitions.length ?? 0
  if (existing >= partitions) return existing
  await nameRefusals([topicFor('Alter', topic)], () =>
    admin.createPartitions({ topicPartitions: [{ topic, count: partitions }] }),
  )
  await untilServed(kafka, { topic, partitions })
  return partitions
}

/** The real settings of a topic that is there, or that another process is making right now. */
export async function settingsOnceServed(
  kafka: KafkaAdmin,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
): Promise<TopicSettings> {
  try {
    return await topicSettings(kafka.admin, topic)
  } catch (error) {
    if (!hasType(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw error
    await untilServed(kafka, { topic, partitions })
    return topicSettings(kafka.admin, topic)
  }
}

/** Throws `kafka_failed` with what the brokers said last. */
async function untilServed(
  { servers, sessions, logger }: KafkaAdmin,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
): Promise<void> {
  try {
    const options = { servers, topics: [topic], patienceMs: leadersMs, newTopicMs: leadersMs }
    await using connection = await KafkaConnection.open({ ...options, sessions, logger })
    await connection.untilServed(topic, partitions)
  } catch (error) {
    const doing = 'waiting for the leaders of'
    throw kafkaError(error, { servers, doing, target: `topic ${topic}` })
  }
}

/** The real settings of a topic. */
export async function topicSettings(admin: Admin, topic: string): Promise<TopicSettings> {
  const configNames = ['max.message.bytes', 'cleanup.policy', 'retention.ms']
  const { resources } = await nameRefusals([topicFor('DescribeConfigs', topic)], () =>
    admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames }],
    }),
  )
  const values = new Map(
    resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]),
  )
  const retentionMs = Number(values.get('retention.ms') ?? -1)
  return {
    policy: values.get('cleanup.policy') ?? 'delete',
    maxBytes: Number(values.get('max.message.bytes') ?? brokerMessageBytes),
    ...(retentionMs >= 0 && { keptMs: retentionMs }),
  }
}
