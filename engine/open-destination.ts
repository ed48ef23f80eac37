import type { Logger } from 'pino'
import type { Destination, SinkLane, StreamSync } from '../sinks/sink.ts'
import type { StreamId } from '../protocol/index.ts'
import { snapshotFor } from '../sinks/topic/preview/topic-snapshot.ts'
import type { DestinationConfig, PreviewConfig } from './run-types.ts'

// Imported on first use: a run has one kind of destination.
const destinations = {
  postgres: () => import('../sinks/postgres/postgres-destination.ts'),
  topic: () => import('../sinks/topic/topic-destination.ts'),
  'topic-preview': () => import('../sinks/topic/preview/preview-destination.ts'),
}
const lanes = {
  postgres: () => import('../sinks/postgres/load/postgres-lane.ts'),
  topic: () => import('../sinks/topic/load/topic-lane.ts'),
  'topic-preview': () => import('../sinks/topic/preview/preview-lane.ts'),
}

/**
 * Begins to load what `openDestination` will need: in the time in which a source is asked, 25 ms are free.
 */
export function preloadDestination({ type }: DestinationConfig): void {
  destinations[type]().catch(() => undefined) // the caller that opens it gets the error
}

/**
 * The destination that the configuration names, on the main thread.
 * @param options.stop from its abort on, nothing waits for other programs that hold a topic up
 * @param options.givenUp from its abort on, calls that are in progress throw an error that is worth a retry,
 * as do all that follow; nothing of them is left open
 */
export async function openDestination(
  config: DestinationConfig | PreviewConfig,
  {
    logger,
    givenUp,
    stop,
  }: { readonly logger: Logger; readonly givenUp?: AbortSignal; readonly stop?: AbortSignal },
): Promise<Destination> {
  switch (config.type) {
    case 'postgres': {
      const { openPostgresDestination } = await destinations.postgres()
      return openPostgresDestination({ ...config, logger }, givenUp)
    }
    case 'topic': {
      const { openTopicDestination } = await destinations.topic()
      return openTopicDestination(config, { logger, givenUp, stop })
    }
    case 'topic-preview': {
      const { PreviewDestination } = await destinations['topic-preview']()
      return new PreviewDestination(config)
    }
  }
}

/** The part of the configuration that a lane of the stream needs: it is copied into the lane's thread. */
export function laneDestination(
  config: DestinationConfig | PreviewConfig,
  stream: StreamId,
): DestinationConfig | PreviewConfig {
  return config.type === 'topic-preview' ? { ...config, ...snapshotFor(config, stream) } : config
}

/** Whether its lanes take rows of binary COPY (`RecordBlock.copy`). */
export function takesCopyRows({ type }: DestinationConfig | PreviewConfig): boolean {
  return type === 'postgres'
}

/** Begins to load what `openSinkLane` will need. */
export function preloadSinkLane(type: DestinationConfig['type']): void {
  lanes[type]().catch(() => undefined) // the caller that opens the lane gets the error
}

/** A lane of it, in a sink worker. Throws `fenced` if a newer `begin` took over. */
export async function openSinkLane(
  config: DestinationConfig | PreviewConfig,
  lane: { readonly sync: StreamSync; readonly partition: number },
  logger: Logger,
): Promise<SinkLane> {
  switch (config.type) {
    case 'postgres': {
      const { openPostgresLane } = await lanes.postgres()
      return openPostgresLane({ ...config, logger }, lane.sync, lane.partition)
    }
    case 'topic': {
      const { openTopicLane } = await lanes.topic()
      return openTopicLane({ place: config, ...lane, logger })
    }
    case 'topic-preview': {
      const { PreviewLane } = await lanes['topic-preview']()
      return new PreviewLane(config, lane.sync)
    }
  }
}
