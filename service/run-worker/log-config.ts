import type { LogConfig } from '../../engine/run-types.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { ConnectionOptions } from '../connections/schema.ts'

/** The brokers of the service. */
export type KafkaPlace = Omit<Extract<LogConfig, { kind: 'kafka' }>, 'kind' | 'framing'>

/**
 * The log that a connection's runs use: Kafka if the service has brokers and the connection does not choose another one. Throws
 * `log_not_available`.
 */
export function logConfig(
  { log, framing = 'block' }: ConnectionOptions,
  kafka: KafkaPlace | undefined,
): LogConfig {
  if (log === 'embedded' || (log === undefined && kafka === undefined)) return { kind: 'embedded' }
  if (kafka === undefined) throw new ConnectError('log_not_available')
  return { kind: 'kafka', framing, ...kafka }
}
