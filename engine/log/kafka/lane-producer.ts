import type { ClusterBroker } from 'kafkajs/src/cluster/index.js'
import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import type { KafkaAddress, LaneName } from '../stream-log.ts'
import { KafkaConnection } from './kafka-connection.ts'
import { hasType, kafkaError } from './kafka-errors.ts'
import type { LaneMessages } from './lane-messages.ts'
import { produceRequest } from './produce-request.ts'
import { BatchEncoder, encodeHeaders } from './record-batch/batch-encoder.ts'
import { anonymous, encodeBatch } from './record-batch/record-batch.ts'
import { type KeyedMessage, statesPartition } from './saved-states.ts'
import { laneId } from './topic-names.ts'

/**
 * A transaction that a dead writer left open hides what follows it from read_committed consumers until this time is over
 * or the lane is opened again. The broker's own bound (transaction.max.timeout.ms) is 15 minutes by default.
 */
export const transactionTimeoutMs = 5 * 60_000
/** Where the broker allows less. */
const shortTimeoutMs = 60_000
/** A restarting broker is waited for. */
const patienceMs = 20_000
/** A usual batch before compression; the buffer grows for a larger one. */
const batchBytes = 1.25 * 1024 * 1024
/** Most lanes of a run have little to write. */
const firstBytes = 64 * 1024

const utf8 = new TextEncoder()
const noHeaders = encodeHeaders({})

interface Identity {
  readonly producerId: string
  readonly producerEpoch: number
}

/** The one producer of a lane, and its transaction. One call at a time. */
export class LaneProducer implements AsyncDisposable {
  readonly timeoutMs: number
  readonly #address: KafkaAddress
  readonly #connection: KafkaConnection
  readonly #identity: Identity
  readonly #encoder = new BatchEncoder(firstBytes)
  /** By topic: what the broker counts this producer's messages by, so that a repeated request adds nothing. */
  readonly #sequences = new Map<string, number>()
  /** The topics in the transaction; none if there is no transaction. */
  readonly #joined = new Set<string>()

  private constructor(dependencies: {
    readonly address: KafkaAddress
    readonly connection: KafkaConnection
    readonly identity: Identity
    readonly timeoutMs: number
  }) {
    this.#address = dependencies.address
    this.#connection = dependencies.connection
    this.#identity = dependencies.identity
    this.timeoutMs = dependencies.timeoutMs
  }

  /** When it resolves, every older producer of the lane is fenced and its open transaction is aborted. */
  static async open(address: KafkaAddress, logger: Logger): Promise<LaneProducer> {
    const { topic, statesTopic, schemasTopic } = address
    const topics = [topic, statesTopic, schemasTopic]
    try {
      const connection = await KafkaConnection.open({
        servers: address,
        topics,
        patienceMs,
        logger,
      })
      try {
        return new LaneProducer({
          address,
          connection,
          ...(await openIdentity(address, connection)),
        })
      } catch (error) {
        await connection[Symbol.asyncDispose]()
        throw error
      }
    } catch (error) {
      throw laneError(error, address, { doing: 'opening' })
    }
  }

  /** Writes outside of the transaction: visible when it resolves. Writing a message twice has the same effect as once. */
  async publish(topic: string, message: KeyedMessage): Promise<void> {
    this.#encodeKeyed([message])
    const partition = 0
    try {
      const batch = await encodeBatch(this.#encoder, {
        producer: anonymous,
        timestampMs: Date.now(),
      })
      await this.#produce({ topic, partition, transactionalId: null, batch })
    } catch (error) {
      throw laneError(error, this.#address, { doing: 'writing to', topic })
    }
  }

  /** Writes one batch inside the transaction. */
  async send(messages: readonly LaneMessages[]): Promise<void> {
    const { topic, partition, maxMessageBytes: limit } = this.#address
    this.#encoder.restart(batchBytes)
    for (const some of messages) some.encode(this.#encoder)
    const bytes = this.#encoder.bytes.length
    try {
      await this.#append(topic, partition)
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
    this.#encodeKeyed(states)
    try {
      await this.#append(statesTopic, statesPartition)
    } catch (error) {
      throw laneError(error, this.#address, { doing: 'writing to', topic: statesTopic })
    }
  }

  /** Durable, and visible to read_committed consumers, when it resolves. */
  async commit(): Promise<void> {
    await this.#endTransaction('committing to', true)
  }

  /** Drops what was sent since the last commit. */
  async abort(): Promise<void> {
    await this.#endTransaction('aborting at', false)
  }

  /** Leaves an open transaction to the broker, which aborts it when the lane is opened again, or after its timeout. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]()
  }

  #encodeKeyed(messages: readonly KeyedMessage[]): void {
    this.#encoder.restart(batchBytes)
    for (const { key, value } of messages) {
      this.#encoder.message({
        key: utf8.encode(key),
        value: [utf8.encode(value)],
        headers: noHeaders,
      })
    }
  }

  /** What the encoder holds, as the next batch of a partition. A request that is repeated is the same batch: it counts once. */
  async #append(topic: string, partition: number): Promise<void> {
    const { count } = this.#encoder
    if (count === 0) return
    await this.#join(topic, partition)
    const { producerId, producerEpoch: epoch } = this.#identity
    const sequence = this.#sequences.get(topic) ?? 0
    const batch = await encodeBatch(this.#encoder, {
      producer: { id: BigInt(producerId), epoch, sequence, transactional: true },
      timestampMs: Date.now(),
    })
    await this.#produce({ topic, partition, transactionalId: this.#transactionalId, batch })
    this.#sequences.set(topic, (sequence + count) % 2 ** 31)
  }

  async #produce(to: Parameters<typeof produceRequest>[0]): Promise<void> {
    await this.#connection.runWithRetries(async () =>
      this.#connection.request(to, produceRequest(to)),
    )
  }

  /**
   * Tells the coordinator that the transaction includes this partition, before anything is written to it. One at a time: if one of several
   * cannot join, the others' error (OPERATION_NOT_ATTEMPTED) may hide the reason.
   */
  async #join(topic: string, partition: number): Promise<void> {
    if (this.#joined.has(topic)) return
    await this.#atCoordinator(async (coordinator, transaction) =>
      coordinator.addPartitionsToTxn({
        ...transaction,
        topics: [{ topic, partitions: [partition] }],
      }),
    )
    this.#joined.add(topic)
  }

  /** Ending a transaction twice in the same way is ending it once. */
  async #endTransaction(doing: string, transactionResult: boolean): Promise<void> {
    if (this.#joined.size === 0) return
    this.#joined.clear()
    try {
      await this.#atCoordinator(async (coordinator, transaction) =>
        coordinator.endTxn({ ...transaction, transactionResult }),
      )
    } catch (error) {
      throw laneError(error, this.#address, { doing })
    }
  }

  async #atCoordinator(
    action: (
      coordinator: ClusterBroker,
      transaction: Identity & { readonly transactionalId: string },
    ) => Promise<unknown>,
  ): Promise<void> {
    const transactionalId = this.#transactionalId
    await this.#connection.runWithRetries(async () => {
      const coordinator = await this.#connection.coordinator('transaction', transactionalId)
      await action(coordinator, { ...this.#identity, transactionalId })
    })
  }

  get #transactionalId(): string {
    return laneId(this.#address.topic, this.#address.partition)
  }
}

async function openIdentity(
  address: KafkaAddress,
  connection: KafkaConnection,
): Promise<{ readonly identity: Identity; readonly timeoutMs: number }> {
  const transactionalId = laneId(address.topic, address.partition)
  const init = async (timeoutMs: number): Promise<Identity> =>
    connection.runWithRetries(async () => {
      const coordinator = await connection.coordinator('transaction', transactionalId)
      return coordinator.initProducerId({ transactionalId, transactionTimeout: timeoutMs })
    })
  try {
    return { identity: await init(transactionTimeoutMs), timeoutMs: transactionTimeoutMs }
  } catch (error) {
    if (!hasType(error, 'INVALID_TRANSACTION_TIMEOUT')) throw error
    return { identity: await init(shortTimeoutMs), timeoutMs: shortTimeoutMs }
  }
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
