import type { Logger } from 'pino'
import { kafkaError } from '../../../kafka/kafka-errors.ts'
import { BatchEncoder, encodeHeaders } from '../../../kafka/record-batch/batch-encoder.ts'
import type { EncodedMessages } from '../../../kafka/record-batch/record-batch.ts'
import type { ClusterSessions } from '../../../kafka/cluster-sessions.ts'
import { TransactionalProducer } from '../../../kafka/transactional-producer.ts'
import { cursorField, primaryKey, type ConnectError } from '../../../protocol/index.ts'
import type { StreamSync } from '../../../sinks/sink.ts'
import type { AnnouncedAttempt, EndedSlice, KafkaAddress, SyncAnnouncement } from '../stream-log.ts'
import {
  writtenVersion,
  type PlanValue,
  type SyncEndValue,
  type WrittenHeaders,
} from './message-schemas.ts'
import { statesPartition, streamStateMessage, type KeyedMessage } from './saved-states.ts'
import { syncWriterId } from './topic-names.ts'

/** A stream's topic, with the partitions that it has, which may be more than the lanes. */
export type SyncAddress = Omit<KafkaAddress, 'partition' | 'maxMessageBytes'> & {
  readonly partitions: number
}

/**
 * The timeout of a transaction, which takes some milliseconds: a transaction that a killed process leaves
 * open hides the states of all streams from consumers for this long.
 */
const timeoutMs = 60_000
/** As most of these messages are. */
const messageBytes = 4 * 1024
const deletedAt = '_ab_cdc_deleted_at'
const utf8 = new TextEncoder()

/**
 * The one writer of what concerns a stream as a whole: PLAN and SYNC_END, in every partition of its topic,
 * and the stream's entry in the topic of the states. Each is one transaction, so a reader of any partition
 * has all of it or nothing.
 */
export class SyncAnnouncer implements SyncAnnouncement {
  readonly #address: SyncAddress
  readonly #producer: TransactionalProducer
  readonly #plan: PlanValue

  private constructor(address: SyncAddress, producer: TransactionalProducer, plan: PlanValue) {
    this.#address = address
    this.#producer = producer
    this.#plan = plan
  }

  /**
   * Fences the announcers of older attempts, asks whether this one is still the newest, and writes its PLAN.
   * In this order, no older plan can follow a newer one.
   */
  static async announce(
    address: SyncAddress,
    { sync, slices, confirm }: AnnouncedAttempt,
    { logger, sessions }: { readonly logger: Logger; readonly sessions: ClusterSessions },
  ): Promise<SyncAnnouncer> {
    const { topic, statesTopic } = address
    const topics = [topic, statesTopic]
    const options = {
      topics,
      transactionalId: syncWriterId(topic),
      timeoutsMs: [timeoutMs],
      sessions,
      logger,
    }
    const producer = await doing(address, 'opening', () =>
      TransactionalProducer.open({ servers: address, ...options }),
    )
    const announcer = new SyncAnnouncer(address, producer, planOf({ sync, slices }, address))
    try {
      await confirm()
      await announcer.#writePlan()
      return announcer
    } catch (error) {
      await announcer[Symbol.asyncDispose]()
      throw error
    }
  }

  async complete(slices: readonly EndedSlice[]): Promise<void> {
    const { connection, stream, sync, attempt, generation, partitions } = this.#plan
    const records = slices.reduce((sum, { seq }) => sum + seq, 0)
    const end: SyncEndValue = {
      ...{ connection, stream, sync, attempt, outcome: 'complete', generation, partitions },
      records,
      slices: slices.map(({ slice, partition, seq }) => ({ slice, partition, records: seq })),
    }
    const headers = {
      ...this.#headers(),
      type: 'SYNC_END',
      outcome: 'complete',
      records: String(records),
    } satisfies WrittenHeaders<'SYNC_END'>
    const entry = streamStateMessage(this.#plan, end, this.#address)
    await this.#write(headers, end, entry)
  }

  async #writePlan(): Promise<void> {
    const headers = { ...this.#headers(), type: 'PLAN' } satisfies WrittenHeaders<'PLAN'>
    await this.#write(headers, this.#plan, streamStateMessage(this.#plan, undefined, this.#address))
  }

  #headers(): Pick<WrittenHeaders<'PLAN'>, 'v' | 'sync' | 'attempt'> {
    const { sync, attempt } = this.#plan
    return { v: writtenVersion, sync: String(sync), attempt: String(attempt) }
  }

  async #write(
    headers: Readonly<Record<string, string>>,
    value: PlanValue | SyncEndValue,
    { key, value: entry }: KeyedMessage,
  ): Promise<void> {
    const { topic, statesTopic, partitions } = this.#address
    const message = encoded(null, utf8.encode(JSON.stringify(value)), headers)
    const batches = Array.from({ length: partitions }, (_, partition) => {
      return { topic, partition, ...message }
    })
    const { bytes, count } = encoded(utf8.encode(key), utf8.encode(entry), {})
    const state = { topic: statesTopic, partition: statesPartition, bytes, count }
    // At the same time: until the commit, the entry hides the states of all streams that follow it, no longer
    // than one of these requests takes.
    await doing(this.#address, 'writing to', async () => {
      await this.#producer.appendAll([...batches, state])
      await this.#producer.commit()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer[Symbol.asyncDispose]()
  }
}

function encoded(
  key: Uint8Array | null,
  value: Uint8Array,
  headers: Readonly<Record<string, string>>,
): EncodedMessages {
  const encoder = new BatchEncoder(messageBytes)
  encoder.message({ key, value: [value], headers: encodeHeaders(headers) })
  return { bytes: encoder.bytes, count: encoder.count }
}

/** Makes the value of a PLAN, as docs/topics.md describes it. */
function planOf(
  { sync, slices }: Pick<AnnouncedAttempt, 'sync' | 'slices'>,
  { connection, stream, framing, partitions }: SyncAddress,
): PlanValue {
  const { sink } = sync
  return {
    connection,
    stream,
    sync: sync.syncId,
    attempt: sync.epoch,
    resumed: sync.resumed,
    sync_mode: sink.stream.sync_mode,
    destination_sync_mode: sink.mode,
    generation: sync.generationId,
    primary_key: (primaryKey(sink.stream) ?? []).map((path) => [...path]),
    cursor: cursorOf(sync),
    deletes: {
      mode: sink.deletes,
      column: sink.columns.some(({ name }) => name === deletedAt) ? deletedAt : null,
    },
    framing,
    partitions,
    slices: slices.map(({ seq: records, slice, partition, complete }) => {
      return { slice, partition, records, complete }
    }),
  }
}

/** A cursor that the source defines may be no field: a position in its own log. */
function cursorOf({ sink }: StreamSync): string[] | null {
  const path = cursorField(sink.stream)
  if (path === undefined || !sink.columns.some(({ name }) => name === path[0])) return null
  return [...path]
}

async function doing<T>(address: SyncAddress, what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    throw announceError(error, address, what)
  }
}

function announceError(error: unknown, address: SyncAddress, what: string): ConnectError {
  const { topic, connection, stream } = address
  return kafkaError(error, {
    servers: address,
    doing: what,
    target: `topic ${topic}`,
    topic,
    lane: { connection, stream },
  })
}
