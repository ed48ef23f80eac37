import type { Logger } from 'pino'
import type { LogConfig } from '../../run-types.ts'
import {
  type KafkaAddress,
  type LogStream,
  type OpenedStream,
  type StreamLog,
} from '../stream-log.ts'
import { kafkaClient } from '../../../kafka/kafka-client.ts'
import { kafkaError } from '../../../kafka/kafka-errors.ts'
import { schemasTopic } from '../../../kafka/topic-names.ts'
import { statesTopic, topicName } from './topic-names.ts'
import type { KafkaAdmin } from '../../../kafka/make-topic.ts'
import { ensureSharedTopics, ensureStreamTopic, recordBytesFor } from './topics.ts'

export type KafkaLogConfig = Extract<LogConfig, { kind: 'kafka' }>

const clientId = 'reactor-connect'

/** Kafka as the log. Holds one admin connection; the lanes' own connections live in the workers. */
export class KafkaLog implements StreamLog {
  readonly #config: KafkaLogConfig
  readonly #kafka: KafkaAdmin

  private constructor(config: KafkaLogConfig, kafka: KafkaAdmin) {
    this.#config = config
    this.#kafka = kafka
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
      const kafka = { admin, servers, logger }
      await ensureSharedTopics(kafka)
      return new KafkaLog(config, kafka)
    } catch (error) {
      await admin.disconnect()
      throw kafkaError(error, { servers, doing: 'connecting to', target: 'the cluster' })
    }
  }

  async openStream({ connection, stream, partitions }: LogStream): Promise<OpenedStream> {
    const topic = topicName(connection, stream)
    const { maxBytes, keptMs } = await ensureStreamTopic(this.#kafka, { topic, partitions })
    const lanes = Array.from({ length: partitions }, (_, partition) => {
      const kafka: KafkaAddress = {
        ...this.#kafka.servers,
        topic,
        partition,
        connection,
        stream,
        framing: this.#config.framing,
        maxMessageBytes: maxBytes,
        statesTopic,
        schemasTopic,
      }
      const end = { address: { kind: 'kafka', kafka }, transfer: [] } as const
      return { partition, writer: end, reader: end }
    })
    return {
      lanes,
      maxRecordBytes: recordBytesFor(maxBytes),
      ...(keptMs !== undefined && { keptMs }),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kafka.admin.disconnect()
  }
}
