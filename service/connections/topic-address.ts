import { ConnectError } from '../../protocol/index.ts'
import {
  findNameProblem,
  topicPlace,
  type TopicChoice,
  type TopicConfig,
} from '../../sinks/topic/topic-place.ts'
import { topicName } from './is-topic.ts'
import type { Connection } from './schema.ts'

/** The brokers and the registry of the operator's settings: no request can name others. Holds secrets. */
export type TopicSettings = Pick<TopicChoice, 'servers' | 'registry'>

type DestinationChoice = Pick<Connection, 'destination' | 'options'>

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
