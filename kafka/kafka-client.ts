import kafkajs, { type Kafka, type KafkaConfig } from 'kafkajs'
import type { Logger } from 'pino'
import {
  brokerSocketFactory,
  connectionTimeoutMs,
  linesTo,
  requestTimeoutMs,
  retry,
  saslOf,
} from './kafka-cluster.ts'
import type { KafkaServers } from './kafka-servers.ts'
import { calmRequestQueues } from './request-queue.ts'

/** The kafkajs client, with what its producer, consumer and admin need. */
export function kafkaClient(servers: KafkaServers, logger: Logger): Kafka {
  calmRequestQueues()
  const { INFO, NOTHING } = kafkajs.logLevel
  const logLevel = logger.isLevelEnabled('debug') ? INFO : NOTHING
  return new kafkajs.Kafka({
    ...configOf(servers),
    retry,
    logLevel,
    logCreator: linesTo({ logger }),
  })
}

function configOf(servers: KafkaServers): KafkaConfig {
  const sasl = saslOf(servers)
  return {
    brokers: [...servers.brokers],
    clientId: servers.clientId,
    ssl: servers.ssl,
    socketFactory: brokerSocketFactory(),
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    ...(sasl !== undefined && { sasl }),
  }
}
