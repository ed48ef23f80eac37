import type { Logger } from 'pino'
import { kafkaClient } from './kafka-client.ts'
import type { KafkaServers } from './kafka-servers.ts'
import { kafkaError } from './kafka-errors.ts'

/**
 * How many brokers the cluster has; proves that one can be reached and lets us in. Throws as the log does.
 */
export async function countBrokers(servers: KafkaServers, logger: Logger): Promise<number> {
  const admin = kafkaClient(servers, logger).admin()
  try {
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    return brokers.length
  } catch (error) {
    throw kafkaError(error, { servers, doing: 'connecting to', target: 'the cluster' })
  } finally {
    await admin.disconnect()
  }
}
