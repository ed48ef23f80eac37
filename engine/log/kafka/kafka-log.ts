import type { Admin } from 'kafkajs'
import type { Logger } from 'pino'
import type { LogConfig } from '../../run-types.ts'
import {
  type KafkaAddress,
  type LogStream,
  type OpenedStream,
  type StreamLog,
} from '../stream-log.ts'
import { kafkaClient, type KafkaServers } from './kafka-client.ts'
import { kafkaError } from './kafka-errors.ts'
import { schemasTopic, statesTopic, topicName } from './topic-names.ts'
import { ensureSharedTopics, ensureStreamTopic, recordBytesFor } from './topics.ts'

export type KafkaLogConfig = Extract<LogConfig, { kind: 'kafka' }>

const clientId = 'reactor-connect'

/** Kafka as the log. Holds one admin connection; the lanes' own connections live in the workers. */
export class KafkaLog implements StreamLog {
  readonly #config: KafkaLogConfig
  readonly #servers: KafkaServers
  readonly #admin: Admin

  private constructor(config: KafkaLogConfig, servers: KafkaServers, admin: Admin) {
    this.#config = config
    this.#servers = servers
    this.#admin = admin
  }

  static async open(config: KafkaLogConfig, logger: Logger): Promise<KafkaLog> {
    const servers = {
      brokers: config.brokers,
      clientId,
      ssl: config.ssl,
      ...(config.sasl !== undefined && { sasl: config.sasl }),
    }
    const admin = kafkaClient(servers, logger).admin()
    try {
      await admin.connect()
      await ensureSharedTopics(admin, servers)
      return new KafkaLog(config, servers, admin)
    } catch (error) {
      await admin.disconnect()
      throw kafkaError(error, { servers, doing: 'connecting to', target: 'the cluster' })
    }
  }

  async openStream({ connection, stream, partitions }: LogStream): Promise<OpenedStream> {
    const topic = topicName(connection, stream)
    const maxMessageBytes = await ensureStreamTopic(this.#admin, this.#servers, {
      topic,
      partitions,
    })
    const lanes = Array.from({ length: partitions }, (_, partition) => {
      const kafka: KafkaAddress = {
        ...this.#servers,
        topic,
        partition,
        connection,
        stream,
        framing: this.#config.framing,
        maxMessageBytes,
        statesTopic,
        schemasTopic,
      }
      const end = { address: { kind: 'kafka', kafka }, transfer: [] } as const
      return { partition, writer: end, reader: end }
    })
    return { lanes, maxRecordBytes: recordBytesFor(maxMessageBytes) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.disconnect()
  }
}
