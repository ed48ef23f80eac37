import type { Logger } from 'pino'
import { hasType, kafkaError } from '../../../kafka/kafka-errors.ts'
import { BatchEncoder, encodeHeaders } from '../../../kafka/record-batch/batch-encoder.ts'
import type { ClusterSessions } from '../../../kafka/cluster-sessions.ts'
import type { PartitionFetcher } from '../../../kafka/partition-fetcher.ts'
import { TransactionalProducer } from '../../../kafka/transactional-producer.ts'
import { ConnectError } from '../../../protocol/index.ts'
import type { KafkaAddress, LaneName } from '../stream-log.ts'
import type { LaneMessages } from './lane-messages.ts'
import { type KeyedMessage, statesPartition } from './saved-states.ts'
import { laneId } from './topic-names.ts'

/** A usual batch before compression; the buffer grows for a larger one. */
const batchBytes = 1.25 * 1024 * 1024
/** Most lanes of a run have little to write. */
const firstBytes = 64 * 1024
/** A state or a schema, as most are. */
const keyedBytes = 4 * 1024

const utf8 = new TextEncoder()
const noHeaders = encodeHeaders({})

/** The one producer of a lane, and its transaction. One call at a time. */
export class LaneProducer implements AsyncDisposable {
  readonly #address: KafkaAddress
  readonly #producer: TransactionalProducer
  readonly #encoder = new BatchEncoder(firstBytes)
  readonly #stateEncoder = new BatchEncoder(keyedBytes)

  private constructor(address: KafkaAddress, producer: TransactionalProducer) {
    this.#address = address
    this.#producer = producer
  }

  /** When it resolves, every older producer of the lane is fenced and its open transaction is aborted. */
  static async open(
    address: KafkaAddress,
    logger: Logger,
    sessions?: ClusterSessions,
  ): Promise<LaneProducer> {
    const { topic, partition, statesTopic, schemasTopic } = address
    const topics = [topic, statesTopic, schemasTopic]
    const transactionalId = laneId(topic, partition)
    try {
      const options = { servers: address, topics, transactionalId, sessions, logger }
      return new LaneProducer(address, await TransactionalProducer.open(options))
    } catch (error) {
      throw laneError(error, address, { doing: 'opening' })
    }
  }

  /** How long a transaction may be open. */
  get timeoutMs(): number {
    return this.#producer.timeoutMs
  }

  /** Reads one of the topics of the lane; not after the producer is closed. */
  fetcher(topic: string, partition: number): PartitionFetcher {
    return this.#producer.fetcher(topic, partition)
  }

  /**
   * Writes outside of the transaction: visible when it resolves. Writing a message twice has the same effect
   * as once. It may be called beside another call.
   */
  async publish(topic: string, message: KeyedMessage): Promise<void> {
    const encoder = new BatchEncoder(keyedBytes)
    encodeKeyed(encoder, [message])
    await this.#doing('writing to', () => this.#producer.publish(topic, 0, encoder), topic)
  }

  /** Writes one batch inside the transaction; and states, which may also follow alone. */
  async send(
    messages: readonly LaneMessages[],
    states: readonly KeyedMessage[] = [],
  ): Promise<void> {
    const { topic, partition, statesTopic } = this.#address
    // Most transactions have states, sooner or later.
    const places = [
      { topic, partition },
      { topic: statesTopic, partition: statesPartition },
    ]
    await this.#doing('writing to', () => this.#producer.join(places))
    const sent = await Promise.allSettled([this.#sendMessages(messages), this.sendStates(states)])
    // Both have ended: a message sent after the transaction would begin another one, which nobody ends.
    for (const outcome of sent) if (outcome.status === 'rejected') throw outcome.reason
  }

  async #sendMessages(messages: readonly LaneMessages[]): Promise<void> {
    const { topic, partition, maxMessageBytes: limit } = this.#address
    this.#encoder.restart(batchBytes)
    for (const some of messages) some.encode(this.#encoder)
    const bytes = this.#encoder.bytes.length
    try {
      await this.#producer.append(topic, partition, this.#encoder)
    } catch (error) {
      const tooLarge =
        hasType(error, 'MESSAGE_TOO_LARGE') || hasType(error, 'RECORD_LIST_TOO_LARGE')
      if (!tooLarge) throw laneError(error, this.#address, { doing: 'writing to' })
      throw new ConnectError('log_message_too_large', {
        details: { topic, bytes, limit },
        cause: error,
      })
    }
  }

  /** Writes the lane's states inside the transaction. */
  async sendStates(states: readonly KeyedMessage[]): Promise<void> {
    if (states.length === 0) return
    const { statesTopic } = this.#address
    this.#stateEncoder.restart(firstBytes)
    encodeKeyed(this.#stateEncoder, states)
    await this.#doing(
      'writing to',
      () => this.#producer.append(statesTopic, statesPartition, this.#stateEncoder),
      statesTopic,
    )
  }

  /** Durable, and visible to read_committed consumers, when it resolves. */
  async commit(): Promise<void> {
    await this.#doing('committing to', () => this.#producer.commit())
  }

  /** Drops what was sent since the last commit. */
  async abort(): Promise<void> {
    await this.#doing('aborting at', () => this.#producer.abort())
  }

  /**
   * Leaves an open transaction to the broker, which aborts it when the lane is opened again, or after its
   * timeout.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer[Symbol.asyncDispose]()
  }

  async #doing(doing: string, action: () => Promise<void>, topic?: string): Promise<void> {
    try {
      await action()
    } catch (error) {
      throw laneError(error, this.#address, { doing, ...(topic !== undefined && { topic }) })
    }
  }
}

function encodeKeyed(encoder: BatchEncoder, messages: readonly KeyedMessage[]): void {
  for (const { key, value } of messages)
    encoder.message({ key: utf8.encode(key), value: [utf8.encode(value)], headers: noHeaders })
}

/** The lane that an address refers to. */
export function laneOf({ connection, stream, partition }: KafkaAddress): LaneName {
  return { connection, stream, partition }
}

function laneError(
  error: unknown,
  address: KafkaAddress,
  { doing, topic = address.topic }: { readonly doing: string; readonly topic?: string },
): ConnectError {
  return kafkaError(error, {
    servers: address,
    doing,
    target: `topic ${topic}`,
    topic,
    lane: laneOf(address),
  })
}
