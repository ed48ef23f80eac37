import type { LogConfig } from '../../engine/run-types.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { ConnectionOptions } from '../connections/schema.ts'

/** The brokers of the service. */
export type KafkaPlace = Omit<Extract<LogConfig, { kind: 'kafka' }>, 'kind' | 'framing'>

/** Through which log a connection's runs go: Kafka where the service has brokers and nothing else is said. Throws `log_not_available`. */
export function logConfig(
  { log, framing = 'block' }: ConnectionOptions,
  kafka: KafkaPlace | undefined,
): LogConfig {
  if (log === 'embedded' || (log === undefined && kafka === undefined)) return { kind: 'embedded' }
  if (kafka === undefined) throw new ConnectError('log_not_available')
  return { kind: 'kafka', framing, ...kafka }
}
