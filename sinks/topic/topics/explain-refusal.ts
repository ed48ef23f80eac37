import type { Logger } from 'pino'
import { kafkaClient } from '../../../kafka/kafka-client.ts'
import type { KafkaServers } from '../../../kafka/kafka-servers.ts'
import { topicSettings } from '../../../kafka/make-topic.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { topicError } from '../topic-errors.ts'

/** Why the brokers refuse a message as such: its topic has become one that is compacted, and the message has no key. */
export async function explainRefusal(
  thrown: unknown,
  {
    servers,
    topic,
    logger,
  }: { readonly servers: KafkaServers; readonly topic: string; readonly logger: Logger },
): Promise<ConnectError> {
  const admin = kafkaClient(servers, logger).admin()
  try {
    await admin.connect()
    const { policy } = await topicSettings(admin, topic)
    if (policy.includes('compact')) {
      const details = { topic, policy, needed: 'delete' }
      return new ConnectError('destination_topic_policy', { details, cause: thrown })
    }
  } catch (error) {
    logger.debug({ err: error }, 'the settings of the topic could not be read')
  } finally {
    await admin.disconnect()
  }
  return topicError(thrown, { servers, doing: 'writing to', topic })
}
