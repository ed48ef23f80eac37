import type { Logger } from 'pino'
import type { LogConfig } from '../../run-types.ts'
import {
  type KafkaAddress,
  type LogStream,
  type OpenedStream,
  type StreamLog,
} from '../stream-log.ts'
import { ClusterSessions } from '../../../kafka/cluster-sessions.ts'
import { KafkaConnection } from '../../../kafka/kafka-connection.ts'
import type { KafkaServers } from '../../../kafka/kafka-servers.ts'
import { kafkaError } from '../../../kafka/kafka-errors.ts'
import { sharedTopics, topicName, topicsOfConnection, type SharedTopics } from './topic-names.ts'
import type { TopicCluster } from '../../../kafka/make-topic.ts'
import { SyncAnnouncer } from './sync-announcer.ts'
import { ensureSharedTopics, ensureStreamTopic, recordBytesFor } from './topics.ts'

export type KafkaLogConfig = Extract<LogConfig, { kind: 'kafka' }>

const clientId = 'reactor-connect'

/** How to reach the brokers of a log. */
export function kafkaServers({
  brokers,
  ssl,
  sasl,
}: Pick<KafkaLogConfig, 'brokers' | 'ssl' | 'sasl'>): KafkaServers {
  return { brokers, clientId, ssl, ...(sasl !== undefined && { sasl }) }
}

/**
 * Kafka as the log. Holds the connections of the main thread; the lanes' own connections live in the workers.
 */
export class KafkaLog implements StreamLog {
  readonly #config: KafkaLogConfig
  readonly #kafka: TopicCluster & { readonly sessions: ClusterSessions }
  /** For connections with topics of their own: created, or being created. */
  readonly #ownTopics = new Map<string, Promise<SharedTopics>>()

  private constructor(config: KafkaLogConfig, logger: Logger) {
    this.#config = config
    this.#kafka = { servers: kafkaServers(config), sessions: new ClusterSessions(), logger }
  }

  static async open(config: KafkaLogConfig, logger: Logger): Promise<KafkaLog> {
    const log = new KafkaLog(config, logger)
    try {
      await log.#connect()
      if (config.topicsPerConnection !== true) await ensureSharedTopics(log.#kafka, sharedTopics)
      return log
    } catch (error) {
      await log[Symbol.asyncDispose]()
      const { servers } = log.#kafka
      throw kafkaError(error, { servers, doing: 'connecting to', target: 'the cluster' })
    }
  }

  async openStream({ connection, stream, partitions }: LogStream): Promise<OpenedStream> {
    const topic = topicName(connection, stream)
    const shared = await this.#sharedTopics(connection)
    const made = await ensureStreamTopic(this.#kafka, { topic, partitions })
    const { maxBytes, keptMs } = made
    const { framing } = this.#config
    const address = { ...this.#kafka.servers, ...shared, topic, connection, stream, framing }
    const lanes = Array.from({ length: partitions }, (_, partition) => {
      const kafka: KafkaAddress = { ...address, partition, maxMessageBytes: maxBytes }
      const end = { address: { kind: 'kafka', kafka }, transfer: [] } as const
      return { partition, writer: end, reader: end }
    })
    return {
      lanes,
      maxRecordBytes: recordBytesFor(maxBytes),
      ...(keptMs !== undefined && { keptMs }),
      announce: (attempt) => {
        const { logger, sessions } = this.#kafka
        const whole = { ...address, partitions: made.partitions }
        return SyncAnnouncer.announce(whole, attempt, { logger, sessions })
      },
    }
  }

  /** Where states and schemas of the connection go. */
  #sharedTopics(connection: string): Promise<SharedTopics> {
    if (this.#config.topicsPerConnection !== true) return Promise.resolve(sharedTopics)
    const known = this.#ownTopics.get(connection)
    if (known !== undefined) return known
    const own = topicsOfConnection(connection)
    const made = ensureSharedTopics(this.#kafka, own).then(() => own)
    this.#ownTopics.set(connection, made)
    // The next stream tries again.
    made.catch(() => this.#ownTopics.delete(connection))
    return made
  }

  /** Only kafkajs retries: brokers that cannot be reached are reported within a few seconds. */
  async #connect(): Promise<void> {
    const connection = await KafkaConnection.open({ ...this.#kafka, topics: [], patienceMs: 0 })
    await connection[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kafka.sessions[Symbol.asyncDispose]()
  }
}
