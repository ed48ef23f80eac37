import type { Logger } from 'pino'
import { kafkaError } from '../../kafka/kafka-errors.ts'
import type { KafkaServers } from '../../kafka/kafka-servers.ts'
import { fenceProducers } from '../../kafka/transactional-producer.ts'
import { checkId } from './own-names.ts'
import { SchemaRegistry } from './registry/schema-registry.ts'
import type { TopicPlace } from './topic-place.ts'

/**
 * Proves that the brokers let us have transactions, and writes nothing. Throws `kafka_permission_denied` and
 * what else keeps a run from it.
 */
export async function checkTransactions(servers: KafkaServers, logger: Logger): Promise<void> {
  try {
    await fenceProducers({ servers, logger }, [checkId])
  } catch (error) {
    const target = `transactional id ${checkId}`
    throw kafkaError(error, { servers, doing: 'using', target })
  }
}

/**
 * Proves that the registry responds and takes the login. Throws `schema_registry_unreachable`,
 * `schema_registry_refused`.
 */
export async function checkRegistry(registry: NonNullable<TopicPlace['registry']>): Promise<void> {
  await new SchemaRegistry(registry).check()
}
