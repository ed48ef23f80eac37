import type { KafkaServers } from '../../kafka/kafka-servers.ts'
import { hasType, kafkaError, refusedTopic } from '../../kafka/kafka-errors.ts'
import { ConnectError } from '../../protocol/index.ts'

interface Doing {
  readonly servers: KafkaServers
  /** `writing to`, `reading`, `creating`. */
  readonly doing: string
  readonly topic: string
  /** Of the batch that was written. */
  readonly bytes?: number
}

const tooLarge = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']

/** A fault of Kafka as an error that says what to do. */
export function topicError(thrown: unknown, { servers, doing, bytes, ...at }: Doing): ConnectError {
  const topic = refusedTopic(thrown) ?? at.topic
  if (tooLarge.some((type) => hasType(thrown, type))) {
    const details = { topic, ...(bytes !== undefined && { bytes }) }
    return new ConnectError('destination_message_too_large', { details, cause: thrown })
  }
  const error = kafkaError(thrown, { servers, doing, target: `topic ${topic}`, topic })
  if (error.code !== 'log_topic_missing') return error
  return new ConnectError('destination_topic_missing', { details: { topic }, cause: thrown })
}

/** The bookkeeping does not know the active run. */
export function checkpointsReplaced(topic: string): ConnectError {
  return new ConnectError('destination_checkpoints_replaced', { details: { topic } })
}
