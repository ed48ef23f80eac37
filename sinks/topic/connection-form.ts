import {
  type AddressedConnection,
  type ConnectionForm,
  invalidDestination,
  notAvailable,
  type PlaceRequest,
} from '../connection-form.ts'
import { findNameProblem, type TopicConfig, topicPlace } from './topic-place.ts'

export const topicAddressForm: ConnectionForm<TopicConfig> = {
  addresses: ['topic:NAME'],
  note: 'the name may have `{stream}` and `{namespace}`',
  find: (connection, { places }) => Promise.resolve(topicOf(connection, places)),
}

function topicOf(
  { destination, options }: AddressedConnection,
  { kafka }: PlaceRequest['places'],
): TopicConfig {
  const topic = destination.slice('topic:'.length)
  const problem = findNameProblem(topic)
  if (problem !== undefined) throw invalidDestination(destination, `the name ${problem}`)
  if (kafka === undefined)
    throw notAvailable(
      destination,
      'the settings name no brokers of Kafka',
      'Set `REACTOR_CONNECT_KAFKA_BROKERS`, or `brokers` below `[connect.kafka]`.',
    )
  const { format, envelope, partitions } = options
  return { type: 'topic', ...topicPlace({ ...kafka, topic, format, envelope, partitions }) }
}
