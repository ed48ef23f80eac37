import type { Admin, ITopicConfig } from 'kafkajs'
import type { ClusterBroker } from 'kafkajs/src/cluster/index.js'
import type { Logger } from 'pino'
import { ConnectError } from '../protocol/index.ts'
import type { ClusterSessions } from './cluster-sessions.ts'
import type { KafkaServers } from './kafka-servers.ts'
import { KafkaConnection } from './kafka-connection.ts'
import { hasType, kafkaError } from './kafka-errors.ts'
import { nameRefusals, topicFor } from './name-refusals.ts'

/** The leaders of a new topic are waited for this long. */
const leadersMs = 30_000
/** A broker that has just restarted; one that is away is reported soon. */
const patienceMs = 2_000
/** Topics that the user may not see look as if they were missing. */
const creation = 'Create (or Describe, if it is there)'
/** The type of a topic among what has settings. */
const topicResource = 2
/** `max.message.bytes` if a broker does not report it: Kafka's own default. */
const brokerMessageBytes = 1024 * 1024

/** The cluster that topics are made in. */
export interface TopicCluster {
  readonly servers: KafkaServers
  /**
   * See `KafkaConnection`. Topics of many streams at the same time are made through many sessions: a broker
   * serves the requests of one in turn.
   */
  readonly sessions?: ClusterSessions
  readonly logger: Logger
}

export interface KafkaAdmin extends TopicCluster {
  readonly admin: Admin
}

export interface TopicSettings {
  /** `cleanup.policy` */
  readonly policy: string
  /** `max.message.bytes` */
  readonly maxBytes: number
  /** `retention.ms`; absent: without a limit. */
  readonly keptMs?: number
}

/** False if the topic was there already. A new one can be used when it resolves. */
export async function createTopic(
  kafka: TopicCluster,
  topic: ITopicConfig & { readonly numPartitions: number },
): Promise<boolean> {
  const made = await makeTopic(kafka, topic)
  if (made) await untilServed(kafka, { topic: topic.topic, partitions: topic.numPartitions })
  return made
}

/**
 * The same, but brokers may not have heard of the topic yet: for users that expect that, as `KafkaConnection`
 * does.
 */
export async function makeTopic(kafka: TopicCluster, topic: ITopicConfig): Promise<boolean> {
  const { servers } = kafka
  try {
    return await nameRefusals([topicFor(creation, topic.topic)], () => requestTopic(kafka, topic))
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

async function requestTopic(kafka: TopicCluster, topic: ITopicConfig): Promise<boolean> {
  try {
    await atController(kafka, (controller) => controller.createTopics({ topics: [topic] }))
    return true
  } catch (error) {
    if (hasType(error, 'TOPIC_ALREADY_EXISTS')) return false
    throw error
  }
}

/** Adds partitions up to a number; never takes any away. Resolves with how many there are. */
export async function extendTopic(
  kafka: TopicCluster,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
): Promise<number> {
  const existing = await countPartitions(kafka, topic)
  if (existing >= partitions) return existing
  const topicPartitions = [{ topic, count: partitions }]
  await nameRefusals([topicFor('Alter', topic)], () =>
    atController(kafka, (controller) => controller.createPartitions({ topicPartitions })),
  )
  await untilServed(kafka, { topic, partitions })
  return partitions
}

async function countPartitions(kafka: TopicCluster, topic: string): Promise<number> {
  await using connection = await KafkaConnection.open({ ...kafka, topics: [topic], patienceMs })
  return connection.partitionsOf(topic)
}

async function atController<T>(
  kafka: TopicCluster,
  action: (controller: ClusterBroker) => Promise<T>,
): Promise<T> {
  await using connection = await KafkaConnection.open({ ...kafka, topics: [], patienceMs })
  return await connection.runWithRetries(async () => action(await connection.controller()))
}

/** The real settings of a topic that is there, or that another process is making right now. */
export async function settingsOnceServed(
  kafka: TopicCluster,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
): Promise<TopicSettings> {
  try {
    return await topicSettings(kafka, topic)
  } catch (error) {
    if (!hasType(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw error
    await untilServed(kafka, { topic, partitions })
    return topicSettings(kafka, topic)
  }
}

/** Waits until all leaders know the topic. Throws `kafka_failed` with what the brokers said last. */
export async function untilServed(
  kafka: TopicCluster,
  { topic, partitions }: { readonly topic: string; readonly partitions: number },
): Promise<void> {
  try {
    const options = { topics: [topic], patienceMs: leadersMs, newTopicMs: leadersMs }
    await using connection = await KafkaConnection.open({ ...kafka, ...options })
    await connection.untilServed(topic, partitions)
  } catch (error) {
    const doing = 'waiting for the leaders of'
    throw kafkaError(error, { servers: kafka.servers, doing, target: `topic ${topic}` })
  }
}

/** The real settings of a topic. */
export async function topicSettings(kafka: TopicCluster, topic: string): Promise<TopicSettings> {
  const configNames = ['max.message.bytes', 'cleanup.policy', 'retention.ms']
  const { resources } = await nameRefusals([topicFor('DescribeConfigs', topic)], () =>
    atController(kafka, (controller) =>
      controller.describeConfigs({
        resources: [{ type: topicResource, name: topic, configNames }],
      }),
    ),
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
