import { ConnectError, streamIdOf, type StreamId } from '../../protocol/index.ts'
import type { TopicConfig } from '../../engine/run-types.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import { requireMode } from '../../sinks/topic/sync/topic-mode.ts'
import {
  findNameProblem,
  sharedTopic,
  targetTopic,
  topicPlace,
  type TopicChoice,
} from '../../sinks/topic/topic-place.ts'
import { isTopic, topicName } from './is-topic.ts'
import type { Connection } from './schema.ts'

/** The brokers and the registry of the operator's settings: no request can name others. Holds secrets. */
export type TopicSettings = Pick<TopicChoice, 'servers' | 'registry'>

type DestinationChoice = Pick<Connection, 'destination' | 'options'>

/** Options that say nothing about tables. */
const topicOptions = ['format', 'envelope', 'partitions'] as const

/** Throws `destination_invalid`, and `destination_not_available` if the settings name no brokers. */
export function topicDestination(
  { destination, options }: DestinationChoice,
  settings: TopicSettings | undefined,
): TopicConfig {
  const topic = topicName(destination)
  const problem = findNameProblem(topic)
  if (problem !== undefined)
    throw new ConnectError('destination_invalid', {
      details: { destination, problem: `the name ${problem}` },
    })
  if (settings === undefined)
    throw new ConnectError('destination_not_available', {
      details: {
        destination,
        reason: 'the settings name no brokers of Kafka',
        fix: 'Set `REACTOR_CONNECT_KAFKA_BROKERS`, or `brokers` below `[connect.kafka]`.',
      },
    })
  const { format, envelope, partitions } = options
  return { type: 'topic', ...topicPlace({ ...settings, topic, format, envelope, partitions }) }
}

/** Throws `destination_option_unsupported` if options of topics are given for tables. */
export function refuseTopicOptions({ destination, options }: DestinationChoice): void {
  if (isTopic(destination)) return
  const option = topicOptions.find((name) => options[name] !== undefined)
  if (option === undefined) return
  throw new ConnectError('destination_option_unsupported', { details: { option, destination } })
}

/** Throws `destination_option_unsupported` if names of tables are given for topics. */
export function refuseTableOptions({
  destination,
  options,
  streams,
}: DestinationChoice & Pick<Connection, 'streams'>): void {
  if (!isTopic(destination)) return
  const isNamed = options.table !== undefined || streams?.some(({ table }) => table !== undefined)
  if (isNamed !== true) return
  throw new ConnectError('destination_option_unsupported', {
    details: { option: 'table', destination },
  })
}

/**
 * Throws `destination_topic_invalid`, `destination_topic_shared`, and `destination_mode_unsupported` for
 * streams that a person chose. If all streams are read, a stream that cannot be in a topic fails in each run,
 * and the others are loaded.
 */
export function requireTopics(
  place: TopicConfig,
  streams: readonly SinkStream[],
  { areChosen }: { readonly areChosen: boolean },
): void {
  const known = new Map<string, StreamId>()
  for (const sink of streams) {
    const stream = streamIdOf(sink.stream.stream)
    const topic = targetTopic(place, stream)
    const other = known.get(topic)
    if (other !== undefined) throw sharedTopic(place, { topic, stream, other })
    known.set(topic, stream)
    if (areChosen) requireMode(sink)
  }
}
