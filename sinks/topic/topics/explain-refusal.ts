import type { Logger } from 'pino'
import type { KafkaServers } from '../../../kafka/kafka-servers.ts'
import { topicSettings } from '../../../kafka/make-topic.ts'
import { ConnectError } from '../../../protocol/index.ts'
import { topicError } from '../topic-errors.ts'

/**
 * Why the brokers refuse a message as such: its topic has become one that is compacted, and the message has
 * no key.
 */
export async function explainRefusal(
  thrown: unknown,
  {
    servers,
    topic,
    logger,
  }: { readonly servers: KafkaServers; readonly topic: string; readonly logger: Logger },
): Promise<ConnectError> {
  try {
    const { policy } = await topicSettings({ servers, logger }, topic)
    if (policy.includes('compact')) {
      const details = { topic, policy, needed: 'delete' }
      return new ConnectError('destination_topic_policy', { details, cause: thrown })
    }
  } catch (error) {
    logger.debug({ err: error }, 'the settings of the topic could not be read')
  }
  return topicError(thrown, { servers, doing: 'writing to', topic })
}
