import { pino } from 'pino'
import { kafkaServers } from '../engine/log/kafka/kafka-log.ts'
import { readTopic as read, type TopicReading } from '../engine/topics/read-topic.ts'
import type { KafkaServers } from '../kafka/kafka-servers.ts'

export { TableRebuild, type TopicMessage } from '../engine/topics/rebuild-table.ts'
export { MissingMessages } from '../engine/topics/missing-messages.ts'
export { TopicLines } from '../engine/topics/topic-lines.ts'
export { topicName } from '../engine/log/kafka/topic-names.ts'
export type { TopicReading } from '../engine/topics/read-topic.ts'
export type { RecordData, RecordValue } from '../protocol/json.ts'

/** A stream's topic, and how its brokers are reached. */
export interface TopicPlace extends Pick<KafkaServers, 'brokers' | 'sasl'> {
  readonly topic: string
  /** TLS to the brokers; default: no. */
  readonly ssl?: boolean
}

/**
 * Reads what a read_committed consumer sees of a topic, with no group. Throws `topic_not_found`, and
 * `topic_messages_gone` if retention is faster.
 */
export async function readTopic(place: TopicPlace, reading: TopicReading): Promise<void> {
  const servers = kafkaServers({ ...place, ssl: place.ssl === true })
  await read({ servers, topic: place.topic, logger: pino({ level: 'silent' }) }, reading)
}
