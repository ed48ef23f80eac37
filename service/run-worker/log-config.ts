import type { StorageConfig } from '../../storage/storage-config.ts'
import type { LogConfig } from '../../engine/run-types.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { ConnectionOptions } from '../connections/schema.ts'

/** The brokers of the service. */
export type KafkaPlace = Omit<Extract<LogConfig, { kind: 'kafka' }>, 'kind' | 'framing' | 'storage'>

/**
 * The log that a connection's runs use: Kafka if the service has brokers and the connection does not choose
 * another one. Throws `log_not_available`.
 */
export function logConfig(
  { log, framing = 'block' }: ConnectionOptions,
  {
    kafka,
    storage,
  }: { readonly kafka: KafkaPlace | undefined; readonly storage: StorageConfig | undefined },
): LogConfig {
  const common = storage === undefined ? {} : { storage }
  if (log === 'embedded' || (log === undefined && kafka === undefined))
    return { kind: 'embedded', ...common }
  if (kafka === undefined) throw new ConnectError('log_not_available')
  return { kind: 'kafka', framing, ...kafka, ...common }
}
