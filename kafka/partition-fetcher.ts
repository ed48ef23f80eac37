import type { Logger } from 'pino'
import { committedBatches } from './committed-batches.ts'
import { fetchRequest, type FetchedPartition, type FetchFrom } from './fetch-request.ts'
import type { ClusterSessions } from './cluster-sessions.ts'
import type { KafkaServers } from './kafka-servers.ts'
import { KafkaConnection } from './kafka-connection.ts'
import { foreignMessage } from './foreign-message.ts'
import { hasType, kafkaError } from './kafka-errors.ts'
import { type KafkaMessage, MessageCursor } from './record-batch/message-cursor.ts'
import { BrokenBatchError, readBatches, type RecordBatch } from './record-batch/record-batch.ts'
import { nameRefusals, topicFor } from './name-refusals.ts'

export interface PartitionFetcherOptions {
  readonly servers: KafkaServers
  readonly topic: string
  readonly partition: number
  /** See `KafkaConnection`. */
  readonly sessions?: ClusterSessions | undefined
  readonly logger: Logger
}

/** The bytes that the broker returns at once; a larger batch comes alone. */
const maxFetchBytes = 1024 * 1024
/** The broker responds to an empty fetch after this time. */
const maxWaitMs = 500
const patienceMs = 60_000

/** A batch as it stood in the log, whatever it holds: no other has the same place and the same bytes. */
export interface BatchMark {
  readonly offset: bigint
  readonly checksum: number
}

export interface Fetched {
  readonly batches: readonly FetchedBatch[]
  /** The offset to continue from, which skips what is not for readers (markers, aborted transactions). */
  readonly next: bigint
  /** The first and the last batch in the response, which may not be for readers. */
  readonly first: BatchMark | undefined
  readonly last: BatchMark | undefined
  /** The end of the log, when the broker responded. */
  readonly high: bigint
}

/** A committed batch, still compressed. */
export interface FetchedBatch {
  readonly batch: RecordBatch
  /** Messages before this offset were not requested. */
  readonly from: bigint
}

/**
 * Reads one partition, read_committed, from any offset, with no consumer group: no join (3 seconds for a new
 * group by the broker's default), no rebalance, no heartbeat, and back-pressure by not fetching.
 * docs/adr/0006-kafka-partition-fetch.md.
 */
export class PartitionFetcher implements AsyncDisposable {
  readonly #options: PartitionFetcherOptions
  readonly #connection: KafkaConnection
  readonly #isOwner: boolean

  private constructor(
    options: PartitionFetcherOptions,
    { connection, isOwner }: { readonly connection: KafkaConnection; readonly isOwner: boolean },
  ) {
    this.#options = options
    this.#connection = connection
    this.#isOwner = isOwner
  }

  static async open(options: PartitionFetcherOptions): Promise<PartitionFetcher> {
    const { servers, topic, sessions, logger } = options
    try {
      const where = { servers, topics: [topic], patienceMs, sessions, logger }
      const connection = await KafkaConnection.open(where)
      return new PartitionFetcher(options, { connection, isOwner: true })
    } catch (error) {
      throw readError(error, options)
    }
  }

  /**
   * Through the connection of another, which was opened for this topic too, and which is not to be closed
   * before.
   */
  static through(connection: KafkaConnection, options: PartitionFetcherOptions): PartitionFetcher {
    return new PartitionFetcher(options, { connection, isOwner: false })
  }

  /**
   * The first stored offset, the end, and the end of the committed messages (no open transaction before it).
   */
  async bounds(): Promise<{
    readonly low: bigint
    readonly stable: bigint
    readonly high: bigint
  }> {
    const { topic, partition } = this.#options
    return this.#runWithRetries(async () => {
      const { low, stable } = await this.#connection.bounds(topic, partition)
      // A fetch from the end of what is committed returns at once, with the high watermark.
      const { highWatermark } = await this.#request(stable, 0)
      return { low, stable, high: highWatermark }
    })
  }

  /** The end of the log, with what is not committed. */
  async high(): Promise<bigint> {
    const { topic, partition } = this.#options
    return this.#runWithRetries(() => this.#connection.highWatermark(topic, partition))
  }

  /**
   * Committed batches from `offset` on, in order; none if none have come in this time. `lost` if the log does
   * not hold `offset`.
   */
  async fetch(offset: bigint, waitMs = maxWaitMs): Promise<Fetched | 'lost'> {
    return this.#runWithRetries(async () => {
      try {
        const { batches: bytes, aborted, highWatermark } = await this.#request(offset, waitMs)
        const all = readBatches(bytes).filter(({ lastOffset }) => lastOffset >= offset)
        const last = all.at(-1)
        return {
          batches: committedBatches(all, aborted).map((batch) => ({ batch, from: offset })),
          next: last === undefined ? offset : last.lastOffset + 1n,
          first: markOf(all[0]),
          last: markOf(last),
          high: highWatermark,
        }
      } catch (error) {
        if (hasType(error, 'OFFSET_OUT_OF_RANGE')) return 'lost'
        throw error
      }
    })
  }

  /**
   * All batches from `offset` on, in order: also those of open and aborted transactions, and the markers with
   * which transactions end. None at the end of the log. `lost` if the log does not hold `offset`.
   */
  async fetchUncommitted(offset: bigint): Promise<readonly RecordBatch[] | 'lost'> {
    return this.#runWithRetries(async () => {
      try {
        const { batches } = await this.#request(offset, 0, 'read_uncommitted')
        return readBatches(batches).filter(({ lastOffset }) => lastOffset >= offset)
      } catch (error) {
        if (hasType(error, 'OFFSET_OUT_OF_RANGE')) return 'lost'
        throw error
      }
    })
  }

  /** Decompresses a batch. */
  async open({ batch, from }: FetchedBatch): Promise<MessageCursor> {
    try {
      return await MessageCursor.open(batch, from)
    } catch (error) {
      throw readError(error, this.#options)
    }
  }

  /** The messages as objects: for a few. */
  async *messages(batches: readonly FetchedBatch[]): AsyncGenerator<KafkaMessage> {
    for (const batch of batches) {
      const cursor = await this.open(batch)
      while (cursor.next()) yield cursor.message()
    }
  }

  /** Sets the offset of a group that has no members: for lag monitors. */
  async commitOffset(groupId: string, offset: string): Promise<void> {
    const { topic, partition } = this.#options
    await this.#connection.runOnce(async () => {
      const coordinator = await this.#connection.coordinator('group', groupId)
      await coordinator.offsetCommit({
        groupId,
        groupGenerationId: -1,
        memberId: '',
        topics: [{ topic, partitions: [{ partition, offset }] }],
      })
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOwner) await this.#connection[Symbol.asyncDispose]()
  }

  async #request(
    offset: bigint,
    maxWaitMs: number,
    isolation: FetchFrom['isolation'] = 'read_committed',
  ): Promise<FetchedPartition> {
    const { topic, partition } = this.#options
    const from = { topic, partition, offset, maxBytes: maxFetchBytes, maxWaitMs, isolation }
    return nameRefusals([topicFor('Read', topic)], () =>
      this.#connection.request(from, fetchRequest(from)),
    )
  }

  async #runWithRetries<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await this.#connection.runWithRetries(action)
    } catch (error) {
      throw readError(error, this.#options)
    }
  }
}

function markOf(batch: RecordBatch | undefined): BatchMark | undefined {
  return batch && { offset: batch.lastOffset, checksum: batch.checksum }
}

/** A fault of reading as an error that says what to do. */
export function readError(
  error: unknown,
  { servers, topic, partition }: Omit<PartitionFetcherOptions, 'logger' | 'sessions'>,
): Error {
  if (error instanceof BrokenBatchError) {
    return foreignMessage(error.offset, { topic, partition }, error.message)
  }
  return kafkaError(error, {
    servers,
    doing: 'reading',
    target: `topic ${topic}, partition ${partition}`,
    topic,
  })
}
