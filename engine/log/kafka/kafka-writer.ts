import type { Logger } from 'pino'
import { wireSchema, type WireSchema } from '../../../protocol/avro/avro-schema.ts'
import type { Column } from '../../../protocol/index.ts'
import type {
  KafkaAddress,
  LaneResume,
  LaneWriter,
  LaneWriterOptions,
  LogEntry,
  LogRecords,
} from '../stream-log.ts'
import { ReusableBuffers } from '../reusable-buffer.ts'
import { messagesOf, type LaneMessageMaker, type LaneMessages } from './lane-messages.ts'
import { LaneProducer } from './lane-producer.ts'
import { ClusterSessions } from '../../../kafka/cluster-sessions.ts'
import type { BatchEncoder } from '../../../kafka/record-batch/batch-encoder.ts'
import { SeenStates } from './read-states.ts'
import type { LogStart } from './resume.ts'
import { resumeLane } from './resume-lane.ts'
import type { SavedState } from './saved-states.ts'
import { defaultBounds, SendQueue, type SendBounds } from './send-queue.ts'

/** A unit is committed in parts when its transaction has used this much of its time. */
const unitShare = 0.8

/** The sessions of this thread. */
const sessions = new ClusterSessions()
const seen = new SeenStates()

/** The writing end of a lane in Kafka: one transactional producer. */
export class KafkaWriter implements LaneWriter {
  readonly resume: LaneResume
  readonly #address: KafkaAddress
  readonly #producer: LaneProducer
  readonly #queue: SendQueue
  readonly #maker: LaneMessageMaker
  readonly #since: LogStart
  readonly #attemptKey: string | undefined
  readonly #published = new Set<string>()
  #schema: WireSchema
  #columns: readonly Column[]
  #written = 0
  readonly #reusable = new ReusableBuffers()

  private constructor(dependencies: {
    readonly address: KafkaAddress
    readonly options: LaneWriterOptions
    readonly producer: LaneProducer
    readonly queue: SendQueue
    readonly resumed: { readonly resume: LaneResume; readonly since: LogStart }
    /** It is published. */
    readonly schema: WireSchema
  }) {
    const { address, options } = dependencies
    this.#address = address
    this.#producer = dependencies.producer
    this.#queue = dependencies.queue
    this.resume = dependencies.resumed.resume
    this.#since = dependencies.resumed.since
    const { stream, partition, framing } = address
    const { syncId, attempt } = options
    this.#attemptKey = options.attemptKeys.at(-1)
    this.#maker = { stream, partition, framing, syncId, attempt }
    this.#columns = options.columns
    this.#schema = dependencies.schema
    this.#published.add(publishedSchema(address, dependencies.schema).hex)
  }

  /** Fences older writers first, then finds out where to continue. `bounds`: for tests. */
  static async open(
    address: KafkaAddress,
    options: LaneWriterOptions,
    { logger, bounds = {} }: { readonly logger: Logger; readonly bounds?: Partial<SendBounds> },
  ): Promise<KafkaWriter> {
    const producer = await LaneProducer.open(address, logger, sessions)
    try {
      const schema = wireSchema(address.stream, options.columns)
      const [resumed] = await Promise.all([
        resumeLane({ address, options, producer, seen }),
        publishSchema(producer, address, schema),
      ])
      const queue = new SendQueue({
        producer,
        owner: address,
        bounds: { ...defaultBounds, unitMs: producer.timeoutMs * unitShare, ...bounds },
        logger,
      })
      return new KafkaWriter({ address, options, producer, queue, resumed, schema })
    } catch (error) {
      await producer[Symbol.asyncDispose]()
      throw error
    }
  }

  async append(entry: LogEntry): Promise<void> {
    if (entry.type === 'begin') await this.#useColumns(entry.columns)
    const messages = messagesOf(entry, this.#maker, {
      schema: this.#schema,
      writtenBefore: this.#written,
    })
    if (entry.type === 'records' || entry.type === 'stored') this.#written += entry.count
    const saved = this.#savedBy(entry)
    const endsUnit = entry.type === 'state' || entry.type === 'end' || entry.type === 'close'
    if (entry.type === 'records') this.#reuseAfter(messages, entry)
    await this.#queue.push({ messages, endsUnit, ...(saved !== undefined && { saved }) })
    if (saved !== undefined) this.#lastState = saved
  }

  reuse(): ArrayBuffer | undefined {
    return this.#reusable.take()
  }

  async flush(): Promise<void> {
    await this.#queue.flush()
  }

  /** Complete units are written; an open one is dropped. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.close()
    await this.#producer[Symbol.asyncDispose]()
  }

  /** The parts of the last message are no longer needed once it is encoded: that happens once, in order. */
  #reuseAfter(messages: LaneMessages[], { bytes: { buffer } }: LogRecords): void {
    const last = messages.pop()
    if (last === undefined) return
    const encode = (batch: BatchEncoder): void => {
      last.encode(batch)
      this.#reusable.add(buffer)
    }
    messages.push({ bytes: last.bytes, encode })
  }

  #lastState: SavedState | undefined

  /** The point from which a restarted read continues: the state, and whether the slice is complete. */
  #savedBy(entry: LogEntry): SavedState | undefined {
    const { syncId, attempt, partition } = this.#maker
    const { attempt: since, from } = this.#since
    const made = { partition, syncId, attempt, attemptKey: this.#attemptKey, since, from }
    if (entry.type === 'state') {
      const { slice, seq, state } = entry
      return { slice, ...made, seq, state, complete: false }
    }
    if (entry.type !== 'end' || entry.outcome !== 'complete') return undefined
    const { slice, seq } = entry
    const last = this.#lastState?.slice === slice ? this.#lastState : undefined
    const resumed = this.resume.slices.find((checkpoint) => checkpoint.slice === slice)
    const state = last?.state ?? resumed?.state ?? null
    return { slice, ...made, seq, state, complete: true }
  }

  async #useColumns(columns: readonly Column[]): Promise<void> {
    if (columns === this.#columns || JSON.stringify(columns) === JSON.stringify(this.#columns))
      return
    this.#columns = columns
    this.#schema = wireSchema(this.#address.stream, columns)
    await this.#publishSchema()
  }

  async #publishSchema(): Promise<void> {
    const { hex } = publishedSchema(this.#address, this.#schema)
    if (this.#published.has(hex)) return
    await publishSchema(this.#producer, this.#address, this.#schema)
    this.#published.add(hex)
  }
}

/** Before the first record that uses it: visible at once, outside of the transaction. */
async function publishSchema(
  producer: LaneProducer,
  address: KafkaAddress,
  wire: WireSchema,
): Promise<void> {
  const { hex, schema } = publishedSchema(address, wire)
  await producer.publish(address.schemasTopic, { key: hex, value: JSON.stringify(schema) })
}

function publishedSchema(
  { framing }: KafkaAddress,
  { blockSchema, recordSchema, fingerprint, recordFingerprint }: WireSchema,
): { readonly hex: string; readonly schema: WireSchema['blockSchema' | 'recordSchema'] } {
  return framing === 'block'
    ? { hex: fingerprint.hex, schema: blockSchema }
    : { hex: recordFingerprint.hex, schema: recordSchema }
}
