import type { KafkaServers } from '../../kafka/kafka-servers.ts'
import { hasType, kafkaError, refusedTopic } from '../../kafka/kafka-errors.ts'
import { schemasTopic } from '../../kafka/topic-names.ts'
import { ConnectError, streamLabel } from '../../protocol/index.ts'
import type { SinkStream } from '../sink.ts'
import { controlTopic, isCheckpointTopic, rejectedTopic } from './own-names.ts'

interface Doing {
  readonly servers: KafkaServers
  /** `writing to`, `reading`, `creating`. */
  readonly doing: string
  readonly topic: string
  /** The size of the batch that was written. */
  readonly bytes?: number
}

const tooLarge = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']

/** A fault of Kafka as an error that says what to do. */
export function topicError(
  thrown: unknown,
  { servers, doing, bytes, ...rest }: Doing,
): ConnectError {
  const topic = refusedTopic(thrown) ?? rest.topic
  if (tooLarge.some((type) => hasType(thrown, type))) {
    const details = { topic, ...(bytes !== undefined && { bytes }) }
    return new ConnectError('destination_message_too_large', { details, cause: thrown })
  }
  const error = kafkaError(thrown, { servers, doing, target: `topic ${topic}`, topic })
  if (error.code !== 'log_topic_missing') return error
  return topicMissing(topic, thrown)
}

const again = 'it makes the topic again. No stream has lost its checkpoints'
const losses = {
  rows: {
    loss: 'What was loaded into it before, also by this run, went with it',
    next: 'it makes the topic again, and fills it from the beginning',
  },
  checkpoints: {
    loss: 'The checkpoints of the connection went with it',
    next: 'it reads all streams from the beginning. Before that, delete the topics of streams that append, or their rows are in them twice',
  },
  control: {
    loss: 'What it said of the begins and ends of syncs went with it',
    next: again,
  },
  rejections: {
    loss: 'The rejected records that it named went with it',
    next: again,
  },
  schemas: {
    loss: 'The schemas of the rows that were loaded before went with it, and readers may not be able to read those rows',
    next: again,
  },
} as const

/** `destination_topic_missing`, with what went with the topic. */
export function topicMissing(topic: string, cause?: unknown): ConnectError {
  const holds = contentOf(topic)
  return new ConnectError('destination_topic_missing', {
    details: { topic, holds, ...losses[holds] },
    cause,
  })
}

function contentOf(topic: string): keyof typeof losses {
  if (topic === controlTopic) return 'control'
  if (topic === rejectedTopic) return 'rejections'
  if (topic === schemasTopic) return 'schemas'
  return isCheckpointTopic(topic) ? 'checkpoints' : 'rows'
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
