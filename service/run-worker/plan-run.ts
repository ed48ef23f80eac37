import {
  defaultLimits,
  type DestinationConfig,
  type FunctionsService,
  type LogConfig,
  type RunPlan,
} from '../../engine/run-types.ts'
import { streamIdOf, streamKey } from '../../protocol/index.ts'
import type { ResolvedStreams } from '../connections/resolve-streams.ts'
import type { Connection, ConnectionOptions } from '../connections/schema.ts'
import type { ResolvedConfig } from '../execution/resolved-config.ts'
import type { RunStream } from '../runs/schema.ts'

/** The parts of a plan that come from the operator's settings. */
export interface PlanDependencies {
  /** Throws `destination_invalid`, `destination_not_available`. */
  readonly addressOf: (destination: string) => DestinationConfig
  /** Throws `log_not_available`. */
  readonly logOf: (options: ConnectionOptions) => LogConfig
  readonly allowedNetworks: readonly string[]
  /** Undefined: no stream can have a transformation. */
  readonly functions: FunctionsService | undefined
}

/**
 * The secrets of the operator's databases and services, which no line of a run may show. A password that is also a name is not masked: it would mask
 * every occurrence of the name.
 */
export function placeSecrets(
  { destination, options }: Pick<Connection, 'destination' | 'options'>,
  places: Pick<PlanDependencies, 'addressOf' | 'logOf' | 'functions'>,
): readonly string[] {
  const { password, host, user, database } = places.addressOf(destination).address
  const log = places.logOf(options)
  const sasl = log.kind === 'kafka' ? log.sasl : undefined
  const names = [host, user, database, sasl?.username]
  return [password, sasl?.password, places.functions?.apiKey]
    .filter((secret) => secret !== undefined)
    .filter((secret) => !names.includes(secret))
}

export interface PlannedRun {
  readonly plan: RunPlan
  readonly notes: readonly string[]
}

interface PlanOptions {
  /** Id of the run. */
  readonly run: string
  readonly done: readonly RunStream[]
  readonly places: PlanDependencies
  /** The connection's streams as they are to be read. */
  readonly resolved: ResolvedStreams
}

/** The plan of an attempt. `done`: streams that earlier attempts completed, which are not read again. */
export function planRun(
  connection: Pick<Connection, 'name' | 'destination' | 'options'>,
  { type, config }: ResolvedConfig,
  { run, done, places, resolved }: PlanOptions,
): PlannedRun {
  const destination = places.addressOf(connection.destination)
  const log = places.logOf(connection.options)
  const completed = done.filter(({ status }) => status === 'complete')
  const completedKeys = new Set(completed.map(streamKey))
  const { allowedNetworks, functions } = places
  return {
    notes: resolved.notes,
    plan: {
      connection: connection.name,
      runKey: run,
      source: { type, config, allowedNetworks },
      ...(functions !== undefined && { functions }),
      streams: resolved.streams.filter(
        ({ stream }) => !completedKeys.has(streamKey(stream.stream)),
      ),
      completed: completed.map(streamIdOf),
      destination,
      log,
      limits: defaultLimits,
    },
  }
}
