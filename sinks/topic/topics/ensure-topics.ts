import { KafkaConnection } from '../../../kafka/kafka-connection.ts'
import { hasType } from '../../../kafka/kafka-errors.ts'
import {
  createTopic,
  topicSettings,
  type KafkaAdmin,
  type TopicCluster,
} from '../../../kafka/make-topic.ts'
import { schemasTopic } from '../../../kafka/topic-names.ts'
import { nameRefusals, topicFor } from '../../../kafka/name-refusals.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { checkpointTopic, controlTopic, rejectedTopic } from '../own-names.ts'
import { topicError } from '../topic-errors.ts'
import type { TargetTopic } from './target-topic.ts'

/** A restarting broker is waited for. */
const patienceMs = 20_000

type Policy = 'compact' | 'delete'
type Settings = Readonly<Record<string, string>>

/** A state may be megabytes. */
const ownMessageBytes = String(8 * 1024 * 1024 + 512 * 1024)
/**
 * The checkpoints are read as a whole when a run starts and when a lane opens: small segments are compacted
 * early. Kafka's default is a gigabyte for a segment, of which nothing is compacted.
 */
const smallSegments: Settings = {
  'segment.bytes': String(16 * 1024 * 1024),
  'min.cleanable.dirty.ratio': '0.1',
}

/** Makes the topics that all connections share, if they are missing. Throws `destination_topic_policy`. */
export async function ensureSharedTopics(kafka: KafkaAdmin): Promise<void> {
  const settings = { 'max.message.bytes': ownMessageBytes }
  for (const topic of [controlTopic, rejectedTopic])
    await ensureOwn(kafka, { topic, policy: 'delete', settings })
}

/** Where readers find schemas of Avro if there is no registry. */
export async function ensureSchemasTopic(kafka: KafkaAdmin): Promise<void> {
  const settings = { 'max.message.bytes': ownMessageBytes }
  await ensureOwn(kafka, { topic: schemasTopic, policy: 'compact', settings })
}

export async function ensureCheckpointTopic(kafka: KafkaAdmin, connection: string): Promise<void> {
  const settings = { 'max.message.bytes': ownMessageBytes, ...smallSegments }
  await ensureOwn(kafka, { topic: checkpointTopic(connection), policy: 'compact', settings })
}

interface WantedTopic {
  readonly topic: string
  readonly policy: Policy
  readonly settings: Settings
}

async function ensureOwn(kafka: KafkaAdmin, wanted: WantedTopic): Promise<void> {
  const { topic, policy: needed } = wanted
  await ensure(kafka, { ...wanted, partitions: 1 })
  const { policy } = await settingsOf(kafka, topic)
  // A checkpoint that is deleted by its age is lost; a compacted topic would drop all but the last rejection
  // of a stream.
  if (policy === needed) return
  throw new ConnectError('destination_topic_policy', { details: { topic, policy, needed } })
}

/** Makes the topic if it is missing; one that is there is used as it is. */
export async function ensureTarget(
  kafka: KafkaAdmin,
  wanted: { readonly topic: string; readonly partitions: number; readonly policy: Policy },
): Promise<TargetTopic> {
  const { topic } = wanted
  const isNew = await ensure(kafka, { ...wanted, settings: {} })
  return { ...(await describeTarget(kafka, topic)), isNew }
}

/** A topic that is there. */
export async function describeTarget(
  kafka: KafkaAdmin,
  topic: string,
): Promise<Omit<TargetTopic, 'isNew'>> {
  const { policy, maxBytes } = await settingsOf(kafka, topic)
  const { admin, servers } = kafka
  try {
    const offsets = await nameRefusals([topicFor('Describe', topic)], () =>
      admin.fetchTopicOffsets(topic),
    )
    const sorted = offsets.toSorted((a, b) => a.partition - b.partition)
    const starts = sorted.map(({ low }) => low)
    const ends = sorted.map(({ high }) => high)
    const id = await topicId(kafka, topic)
    return { id, policy, partitions: ends.length, maxMessageBytes: maxBytes, starts, ends }
  } catch (error) {
    throw topicError(error, { servers, doing: 'preparing', topic })
  }
}

/** See `KafkaConnection.topicId`. Throws `destination_topic_missing`. */
export async function topicId(kafka: TopicCluster, topic: string): Promise<string | undefined> {
  const { servers } = kafka
  try {
    await using connection = await KafkaConnection.open({ ...kafka, topics: [topic], patienceMs })
    return await connection.runWithRetries(() => connection.topicId(topic))
  } catch (error) {
    throw topicError(error, { servers, doing: 'looking for', topic })
  }
}

/**
 * Whether it was made. Asks which topics there are first: who may not create topics could not use one that is
 * there.
 */
async function ensure(
  kafka: KafkaAdmin,
  wanted: WantedTopic & { readonly partitions: number },
): Promise<boolean> {
  const { topic } = wanted
  const { admin, servers } = kafka
  try {
    if ((await admin.listTopics()).includes(topic)) return false
    return await create(kafka, wanted)
  } catch (error) {
    throw creationError(topicError(error, { servers, doing: 'creating', topic }), topic)
  }
}

/** First with all settings, then with those that a broker with a policy of its own takes. */
async function create(
  kafka: KafkaAdmin,
  { topic, policy, settings, partitions }: WantedTopic & { readonly partitions: number },
): Promise<boolean> {
  const withSettings = (some: Settings): Promise<boolean> =>
    createTopic(kafka, {
      topic,
      numPartitions: partitions,
      replicationFactor: -1,
      configEntries: Object.entries({ 'cleanup.policy': policy, ...some }).map(([name, value]) => ({
        name,
        value,
      })),
    })
  try {
    return await withSettings(settings)
  } catch (error) {
    if (Object.keys(settings).length === 0 || !isRefusedSetting(error)) throw error
    return withSettings({})
  }
}

function isRefusedSetting(error: unknown): boolean {
  const cause = error instanceof ConnectError ? error.cause : error
  return hasType(cause, 'POLICY_VIOLATION') || hasType(cause, 'INVALID_CONFIG')
}

function creationError(error: ConnectError, topic: string): ConnectError {
  if (error.code !== 'log_topic_name_taken') return error
  const { reason } = error.details
  const problem = `cannot be created (${typeof reason === 'string' ? reason : 'its name is taken'}); Kafka does not distinguish \`.\` and \`_\` in names`
  return new ConnectError('destination_topic_invalid', {
    details: { topic, problem },
    cause: error,
  })
}

async function settingsOf(
  kafka: KafkaAdmin,
  topic: string,
): Promise<Awaited<ReturnType<typeof topicSettings>>> {
  try {
    return await topicSettings(kafka, topic)
  } catch (error) {
    const { servers } = kafka
    throw topicError(error, { servers, doing: 'reading the settings of', topic })
  }
}
