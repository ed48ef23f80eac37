import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import { LaneOrder } from '../lane-order.ts'
import type { KafkaAddress, LaneReader, LaneReaderOptions, LogEntry } from '../stream-log.ts'
import type { TopicPartition } from '../../../kafka/foreign-message.ts'
import { gatherRecords } from './gather-records.ts'
import { laneOf } from './lane-producer.ts'
import { parseMessage, type ParsedMessage, type SchemaInUse } from './parse-message.ts'
import { ClusterSessions } from '../../../kafka/cluster-sessions.ts'
import { type Fetched, PartitionFetcher, readError } from '../../../kafka/partition-fetcher.ts'
import { ReadAhead } from './read-ahead.ts'
import type { MessageCursor } from '../../../kafka/record-batch/message-cursor.ts'
import { laneId } from './topic-names.ts'

interface PositionedEntry {
  readonly entry: LogEntry
  readonly next: string
}

/** The sessions of this thread. */
const sessions = new ClusterSessions()

/** The reading end of a lane in Kafka: committed messages only, from any position. */
export class KafkaReader implements LaneReader {
  readonly #address: KafkaAddress
  readonly #fetcher: PartitionFetcher
  readonly #ahead: ReadAhead
  readonly #logger: Logger
  readonly #attempt: number | undefined
  readonly #order: LaneOrder
  readonly #schema: SchemaInUse = { fingerprint: undefined }
  /** Set while everything is skipped, up to the first BEGIN of this attempt. */
  #skipTo: number | undefined
  #cursor: MessageCursor | undefined
  /** The cursor is at a message that was examined but not taken. */
  #standing = false
  /** Bytes of the records that the caller still uses. */
  #heldBytes = 0
  #closed = false

  private constructor(dependencies: {
    readonly address: KafkaAddress
    readonly options: LaneReaderOptions
    readonly fetcher: PartitionFetcher
    readonly first: Fetched
    readonly logger: Logger
  }) {
    const { address, options, fetcher, first } = dependencies
    this.#address = address
    this.#fetcher = fetcher
    this.#ahead = new ReadAhead({
      fetcher,
      first,
      lost: (offset) => positionLost(fetcher, address, offset),
    })
    this.#logger = dependencies.logger
    this.#attempt = options.attempt
    this.#skipTo = options.skipToAttempt
    this.#order = new LaneOrder({ lane: laneOf(address), startsAt: 'anywhere' })
  }

  static async open(
    address: KafkaAddress,
    options: LaneReaderOptions,
    logger: Logger,
  ): Promise<KafkaReader> {
    const { topic, partition } = address
    const place = { servers: address, topic, partition }
    const fetcher = await PartitionFetcher.open({ ...place, sessions, logger })
    try {
      const first = await fetchFirst(fetcher, address, options)
      return new KafkaReader({ address, options, fetcher, first, logger })
    } catch (error) {
      await fetcher[Symbol.asyncDispose]()
      throw error
    }
  }

  async next(signal: AbortSignal): Promise<PositionedEntry | undefined> {
    while (!this.#closed && !signal.aborted) {
      const taken = this.#take()
      this.#ahead.hold(this.#heldBytes)
      if (taken !== undefined) return taken
      await this.#ahead.waitForArrival(signal)
    }
    return undefined
  }

  release(): void {
    this.#heldBytes = 0
    this.#ahead.hold(0)
  }

  /** The destination holds the truth; the group's offset is for lag monitors, so a failure is only noted. */
  async noteCommitted(next: string | undefined): Promise<void> {
    if (next === undefined) return
    const { topic, partition } = this.#address
    try {
      await this.#fetcher.commitOffset(laneId(topic, partition), next)
    } catch (error) {
      this.#logger.debug({ err: error, topic, partition }, 'offset of the group not committed')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await Promise.all([this.#ahead.stop(), this.#fetcher[Symbol.asyncDispose]()])
  }

  /** The next entry for the caller from the fetched messages; skips those that are not for it. */
  #take(): PositionedEntry | undefined {
    for (let cursor = this.#nextMessage(); cursor !== undefined; cursor = this.#nextMessage()) {
      const parsed = parseMessage(cursor.message(), this.#address, this.#schema)
      if (parsed === undefined || this.#isSkipped(parsed)) continue
      const { entry, offset } = parsed
      if (entry.type === 'records' && parsed.single) return this.#gather(cursor, parsed, entry)
      this.#order.take(entry, parsed)
      if (entry.type === 'close') {
        if (this.#attempt !== undefined && parsed.attempt < this.#attempt) continue
        this.#closed = true
      }
      return this.#give(entry, offset)
    }
    return undefined
  }

  /** A cursor at the next message that is not taken yet. */
  #nextMessage(): MessageCursor | undefined {
    try {
      if (this.#standing) {
        this.#standing = false
        return this.#cursor
      }
      while (!this.#cursor?.next()) {
        this.#cursor = this.#ahead.take()
        if (this.#cursor === undefined) return undefined
      }
      return this.#cursor
    } catch (error) {
      throw readError(error, { servers: this.#address, ...this.#address })
    }
  }

  #isSkipped({ entry, attempt }: ParsedMessage): boolean {
    if (this.#skipTo === undefined) return false
    if (attempt >= this.#skipTo && (entry.type === 'begin' || entry.type === 'close')) {
      this.#skipTo = undefined
      return false
    }
    return true
  }

  /** `record` framing: the records of the batch that follow this one become one entry with it. */
  #gather(
    cursor: MessageCursor,
    origin: ParsedMessage,
    first: Extract<LogEntry, { type: 'records' }>,
  ): PositionedEntry {
    const { entry, lastOffset, stopped } = gatherRecords(cursor, first)
    this.#standing = stopped
    this.#order.take(entry, origin)
    return this.#give(entry, lastOffset)
  }

  #give(entry: LogEntry, offset: bigint): PositionedEntry {
    if (entry.type === 'records') this.#heldBytes += entry.bytes.byteLength
    return { entry, next: (offset + 1n).toString() }
  }
}

/**
 * Fetches the messages that are there already. The log has none or only some of the messages to read if
 * retention has passed the position, or if the topic was made again and ends before it. A reader that skips
 * to an attempt is no exception: its position is the end that the topic had when the attempt's writer was
 * opened, so the reader would wait for messages that are gone.
 */
async function fetchFirst(
  fetcher: PartitionFetcher,
  lane: TopicPartition,
  { position }: LaneReaderOptions,
): Promise<Fetched> {
  const offset = position === undefined ? (await fetcher.bounds()).low : BigInt(position)
  const first = await fetcher.fetch(offset, 0)
  if (first === 'lost') throw await positionLost(fetcher, lane, offset)
  return first
}

async function positionLost(
  fetcher: PartitionFetcher,
  { topic, partition }: TopicPartition,
  position: bigint,
): Promise<ConnectError> {
  const { low, high } = await fetcher.bounds()
  return new ConnectError('log_position_lost', {
    details: {
      topic,
      partition,
      low: low.toString(),
      high: high.toString(),
      position: position.toString(),
    },
  })
}
