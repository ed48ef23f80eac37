import type { Logger } from 'pino'
import type { Destination, SinkLane, StreamSync } from '../sinks/sink.ts'
import type { DestinationConfig } from './run-types.ts'

// Imported on first use: a run has one kind of destination.

/**
 * The destination that the configuration names, on the main thread.
 * @param givenUp from its abort on, calls that are in progress throw an error that is worth a retry, as do all that follow; nothing of them is left open
 */
export async function openDestination(
  config: DestinationConfig,
  { logger, givenUp }: { readonly logger: Logger; readonly givenUp?: AbortSignal },
): Promise<Destination> {
  switch (config.type) {
    case 'postgres': {
      const { openPostgresDestination } = await import('../sinks/postgres/postgres-destination.ts')
      return openPostgresDestination(config, givenUp)
    }
    case 'topic': {
      const { openTopicDestination } = await import('../sinks/topic/topic-destination.ts')
      return openTopicDestination(config, { logger, givenUp })
    }
  }
}

/** A lane of it, in a sink worker. Throws `fenced` if a newer `begin` took over. */
export async function openSinkLane(
  config: DestinationConfig,
  lane: { readonly sync: StreamSync; readonly partition: number },
  logger: Logger,
): Promise<SinkLane> {
  switch (config.type) {
    case 'postgres': {
      const { openPostgresLane } = await import('../sinks/postgres/load/postgres-lane.ts')
      return openPostgresLane(config, lane.sync, lane.partition)
    }
    case 'topic': {
      const { openTopicLane } = await import('../sinks/topic/load/topic-lane.ts')
      return openTopicLane({ place: config, ...lane, logger })
    }
  }
}
