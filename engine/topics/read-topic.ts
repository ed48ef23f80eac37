import type { Logger } from 'pino'
import { kafkaClient } from '../../kafka/kafka-client.ts'
import type { KafkaServers } from '../../kafka/kafka-servers.ts'
import { hasType, kafkaError } from '../../kafka/kafka-errors.ts'
import { PartitionFetcher, type FetchedBatch } from '../../kafka/partition-fetcher.ts'
import { readRange } from '../../kafka/read-range.ts'
import { nameRefusals, topicFor } from '../../kafka/name-refusals.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { TopicMessage } from './rebuild-table.ts'

export interface TopicPlace {
  readonly servers: KafkaServers
  readonly topic: string
  readonly logger: Logger
}

export interface TopicReading {
  /** Only what comes from now on; default: from the beginning. */
  readonly fromEnd?: boolean
  /** Wait for more at the end, until the signal; default: end where the topic ends now. */
  readonly follow?: boolean
  readonly signal: AbortSignal
  /** Called with the first offset that each partition still has, before its messages. */
  readonly begin?: (partition: number, offset: bigint) => void
  /** Takes the messages of each partition in their order, one at a time. */
  readonly take: (message: TopicMessage) => Promise<void> | void
}

/** One partition, and where it is read next. */
interface OpenPartition {
  readonly partition: number
  readonly fetcher: PartitionFetcher
  readonly next: bigint
}

/** A later sync may have more slices: partitions are added for them. */
const lookAgainMs = 5_000
/** The end of what is committed is that of no transaction. */
const neverHiddenMs = 0

/**
 * Reads what a read_committed consumer sees of a topic. Throws `topic_not_found`, and `topic_messages_gone`
 * if retention is faster.
 */
export async function readTopic(place: TopicPlace, reading: TopicReading): Promise<void> {
  const opened: OpenPartition[] = []
  try {
    for (const partition of await partitionsOf(place)) {
      if (reading.signal.aborted) return
      const fetcher = await PartitionFetcher.open({ ...place, partition })
      const { low, stable } = await fetcher.bounds()
      opened.push({ partition, fetcher, next: stable })
      reading.begin?.(partition, low)
      if (reading.fromEnd !== true)
        await readToEnd(place, reading, { partition, fetcher, low, stable })
    }
    let lookedAtMs = performance.now()
    while (reading.follow === true && !reading.signal.aborted) {
      await takeNext(place, reading, opened)
      if (performance.now() - lookedAtMs < lookAgainMs) continue
      await openAdded(place, reading, opened)
      lookedAtMs = performance.now()
    }
  } finally {
    await Promise.all(opened.map(({ fetcher }) => fetcher[Symbol.asyncDispose]()))
  }
}

async function partitionsOf({ servers, topic, logger }: TopicPlace): Promise<readonly number[]> {
  const admin = kafkaClient(servers, logger).admin()
  try {
    await admin.connect()
    const { topics } = await nameRefusals([topicFor('Read', topic)], () =>
      admin.fetchTopicMetadata({ topics: [topic] }),
    )
    const partitions = (topics[0]?.partitions ?? []).map(({ partitionId }) => partitionId)
    return partitions.toSorted((left, right) => left - right)
  } catch (error) {
    if (hasType(error, 'UNKNOWN_TOPIC_OR_PARTITION')) throw notFound({ servers, topic })
    throw kafkaError(error, { servers, doing: 'reading', target: `topic ${topic}` })
  } finally {
    await admin.disconnect()
  }
}

function notFound({ servers, topic }: Pick<TopicPlace, 'servers' | 'topic'>): ConnectError {
  const brokers = servers.brokers.join(', ')
  return new ConnectError('topic_not_found', { details: { topic, brokers } })
}

async function readToEnd(
  place: TopicPlace,
  { signal, take }: TopicReading,
  {
    partition,
    fetcher,
    low,
    stable,
  }: Omit<OpenPartition, 'next'> & { readonly low: bigint; readonly stable: bigint },
): Promise<void> {
  const takeAll = async (batches: readonly FetchedBatch[]): Promise<void> => {
    for await (const message of fetcher.messages(batches)) {
      if (signal.aborted) return
      if (message.offset < stable) await take({ ...message, partition })
    }
  }
  const { outcome, next } = await readRange(fetcher, {
    from: low,
    to: stable,
    hiddenMs: neverHiddenMs,
    take: takeAll,
  })
  if (outcome === 'lost') throw gone(place, { partition, next })
}

/**
 * Takes the messages that each partition has received since the last call; returns after half a second if
 * there are none.
 */
async function takeNext(
  place: TopicPlace,
  { take }: Pick<TopicReading, 'take'>,
  opened: OpenPartition[],
): Promise<void> {
  // An empty fetch waits for half a second: those of all partitions at the same time.
  const fetched = await Promise.all(opened.map(({ fetcher, next }) => fetcher.fetch(next)))
  for (const [index, got] of fetched.entries()) {
    const partition = opened[index]
    if (partition === undefined) continue
    if (got === 'lost') throw gone(place, partition)
    for await (const message of partition.fetcher.messages(got.batches))
      await take({ ...message, partition: partition.partition })
    opened[index] = { ...partition, next: got.next }
  }
}

/** Partitions that were added are read from their beginning. */
async function openAdded(
  place: TopicPlace,
  { begin }: Pick<TopicReading, 'begin'>,
  opened: OpenPartition[],
): Promise<void> {
  const known = new Set(opened.map(({ partition }) => partition))
  for (const partition of await partitionsOf(place)) {
    if (known.has(partition)) continue
    const fetcher = await PartitionFetcher.open({ ...place, partition })
    // It is closed with the others, also if the next line throws.
    const index = opened.push({ partition, fetcher, next: 0n }) - 1
    const { low } = await fetcher.bounds()
    begin?.(partition, low)
    opened[index] = { partition, fetcher, next: low }
  }
}

function gone(
  { topic }: TopicPlace,
  { partition, next }: Pick<OpenPartition, 'partition' | 'next'>,
): ConnectError {
  const details = { topic, partition, offset: next.toString() }
  return new ConnectError('topic_messages_gone', { details })
}
