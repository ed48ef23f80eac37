import { crc32 } from 'node:zlib'
import type { Logger } from 'pino'
import { ClusterSessions } from '../../../kafka/cluster-sessions.ts'
import type { KafkaServers } from '../../../kafka/kafka-servers.ts'
import { KafkaConnection } from '../../../kafka/kafka-connection.ts'
import { kafkaError } from '../../../kafka/kafka-errors.ts'
import { produceRequest } from '../../../kafka/produce-request.ts'
import { BatchEncoder, encodeHeaders } from '../../../kafka/record-batch/batch-encoder.ts'
import { anonymous, encodeBatch } from '../../../kafka/record-batch/record-batch.ts'
import { untilServed } from '../../../kafka/make-topic.ts'
import { ensureStreamTopic } from './topics.ts'

/** A message of a topic that is not a stream's. */
export interface KeyedRecord {
  readonly key: string
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}

export interface KeyedTopic {
  readonly servers: KafkaServers
  readonly topic: string
  readonly partitions: number
  /**
   * It may be compacted: only the newest message of a key counts. Default: it is refused, because each
   * message counts.
   */
  readonly mayBeCompacted?: boolean
  readonly logger: Logger
}

/** A restarting broker is waited for. The caller's client waits meanwhile. */
const patienceMs = 4_000
/** The bytes of a message beside its key, value and headers. */
const framingBytes = 64

/**
 * Makes the topic if it is missing, with the settings of a stream's. Resolves with its `max.message.bytes`.
 */
export async function ensureKeyedTopic(keyed: KeyedTopic): Promise<number> {
  const { servers, topic, partitions, mayBeCompacted = false, logger } = keyed
  await using sessions = new ClusterSessions()
  const kafka = { servers, sessions, logger }
  const { maxBytes } = await ensureStreamTopic(kafka, { topic, partitions, mayBeCompacted })
  try {
    await untilServed(kafka, { topic, partitions })
    return maxBytes
  } catch (error) {
    throw kafkaError(error, { servers, doing: 'preparing', target: `topic ${topic}`, topic })
  }
}

/**
 * Appends messages to a topic in batches. Those with the same key are in one partition, in the order of the
 * calls.
 */
export class KeyedProducer implements AsyncDisposable {
  /** `max.message.bytes` of the topic. */
  readonly maxMessageBytes: number
  readonly #topic: KeyedTopic
  readonly #connection: KafkaConnection

  private constructor(topic: KeyedTopic, connection: KafkaConnection, maxMessageBytes: number) {
    this.#topic = topic
    this.#connection = connection
    this.maxMessageBytes = maxMessageBytes
  }

  /** The topic is made if it is missing. */
  static async open(topic: KeyedTopic): Promise<KeyedProducer> {
    const maxMessageBytes = await ensureKeyedTopic(topic)
    const { servers, logger } = topic
    try {
      const options = { servers, topics: [topic.topic], patienceMs, logger }
      return new KeyedProducer(topic, await KafkaConnection.open(options), maxMessageBytes)
    } catch (error) {
      throw failure(error, topic, 'opening')
    }
  }

  /**
   * All are on all replicas in sync when it resolves. If it throws, some may be there, and a request that was
   * repeated may have put them there twice: the reader must recognise repetitions.
   */
  async send(records: readonly KeyedRecord[]): Promise<void> {
    const byPartition = Map.groupBy(records, ({ key }) => crc32(key) % this.#topic.partitions)
    try {
      await Promise.all([...byPartition].map(([partition, some]) => this.#append(partition, some)))
    } catch (error) {
      throw failure(error, this.#topic, 'writing to')
    }
  }

  async #append(partition: number, records: readonly KeyedRecord[]): Promise<void> {
    const messages = records.map(({ key, value, headers }) => ({
      key: Buffer.from(key),
      value: [value],
      headers: encodeHeaders(headers),
    }))
    const bytes = messages.map(
      ({ key, value: [value], headers }) =>
        framingBytes + key.length + (value?.length ?? 0) + headers.length,
    )
    const encoder = new BatchEncoder(bytes.reduce((sum, some) => sum + some, 0))
    for (const message of messages) encoder.message(message)
    const batch = await encodeBatch(encoder, { producer: anonymous, timestampMs: Date.now() })
    const to = { topic: this.#topic.topic, partition, transactionalId: null, batch }
    await this.#connection.runWithRetries(async () =>
      this.#connection.request(to, produceRequest(to)),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]()
  }
}

function failure(error: unknown, { servers, topic }: KeyedTopic, doing: string): Error {
  return kafkaError(error, { servers, doing, target: `topic ${topic}`, topic })
}
