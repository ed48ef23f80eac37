import { createHash } from 'node:crypto'
import type { StreamId } from '../../../protocol/index.ts'

/** Last states per slice: compacted; a restarted read continues from them. */
export const statesTopic = 'connect.states'
/** Avro schemas by fingerprint: compacted. */
export const schemasTopic = 'connect.schemas'

/** Kafka's own bound on the length of a topic's name. */
const maxNameLength = 249
const hashLength = 8

/**
 * `connect.<connection>.<namespace>.<name>`, without the namespace where the stream has none. A part that Kafka does not
 * allow as it is (other characters than A-Z a-z 0-9 _ -, a dot, empty, too long) has them replaced by `-`, and the name ends in
 * `-` and a digest of the real parts, so that two streams never share a topic; a part that looks like it ended so gets one too.
 */
export function topicName(connection: string, stream: StreamId): string {
  const parts = [
    connection,
    ...(stream.namespace === undefined ? [] : [stream.namespace]),
    stream.name,
  ]
  const plain = `connect.${parts.join('.')}`
  const legal = parts.every((part) => /^[A-Za-z0-9_-]+$/.test(part))
  if (legal && plain.length <= maxNameLength && !/-[0-9a-f]{8}$/.test(plain)) return plain
  const safe = parts.map((part) => (part === '' ? '-' : part.replace(/[^A-Za-z0-9_-]/g, '-')))
  const digest = createHash('sha256')
    .update(JSON.stringify([connection, stream.namespace ?? null, stream.name]))
    .digest('hex')
    .slice(0, hashLength)
  return `connect.${safe.join('.')}`.slice(0, maxNameLength - hashLength - 1) + `-${digest}`
}

/** The transactional id of the lane's writer and the consumer group of its reader. */
export function laneId(topic: string, partition: number): string {
  return `${topic}.${partition}`
}
