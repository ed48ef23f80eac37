import { safeName, schemasTopic } from '../../../kafka/topic-names.ts'
import type { StreamId } from '../../../protocol/index.ts'

/** The topics beside those of the streams. Compacted. */
export interface SharedTopics {
  /** Last states per slice, from which a restarted read continues; and the last plan per stream. */
  readonly statesTopic: string
  /** Avro schemas by fingerprint. */
  readonly schemasTopic: string
}

/** Those of all connections. */
export const sharedTopics: SharedTopics = { statesTopic: 'connect.states', schemasTopic }

/** Leaves room for what goes around it in `connect.<connection>..schemas`. */
const maxConnectionLength = 200

/**
 * `connect.<connection>.<namespace>.<name>`, without the namespace if the stream has none, made safe
 * (`safeName`).
 */
export function topicName(connection: string, stream: StreamId): string {
  return safeName({
    nameOf: (parts) => `connect.${parts.join('.')}`,
    parts: [connection, ...(stream.namespace === undefined ? [] : [stream.namespace]), stream.name],
    identity: [connection, stream.namespace ?? null, stream.name],
  })
}

/**
 * Those of one connection, so that rights can be given for it alone: `connect.<connection>..states`. No topic
 * of a stream is called so, since none has an empty part.
 */
export function topicsOfConnection(connection: string): SharedTopics {
  const name = safeName({
    nameOf: ([part = '']) => part,
    parts: [connection],
    identity: [connection],
    maxLength: maxConnectionLength,
  })
  return { statesTopic: `connect.${name}..states`, schemasTopic: `connect.${name}..schemas` }
}

/** Whether it holds the states and plans of one connection, or of all. */
export function isStatesTopic(topic: string): boolean {
  return topic === sharedTopics.statesTopic || /^connect\..+\.\.states$/.test(topic)
}

/** The transactional id of the lane's writer and the consumer group of its reader. */
export function laneId(topic: string, partition: number): string {
  return `${topic}.${partition}`
}

/** The transactional id of the writer of a stream's plans and ends. */
export function syncWriterId(topic: string): string {
  return `${topic}.sync`
}
