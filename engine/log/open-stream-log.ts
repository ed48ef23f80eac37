import type { Logger } from 'pino'
import type { LogConfig } from '../run-types.ts'
import { EmbeddedLog } from './embedded/embedded-log.ts'
import { StoringLog } from './stored/storing-log.ts'
import type { StreamLog } from './stream-log.ts'

/** Bytes in flight in all lanes of a feed, and the least that one lane needs. */
const feedQueueBytes = 64 * 1024 * 1024
const leastQueueBytes = 512 * 1024

/**
 * The log that the configuration names, ready for streams. On the main thread.
 * @param feedLanes of a feed: the lanes that are open at the same time, whatever their number
 */
export async function openStreamLog(
  config: LogConfig,
  logger: Logger,
  feedLanes = 0,
): Promise<StreamLog> {
  const log = await openLog(config, logger, feedLanes)
  return config.storage === undefined ? log : new StoringLog(log, config.storage, logger)
}

async function openLog(config: LogConfig, logger: Logger, feedLanes: number): Promise<StreamLog> {
  switch (config.kind) {
    case 'embedded':
      if (feedLanes <= 8) return new EmbeddedLog()
      return new EmbeddedLog({
        maxQueueBytes: Math.max(leastQueueBytes, Math.floor(feedQueueBytes / feedLanes)),
      })
    case 'kafka': {
      const { KafkaLog } = await import('./kafka/kafka-log.ts')
      return KafkaLog.open(config, logger)
    }
  }
}
