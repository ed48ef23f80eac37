import { createHash } from 'node:crypto'
import type { StreamId } from '../../../protocol/index.ts'

/** The topics beside those of the streams. Compacted. */
export interface SharedTopics {
  /** Last states per slice, from which a restarted read continues; and the last plan per stream. */
  readonly statesTopic: string
  /** Avro schemas by fingerprint. */
  readonly schemasTopic: string
}

/** Those of all connections. */
export const sharedTopics: SharedTopics = {
  statesTopic: 'connect.states',
  schemasTopic: 'connect.schemas',
}

/** Kafka's own bound on the length of a topic's name. */
const maxNameLength = 249
const hashLength = 8
/** Leaves room for what goes around it in `connect.<connection>..schemas`, and for a digest. */
const maxConnectionLength = 200

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
  const isPlain = parts.every(isLegalPart) && plain.length <= maxNameLength
  if (isPlain && !endsLikeDigest(plain)) return plain
  const digest = digestOf([connection, stream.namespace ?? null, stream.name])
  const safe = `connect.${parts.map(safePart).join('.')}`
  return `${safe.slice(0, maxNameLength - hashLength - 1)}-${digest}`
}

function isLegalPart(part: string): boolean {
  return /^[A-Za-z0-9_-]+$/.test(part)
}

function endsLikeDigest(name: string): boolean {
  return /-[0-9a-f]{8}$/.test(name)
}

function safePart(part: string): string {
  return part === '' ? '-' : part.replace(/[^A-Za-z0-9_-]/g, '-')
}

function digestOf(parts: readonly (string | null)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, hashLength)
}

/**
 * Those of one connection, so that rights can be given for it alone: `connect.<connection>..states`. No topic of a stream is called so, since
 * none has an empty part.
 */
export function topicsOfConnection(connection: string): SharedTopics {
  const safe = safePart(connection).slice(0, maxConnectionLength)
  const isPlain = connection === safe && !endsLikeDigest(connection)
  const name = isPlain ? connection : `${safe}-${digestOf([connection])}`
  return { statesTopic: `connect.${name}..states`, schemasTopic: `connect.${name}..schemas` }
}

/** The transactional id of the lane's writer and the consumer group of its reader. */
export function laneId(topic: string, partition: number): string {
  return `${topic}.${partition}`
}

/** The transactional id of the writer of a stream's plans and ends. */
export function syncWriterId(topic: string): string {
  return `${topic}.sync`
}
