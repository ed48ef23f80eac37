import type { Logger } from 'pino'
import type { LogConfig } from '../run-types.ts'
import { EmbeddedLog } from './embedded/embedded-log.ts'
import { StoringLog } from './stored/storing-log.ts'
import type { StreamLog } from './stream-log.ts'

/** The log that the configuration names, ready for streams. On the main thread. */
export async function openStreamLog(config: LogConfig, logger: Logger): Promise<StreamLog> {
  const log = await openLog(config, logger)
  return config.storage === undefined ? log : new StoringLog(log, config.storage, logger)
}

async function openLog(config: LogConfig, logger: Logger): Promise<StreamLog> {
  switch (config.kind) {
    case 'embedded':
      return new EmbeddedLog()
    case 'kafka': {
      const { KafkaLog } = await import('./kafka/kafka-log.ts')
      return KafkaLog.open(config, logger)
    }
  }
}
