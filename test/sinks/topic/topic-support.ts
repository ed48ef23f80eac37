import kafkajs, { type Admin } from 'kafkajs'
import { kafkaClient } from '../../../kafka/kafka-client.ts'
import { PartitionFetcher } from '../../../kafka/partition-fetcher.ts'
import { readRange } from '../../../kafka/read-range.ts'
import type { RecordData } from '../../../protocol/index.ts'
import type {
  Destination,
  LaneStats,
  SinkLane,
  SinkStream,
  StreamSync,
} from '../../../sinks/sink.ts'
import { openTopicLane } from '../../../sinks/topic/load/topic-lane.ts'
import { openTopicDestination } from '../../../sinks/topic/topic-destination.ts'
import type { TopicPlace } from '../../../sinks/topic/topic-place.ts'
import { createServedTopic, testKafka } from '../../support/kafka.ts'
import { silent } from '../../support/logger.ts'
import { blockOf, commit, type LoadOptions, sinkStream, type StreamOptions } from '../loading.ts'

export interface TopicTest {
  readonly place: TopicPlace
  readonly connection: string
  readonly topic: string
}

/** A topic and a connection of the test's own. */
export function topicTest(place: Partial<TopicPlace> = {}): TopicTest {
  const { brokers, prefix } = testKafka()
  const topic = place.topic ?? `${prefix}.rows`
  return {
    connection: prefix,
    topic,
    place: {
      servers: { brokers, clientId: 'test', ssl: false },
      partitions: 3,
      format: { encoding: 'json', envelope: 'row' },
      ...place,
      topic,
    },
  }
}

export function openDestination({ place }: Pick<TopicTest, 'place'>): Destination {
  return openTopicDestination(place, { logger: silent })
}

const columns = { id: 'integer', body: 'string' } as const

export function topicStream(
  { connection }: Pick<TopicTest, 'connection'>,
  options: StreamOptions = {},
): SinkStream {
  return sinkStream(columns, { connection, key: ['id'], ...options })
}

export async function openLane(
  { place }: Pick<TopicTest, 'place'>,
  sync: StreamSync,
  partition = 0,
): Promise<SinkLane> {
  const lane = await openTopicLane({ place, sync, partition, logger: silent })
  await lane.setColumns(sync.sink.columns)
  return lane
}

/** Loads the records in one commit, through a lane of their own. */
export async function load(
  target: Pick<TopicTest, 'place'>,
  sync: StreamSync,
  records: readonly RecordData[],
  options: LoadOptions = {},
): Promise<LaneStats> {
  await using lane = await openLane(target, sync)
  await lane.write(blockOf(sync.sink.columns, records, options))
  return await commit(lane, (options.seq ?? 0) + records.length, options)
}

/** A whole run with one stream of one slice: begin, load, finish. */
export async function syncOnce(
  target: TopicTest,
  sink: SinkStream,
  records: readonly RecordData[],
): Promise<{ readonly begun: StreamSync; readonly warnings: readonly string[] }> {
  await using destination = openDestination(target)
  await destination.check()
  const start = await destination.startRun(sink.connection)
  const begun = await destination.begin(sink, start)
  await destination.savePlan(begun, [{ slice: '', partition: 0, state: null }])
  await load(target, begun, records)
  const warnings = await destination.finish(begun)
  await destination.endRun(sink.connection, { start, how: 'ended', reported: [begun.streamId] })
  return { begun, warnings }
}

export interface ReadMessage {
  readonly partition: number
  readonly offset: bigint
  readonly key: string | null
  /** Parsed; null for a tombstone. */
  readonly value: unknown
  readonly headers: ReadonlyMap<string, string>
}

/** All that a read_committed consumer sees of a topic, by partition and offset. */
export async function readTopic(
  { servers }: Pick<TopicPlace, 'servers'>,
  topic: string,
): Promise<readonly ReadMessage[]> {
  const partitions = await asAdmin({ servers }, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0]?.partitions.length ?? 0
  })
  const all = await Promise.all(
    Array.from({ length: partitions }, async (_, partition) => {
      const read: ReadMessage[] = []
      const options = { servers, topic, partition, logger: silent }
      await using fetcher = await PartitionFetcher.open(options)
      const { low, high } = await fetcher.bounds()
      const { outcome } = await readRange(fetcher, {
        from: low,
        to: high,
        hiddenMs: 20_000,
        take: async (batches) => {
          for await (const { key, value, offset, headers } of fetcher.messages(batches))
            read.push({
              partition,
              offset,
              key: key?.toString() ?? null,
              value: value === null ? null : JSON.parse(value.toString()),
              headers,
            })
        },
      })
      if (outcome !== 'read') throw new Error(`partition ${String(partition)} is ${outcome}`)
      return read
    }),
  )
  return all.flat()
}

/**
 * Returns the messages that a compacted topic would keep: the newest row of each key, sorted by key. Throws
 * if a key is in two partitions.
 */
export function newestRows(messages: readonly ReadMessage[]): readonly unknown[] {
  const newest = new Map<string, ReadMessage>()
  for (const message of messages) {
    if (message.key === null) throw new Error('a message has no key')
    const before = newest.get(message.key)
    if (before !== undefined && before.partition !== message.partition)
      throw new Error(`key ${message.key} is in two partitions`)
    newest.set(message.key, message)
  }
  return [...newest.values()]
    .filter(({ value }) => value !== null)
    .toSorted((a, b) => String(a.key).localeCompare(String(b.key), 'en', { numeric: true }))
    .map(({ value }) => value)
}

/** The data of rows, without metadata. */
export function dataOf(rows: readonly unknown[]): readonly object[] {
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row as object).filter(([name]) => !name.startsWith('_airbyte')),
    ),
  )
}

export async function asAdmin<T>(
  { servers }: Pick<TopicPlace, 'servers'>,
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = kafkaClient(servers, silent).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

export async function createTopic(
  place: Pick<TopicPlace, 'servers'>,
  topic: string,
  { partitions = 3, policy = 'delete' }: { partitions?: number; policy?: string } = {},
): Promise<void> {
  await asAdmin(place, (admin) =>
    createServedTopic(admin, {
      topic,
      numPartitions: partitions,
      configEntries: [{ name: 'cleanup.policy', value: policy }],
    }),
  )
}

export async function policyOf(
  place: Pick<TopicPlace, 'servers'>,
  topic: string,
): Promise<string | undefined> {
  return asAdmin(place, async (admin) => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: topic,
          configNames: ['cleanup.policy'],
        },
      ],
    })
    return resources[0]?.configEntries[0]?.configValue
  })
}
