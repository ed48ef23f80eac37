import type { KafkaServers } from '../../kafka/kafka-servers.ts'
import { safeName } from '../../kafka/topic-names.ts'
import { ConnectError, streamKey, streamLabel, type StreamId } from '../../protocol/index.ts'
import type { RowFormat } from './rows/row-options.ts'

/** Where the rows of a connection go. Plain data: it crosses a thread. Holds secrets: never to be logged. */
export interface TopicPlace {
  readonly servers: KafkaServers
  /** A name, or a pattern with `{stream}` and `{namespace}`. */
  readonly topic: string
  /** The number of partitions of a topic that is created. */
  readonly partitions: number
  readonly format: RowFormat
  /** Has the schemas of Avro. Absent: readers find them in `connect.schemas` by their fingerprint. */
  readonly registry?: {
    readonly url: string
    readonly username?: string
    readonly password?: string
  }
}

/** Its configuration, as a plan has it. */
export interface TopicConfig extends TopicPlace {
  readonly type: 'topic'
}

const defaultPartitions = 6

/** The settings of a place that a user chose. */
export interface TopicChoice {
  readonly servers: Omit<KafkaServers, 'clientId'>
  readonly topic: string
  readonly partitions?: number | undefined
  readonly format?: RowFormat['encoding'] | undefined
  readonly envelope?: RowFormat['envelope'] | undefined
  readonly registry?: TopicPlace['registry'] | undefined
}

/** The brokers and the registry of the operator's settings. Holds secrets. */
export type TopicServers = Pick<TopicChoice, 'servers' | 'registry'>

/** The place, with the defaults of what was not chosen. */
export function topicPlace({
  servers,
  topic,
  partitions = defaultPartitions,
  format: encoding = 'json',
  envelope = 'row',
  registry,
}: TopicChoice): TopicPlace {
  return {
    servers: { ...servers, clientId: 'reactor-connect' },
    topic,
    partitions,
    format: { encoding, envelope },
    // Rows in JSON need no schema.
    ...(registry !== undefined && encoding === 'avro' && { registry }),
  }
}

const placeholder = /\{(stream|namespace)\}/g

/**
 * Returns the problem with the name of a target, as the end of a sentence that begins with the name;
 * undefined if there is none.
 */
export function findNameProblem(pattern: string): string | undefined {
  const fixed = pattern.replaceAll(placeholder, 'x')
  if (!/^[A-Za-z0-9._-]{1,249}$/.test(fixed) || fixed === '.' || fixed === '..')
    return 'is not a name of a topic: letters, digits, `.`, `_` and `-`, at most 249, and the placeholders `{stream}` and `{namespace}`'
  return isReserved(fixed) ? reserved : undefined
}

const reserved =
  'begins with `connect.`, `connect-`, `connect_` or `__`: these topics belong to Reactor Connect and to Kafka'

function isReserved(name: string): boolean {
  return /^(?:connect[._-]|__)/.test(name)
}

/** The topic of a stream. Throws `destination_topic_invalid`: a pattern may lead to a reserved name. */
export function targetTopic(
  { topic: pattern }: Pick<TopicPlace, 'topic'>,
  stream: StreamId,
): string {
  const topic = fill(pattern, stream)
  const problem = findNameProblem(pattern) ?? (isReserved(topic) ? reserved : undefined)
  if (problem === undefined) return topic
  throw new ConnectError('destination_topic_invalid', {
    details: { topic, problem, stream: streamLabel(stream) },
  })
}

/**
 * Two streams in one topic: their rows could not be distinguished. `streams`: those of the run; the stream
 * may be among them.
 */
export function findSharedTopic(
  place: TopicPlace,
  stream: StreamId,
  streams: readonly StreamId[],
): ConnectError | undefined {
  const topic = targetTopic(place, stream)
  const other = streams.find(
    (candidate) =>
      streamKey(candidate) !== streamKey(stream) && targetTopic(place, candidate) === topic,
  )
  return other && sharedTopic(place, { topic, stream, other })
}

export function sharedTopic(
  { topic: pattern }: TopicPlace,
  {
    topic,
    stream,
    other,
  }: { readonly topic: string; readonly stream: StreamId; readonly other: StreamId },
): ConnectError {
  const fix = /\{(?:stream|namespace)\}/.test(pattern)
    ? 'Use both placeholders, `{namespace}` and `{stream}`, in the name of the topic.'
    : `Give each stream a topic of its own: \`${pattern}.{stream}\`.`
  const details = { topic, stream: streamLabel(stream), other: streamLabel(other), fix }
  return new ConnectError('destination_topic_shared', { details })
}

/**
 * The name of a stream may be invalid for Kafka, or equal to another stream's name after unsafe characters
 * are replaced: then the name ends in a digest.
 */
function fill(pattern: string, stream: StreamId): string {
  const values = { stream: stream.name, namespace: stream.namespace ?? '' }
  const names = [...pattern.matchAll(placeholder)].map(([, name]) =>
    name === 'stream' ? 'stream' : 'namespace',
  )
  if (names.length === 0) return pattern
  return safeName({
    nameOf: (parts) => {
      const left = parts.values()
      return pattern.replaceAll(placeholder, () => left.next().value ?? '')
    },
    parts: names.map((name) => values[name]),
    identity: [stream.namespace ?? null, stream.name],
  })
}
