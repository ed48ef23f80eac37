import type { Settings } from '../platform/config/settings.ts'
import type { TopicServers } from '../../sinks/topic/topic-place.ts'
import type { KafkaPlace } from '../run-worker/log-config.ts'

/** The brokers that the settings name; undefined if they name none. */
export function kafkaPlace(settings: Settings): KafkaPlace | undefined {
  const {
    kafkaBrokers: brokers,
    kafkaTls: ssl,
    kafkaTopicsPerConnection: topicsPerConnection,
  } = settings
  if (brokers.length === 0) return undefined
  const { kafkaSaslMechanism, kafkaSaslUsername, kafkaSaslPassword } = settings
  const isComplete = kafkaSaslMechanism && kafkaSaslUsername && kafkaSaslPassword
  const place = { brokers, ssl, ...(topicsPerConnection && { topicsPerConnection }) }
  if (!isComplete) return place
  const sasl = {
    mechanism: kafkaSaslMechanism,
    username: kafkaSaslUsername,
    password: kafkaSaslPassword,
  }
  return { ...place, sasl }
}

/** The brokers and the registry of destinations `topic:NAME`; undefined if the settings name no brokers. */
export function topicSettings(settings: Settings): TopicServers | undefined {
  const kafka = kafkaPlace(settings)
  if (kafka === undefined) return undefined
  const { brokers, ssl, sasl } = kafka
  const {
    kafkaSchemaRegistryUrl: url,
    kafkaSchemaRegistryUsername: username,
    kafkaSchemaRegistryPassword: password,
  } = settings
  const login = username !== undefined && password !== undefined && { username, password }
  return {
    servers: { brokers, ssl, ...(sasl !== undefined && { sasl }) },
    ...(url !== undefined && { registry: { url, ...login } }),
  }
}
