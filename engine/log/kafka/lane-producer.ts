import kafkajs, { type Kafka, type Message, type Producer, type Transaction } from 'kafkajs'
import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import type { KafkaAddress, LaneName } from '../stream-log.ts'
import { kafkaClient, patientRetry } from './kafka-client.ts'
import { hasType, kafkaError } from './kafka-errors.ts'
import type { LaneMessage } from './lane-messages.ts'
import { laneId } from './topic-names.ts'

/**
 * A transaction that a dead writer left open hides what follows it from read_committed consumers until this time is over
 * or the lane is opened again. The broker's own bound (transaction.max.timeout.ms) is 15 minutes by default.
 */
export const transactionTimeoutMs = 5 * 60_000
/** Where the broker allows less. */
const shortTimeoutMs = 60_000

/** The one producer of a lane, and its transaction. One call at a time. */
export class LaneProducer implements AsyncDisposable {
  readonly timeoutMs: number
  readonly #address: KafkaAddress
  readonly #producer: Producer
  #transaction: Transaction | undefined
  #used = false

  private constructor(address: KafkaAddress, producer: Producer, timeoutMs: number) {
    this.#address = address
    this.#producer = producer
    this.timeoutMs = timeoutMs
  }

  /** When it resolves, every older producer of the lane is fenced and its open transaction is aborted. */
  static async open(address: KafkaAddress, logger: Logger): Promise<LaneProducer> {
    const client = kafkaClient(address, { logger, patience: 'lane' })
    try {
      return await LaneProducer.#start({ address, client, timeoutMs: transactionTimeoutMs })
    } catch (error) {
      if (!hasType(error, 'INVALID_TRANSACTION_TIMEOUT')) throw openError(error, address)
    }
    try {
      return await LaneProducer.#start({ address, client, timeoutMs: shortTimeoutMs })
    } catch (error) {
      throw openError(error, address)
    }
  }

  static async #start(start: {
    readonly address: KafkaAddress
    readonly client: Kafka
    readonly timeoutMs: number
  }): Promise<LaneProducer> {
    const { address, client, timeoutMs } = start
    const producer = client.producer({
      transactionalId: laneId(address.topic, address.partition),
      idempotent: true,
      maxInFlightRequests: 1,
      transactionTimeout: timeoutMs,
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      retry: patientRetry,
    })
    const lane = new LaneProducer(address, producer, timeoutMs)
    try {
      await producer.connect()
      lane.#transaction = await producer.transaction()
      return lane
    } catch (error) {
      await producer.disconnect()
      throw error
    }
  }

  /** Writes outside of the transaction: visible when it resolves. */
  async publish(topic: string, message: Message): Promise<void> {
    await this.#do(`writing to`, `topic ${topic}`, () =>
      this.#producer.send({ topic, messages: [message] }),
    )
  }

  /** Writes one batch inside the transaction; together with the lane's states where they are given. */
  async send(messages: readonly LaneMessage[], states: readonly Message[] = []): Promise<void> {
    const { topic, statesTopic } = this.#address
    const transaction = (this.#transaction ??= await this.#begin())
    const topicMessages = [
      ...(messages.length > 0 ? [{ topic, messages: messages.map(({ message }) => message) }] : []),
      ...(states.length > 0 ? [{ topic: statesTopic, messages: [...states] }] : []),
    ]
    if (topicMessages.length === 0) return
    this.#used = true
    await this.#do('writing to', `topic ${topic}`, async () => {
      try {
        await transaction.sendBatch({ topicMessages, compression: kafkajs.CompressionTypes.ZSTD })
      } catch (error) {
        throw this.#tooLarge(error, messages)
      }
    })
  }

  /** Durable, and visible to read_committed consumers, when it resolves. */
  async commit(): Promise<void> {
    const transaction = this.#transaction
    if (transaction === undefined || !this.#used) return
    this.#transaction = undefined
    this.#used = false
    await this.#do('committing to', `topic ${this.#address.topic}`, () => transaction.commit())
  }

  /** Drops what was sent since the last commit. */
  async abort(): Promise<void> {
    const transaction = this.#transaction
    if (transaction === undefined || !this.#used) return
    this.#transaction = undefined
    this.#used = false
    await this.#do('aborting at', `topic ${this.#address.topic}`, () => transaction.abort())
  }

  /** Leaves an open transaction to the broker: it is aborted when the lane is opened again, or by its timeout. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer.disconnect()
  }

  async #begin(): Promise<Transaction> {
    const { topic } = this.#address
    return this.#do('beginning a transaction at', `topic ${topic}`, () =>
      this.#producer.transaction(),
    )
  }

  async #do<T>(doing: string, target: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (error) {
      const { topic } = this.#address
      throw kafkaError(error, {
        servers: this.#address,
        doing,
        target,
        topic,
        lane: laneOf(this.#address),
      })
    }
  }

  #tooLarge(error: unknown, messages: readonly LaneMessage[]): unknown {
    if (!hasType(error, 'MESSAGE_TOO_LARGE') && !hasType(error, 'RECORD_LIST_TOO_LARGE'))
      return error
    const { topic, maxMessageBytes: limit } = this.#address
    const bytes = messages.reduce((sum, message) => sum + message.bytes, 0)
    return new ConnectError('log_message_too_large', {
      details: { topic, bytes, limit },
      cause: error,
    })
  }
}

/** The lane that an address leads to. */
export function laneOf({ connection, stream, partition }: KafkaAddress): LaneName {
  return { connection, stream, partition }
}

function openError(error: unknown, address: KafkaAddress): ConnectError {
  const { topic } = address
  return kafkaError(error, {
    servers: address,
    doing: 'opening',
    target: `topic ${topic}`,
    topic,
    lane: laneOf(address),
  })
}
