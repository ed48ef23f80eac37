import {
  defaultLimits,
  type FunctionsService,
  type LogConfig,
  type RunPlan,
} from '../../engine/run-types.ts'
import { markMaskKey } from '../../engine/mask-key-mark.ts'
import { streamIdOf, streamKey } from '../../protocol/index.ts'
import type { ResolvedStreams } from '../../plan/streams/resolve-streams.ts'
import { type DestinationConfig, kindOf } from '../../sinks/registry.ts'
import type { RunnableStreams } from '../connections/connection-streams.ts'
import { loginNames, loginSecrets } from '../connections/hide-login.ts'
import type { DestinationOf } from '../connections/destination-address.ts'
import type { Connection, ConnectionOptions } from '../connections/schema.ts'
import type { ResolvedConfig } from '../execution/resolved-config.ts'
import type { RunStream } from '../runs/schema.ts'

/** The parts of a plan that come from the operator's settings. */
export interface PlanDependencies {
  readonly destinationOf: DestinationOf
  /** Throws `log_not_available`. */
  readonly logOf: (options: ConnectionOptions) => LogConfig
  readonly allowedNetworks: readonly string[]
  /** Undefined: no stream can have a transformation. */
  readonly functions: FunctionsService | undefined
  /** The key of masks that are hashes. Throws what the vault throws. */
  readonly maskKeyOf: () => Promise<string>
}

/** Where a run, or a sandbox, of a connection goes. */
export interface RunPlaces {
  readonly destination: DestinationConfig
  readonly log: LogConfig
  readonly functions: FunctionsService | undefined
  /** Undefined if no stream needs it. */
  readonly maskKey: string | undefined
}

/** Asked once for each attempt: the login of a dataset may be short-lived. Throws what the parts throw. */
export async function findPlaces(
  connection: Pick<Connection, 'destination' | 'options' | 'streams'>,
  {
    destinationOf,
    logOf,
    functions,
    maskKeyOf,
  }: Pick<PlanDependencies, 'destinationOf' | 'logOf' | 'functions' | 'maskKeyOf'>,
): Promise<RunPlaces> {
  const log = logOf(connection.options)
  const maskKey = hasHash(connection) ? await maskKeyOf() : undefined
  return { log, destination: await destinationOf(connection), functions, maskKey }
}

/** A person has seen what the run does, in a sandbox, and promoted it. */
export function promotedPlaces(places: RunPlaces): RunPlaces {
  const { destination } = places
  const promoted = kindOf(destination).promoted?.(destination)
  return { ...places, destination: (promoted as DestinationConfig | undefined) ?? destination }
}

function hasHash({ streams }: Pick<Connection, 'streams'>): boolean {
  return streams?.some(({ mask = {} }) => Object.values(mask).includes('hash')) === true
}

/**
 * The secrets of the operator's databases, brokers and services, which no line of a run may show, except
 * those that are also names.
 */
export function placeSecrets({
  destination,
  log,
  functions,
  maskKey,
}: RunPlaces): readonly string[] {
  const sasl = log.kind === 'kafka' ? log.sasl : undefined
  const names = [...loginNames(destination), sasl?.username, log.storage?.accessKeyId]
  return [
    ...loginSecrets(destination),
    sasl?.password,
    functions?.apiKey,
    maskKey,
    log.storage?.secretAccessKey,
  ]
    .filter((secret) => secret !== undefined)
    .filter((secret) => !names.includes(secret))
}

export interface PlannedRun {
  readonly plan: RunPlan & { readonly destination: DestinationConfig }
  readonly notes: readonly string[]
}

interface PlanOptions {
  /** Id of the run. */
  readonly run: string
  readonly done: readonly RunStream[]
  readonly places: RunPlaces
  readonly allowedNetworks: readonly string[]
  /** The connection's streams as they are to be read. */
  readonly resolved: ResolvedStreams & Partial<RunnableStreams>
}

/** The plan of an attempt. `done`: streams that earlier attempts completed, which are not read again. */
export function planRun(
  connection: Pick<Connection, 'name' | 'options'>,
  { type, config }: ResolvedConfig,
  { run, done, places, allowedNetworks, resolved }: PlanOptions,
): PlannedRun {
  const completed = done.filter(({ status }) => status === 'complete')
  const isContinuous = connection.options.continuous === true
  const completedKeys = new Set(completed.map(streamKey))
  return {
    notes: resolved.notes,
    plan: {
      connection: connection.name,
      runKey: run,
      source: { type, config, allowedNetworks },
      ...(places.functions !== undefined && { functions: places.functions }),
      ...(places.maskKey !== undefined && { maskKey: places.maskKey }),
      streams: markMaskKey(
        resolved.streams.filter(({ stream }) => !completedKeys.has(streamKey(stream.stream))),
        { connection: connection.name, maskKey: places.maskKey },
      ),
      refused: resolved.refused ?? [],
      completed: completed.map(streamIdOf),
      ...(connection.options.schemaDrift === 'backfill' && { backfills: true }),
      ...(isContinuous && { isContinuous }),
      destination: places.destination,
      log: places.log,
      limits: {
        ...defaultLimits(places.log.kind, isContinuous),
        ...kindOf(places.destination).commits,
      },
    },
  }
}
