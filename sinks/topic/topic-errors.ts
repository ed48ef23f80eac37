import type { KafkaServers } from '../../kafka/kafka-servers.ts'
import { hasType, kafkaError, refusedTopic } from '../../kafka/kafka-errors.ts'
import { ConnectError, streamLabel } from '../../protocol/index.ts'
import type { SinkStream } from '../sink.ts'

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

/** Messages that are in the topic look different from those that would follow. */
export function formChanged(
  { stream }: Pick<SinkStream, 'stream'>,
  facts: { readonly topic: string; readonly before: string; readonly after: string },
): ConnectError {
  const details = { ...facts, stream: streamLabel(stream.stream) }
  return new ConnectError('destination_topic_form_changed', { details })
}

/** The bookkeeping does not know the active run. */
export function checkpointsReplaced(topic: string): ConnectError {
  return new ConnectError('destination_checkpoints_replaced', { details: { topic } })
}
