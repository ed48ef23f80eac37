import type { Logger } from 'pino'
import { kafkaClient } from '../../kafka/kafka-client.ts'
import type { KafkaServers } from '../../kafka/kafka-servers.ts'
import { kafkaError } from '../../kafka/kafka-errors.ts'
import type { KafkaMessage } from '../../kafka/record-batch/message-cursor.ts'
import { ConnectError, streamIdOf, type StreamId } from '../../protocol/index.ts'
import {
  streamStateKey,
  streamStateValue,
  type PlanValue,
  type SyncEndValue,
} from '../log/kafka/message-schemas.ts'
import { isStatesTopic, topicName } from '../log/kafka/topic-names.ts'
import { readTopic } from './read-topic.ts'

/** A stream whose records are in a topic, as its last attempt and the end of its sync reported it. */
export interface StreamTopic {
  readonly topic: string
  readonly connection: string
  readonly stream: StreamId
  readonly plan: PlanValue
  /** The end of that sync; undefined: it is not complete. */
  readonly end: SyncEndValue | undefined
}

/** The streams of all connections that may be read, by the names of their topics. */
export async function listTopics(
  servers: KafkaServers,
  { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<readonly StreamTopic[]> {
  const found = new Map<string, StreamTopic>()
  const refusals: ConnectError[] = []
  const topics = await statesTopics(servers, logger)
  for (const topic of topics) {
    const take = (message: KafkaMessage): void => {
      const entry = entryOf(message)
      if (entry !== undefined) found.set(entry.topic, entry)
    }
    await readTopic({ servers, topic, logger }, { signal, take }).catch((error: unknown) => {
      refusals.push(refusalIn(error))
    })
  }
  if (refusals[0] !== undefined && refusals.length === topics.length) throw refusals[0]
  return [...found.values()].toSorted((left, right) => (left.topic < right.topic ? -1 : 1))
}

/**
 * A user that may describe all topics, and read those of one connection, sees the streams of that one. Throws
 * any other error.
 */
function refusalIn(error: unknown): ConnectError {
  const refusal = ConnectError.from(error)
  if (refusal.code !== 'kafka_permission_denied') throw refusal
  return refusal
}

async function statesTopics(servers: KafkaServers, logger: Logger): Promise<readonly string[]> {
  const admin = kafkaClient(servers, logger).admin()
  try {
    await admin.connect()
    const topics = await admin.listTopics()
    return topics.filter(isStatesTopic)
  } catch (error) {
    throw kafkaError(error, { servers, doing: 'listing the topics of', target: 'the cluster' })
  } finally {
    await admin.disconnect()
  }
}

/** Undefined: it is the state of a slice, or of a version that this program does not know. */
function entryOf({ key, value }: KafkaMessage): StreamTopic | undefined {
  const owner = streamStateKey.safeParse(parsed(key)).data
  const state = streamStateValue.safeParse(parsed(value)).data
  if (owner === undefined || state === undefined) return undefined
  const [connection, namespace, name] = owner
  const stream = streamIdOf({ name, ...(namespace !== null && { namespace }) })
  return { topic: topicName(connection, stream), connection, stream, ...state, end: state.end }
}

function parsed(bytes: Buffer | null): unknown {
  if (bytes === null) return undefined
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined // not ours
  }
}
