import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import { LaneOrder } from '../lane-order.ts'
import type { KafkaAddress, LaneReader, LaneReaderOptions, LogEntry } from '../stream-log.ts'
import { laneOf } from './lane-producer.ts'
import { gatherRecords } from './gather-records.ts'
import { parseMessage, type ParsedMessage, type SchemaInUse } from './parse-message.ts'
import { PartitionFetcher, type KafkaMessage } from './partition-fetcher.ts'
import { laneId } from './topic-names.ts'

/** What is fetched ahead of the caller, and what the caller holds: above it no fetch, unless the caller waits for more. */
const maxHeldBytes = 8 * 1024 * 1024

/** The reading end of a lane in Kafka: committed messages only, from any position. */
export class KafkaReader implements LaneReader {
  readonly #address: KafkaAddress
  readonly #fetcher: PartitionFetcher
  readonly #logger: Logger
  readonly #attempt: number | undefined
  readonly #order: LaneOrder
  readonly #schema: SchemaInUse = { fingerprint: undefined }
  #offset: bigint
  /** Set while everything is passed over, up to the first BEGIN of this attempt. */
  #skipTo: number | undefined
  #queue: KafkaMessage[] = []
  #head = 0
  #queuedBytes = 0
  #heldBytes = 0
  #fetching: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined
  #closed = false

  private constructor(parts: {
    readonly address: KafkaAddress
    readonly options: LaneReaderOptions
    readonly fetcher: PartitionFetcher
    readonly offset: bigint
    readonly logger: Logger
  }) {
    const { address, options } = parts
    this.#address = address
    this.#fetcher = parts.fetcher
    this.#offset = parts.offset
    this.#logger = parts.logger
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
    const fetcher = await PartitionFetcher.open({ servers: address, topic, partition, logger })
    try {
      const { low, high } = await fetcher.bounds()
      const offset = startOffset(options, { topic, partition, low, high })
      return new KafkaReader({ address, options, fetcher, offset, logger })
    } catch (error) {
      await fetcher[Symbol.asyncDispose]()
      throw error
    }
  }

  async next(
    signal: AbortSignal,
  ): Promise<{ readonly entry: LogEntry; readonly next?: string } | undefined> {
    while (!this.#closed && !signal.aborted) {
      const given = this.#take()
      if (given !== undefined) {
        this.#fetchAhead()
        return given
      }
      if (this.#failure !== undefined) throw this.#failure.error
      await this.#arrival(signal)
    }
    return undefined
  }

  release(): void {
    this.#heldBytes = 0
    this.#fetchAhead()
  }

  /** The destination holds the truth; the group's offset is for lag monitors, so a failure is only noted. */
  async committed(next: string | undefined): Promise<void> {
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
    await this.#fetcher[Symbol.asyncDispose]()
    await this.#fetching
  }

  /** The next entry for the caller from what was fetched; passes over what is not for it. */
  #take(): { readonly entry: LogEntry; readonly next: string } | undefined {
    for (let parsed = this.#parse(); parsed !== undefined; parsed = this.#parse()) {
      if (this.#isSkipped(parsed)) continue
      if (parsed.entry.type === 'records' && parsed.key !== undefined) return this.#gather(parsed)
      this.#order.take(parsed.entry, parsed.writtenBefore)
      if (parsed.entry.type === 'close') {
        if (this.#attempt !== undefined && parsed.attempt < this.#attempt) continue
        this.#closed = true
      }
      return this.#give(parsed.entry, parsed.offset)
    }
    return undefined
  }

  #isSkipped({ entry, attempt }: ParsedMessage): boolean {
    if (this.#skipTo === undefined) return false
    if (attempt >= this.#skipTo && (entry.type === 'begin' || entry.type === 'close')) {
      this.#skipTo = undefined
      return false
    }
    return true
  }

  /** `record` framing: consecutive records that are here already become one entry. */
  #gather(first: ParsedMessage): { readonly entry: LogEntry; readonly next: string } {
    const { entry, lastOffset } = gatherRecords(
      first,
      () => this.#parse(),
      (parsed) => {
        this.#pushedBack = parsed
      },
    )
    this.#order.take(entry)
    return this.#give(entry, lastOffset)
  }

  #pushedBack: ParsedMessage | undefined

  #parse(): ParsedMessage | undefined {
    const again = this.#pushedBack
    if (again !== undefined) {
      this.#pushedBack = undefined
      return again
    }
    const message = this.#queue[this.#head]
    if (message === undefined) return undefined
    this.#head += 1
    this.#queuedBytes -= sizeOf(message)
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
    }
    return parseMessage(message, this.#address, this.#schema)
  }

  #give(entry: LogEntry, offset: string): { readonly entry: LogEntry; readonly next: string } {
    if (entry.type === 'records') this.#heldBytes += entry.bytes.byteLength
    return { entry, next: (BigInt(offset) + 1n).toString() }
  }

  #fetchAhead(): void {
    if (this.#queuedBytes + this.#heldBytes < maxHeldBytes) this.#fetch()
  }

  #fetch(): void {
    if (this.#fetching !== undefined || this.#failure !== undefined || this.#closed) return
    this.#fetching = this.#fetchOnce()
      .catch((error: unknown) => {
        this.#failure = { error }
      })
      .finally(() => {
        this.#fetching = undefined
      })
  }

  async #fetchOnce(): Promise<void> {
    const fetched = await this.#fetcher.fetch(this.#offset)
    if (fetched === 'lost') {
      const { topic, partition } = this.#address
      const { low, high } = await this.#fetcher.bounds()
      throw positionLost({ topic, partition, low, high }, this.#offset)
    }
    for (const message of fetched.messages) {
      this.#queue.push(message)
      this.#queuedBytes += sizeOf(message)
    }
    this.#offset = fetched.next
  }

  async #arrival(signal: AbortSignal): Promise<void> {
    this.#fetch()
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const wake = (): void => {
      resolve(undefined)
    }
    signal.addEventListener('abort', wake, { once: true })
    await Promise.race([this.#fetching, promise])
    signal.removeEventListener('abort', wake)
  }
}

interface Bounds {
  readonly topic: string
  readonly partition: number
  readonly low: bigint
  readonly high: bigint
}

/** A reader that skips to an attempt may start anywhere before it: where the position is lost, at the beginning. */
function startOffset(options: LaneReaderOptions, bounds: Bounds): bigint {
  if (options.position === undefined) return bounds.low
  const position = BigInt(options.position)
  if (position >= bounds.low && position <= bounds.high) return position
  if (options.skipToAttempt !== undefined) return bounds.low
  throw positionLost(bounds, position)
}

function positionLost({ topic, partition, low, high }: Bounds, position: bigint): ConnectError {
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

function sizeOf({ value, key }: KafkaMessage): number {
  return (value?.length ?? 0) + (key?.length ?? 0) + 256
}
