import type { WebhookEvent } from '../../../../../connectors/connector.ts'
import { unreadMetrics } from '../../../../../engine/metrics/run-metrics.ts'
import { runConnection } from '../../../../../engine/run/run-connection.ts'
import { inProcess, type RunPlan, type RunResult } from '../../../../../engine/run-types.ts'
import type { WorkerThreads } from '../../../../../engine/threads/worker-threads.ts'
import { ConnectError } from '../../../../../protocol/index.ts'
import { eventsConnection } from '../../../../../sinks/events-connection.ts'
import type { Connection } from '../../../../connections/schema.ts'
import { Execution } from '../../../../execution/execution.ts'
import type { InstanceService } from '../../../../instances/contract.ts'
import {
  findPlaces,
  placeSecrets,
  planRun,
  type PlanDependencies,
} from '../../../../run-worker/plan-run.ts'
import type { ResolvedStreams } from '../../../../../plan/streams/resolve-streams.ts'
import type { Logger } from 'pino'

export interface LoadEventsDependencies {
  readonly instances: Pick<InstanceService, 'resolveConfig' | 'keepConfig' | 'changeConfig'>
  readonly places: PlanDependencies
  readonly threads: WorkerThreads
  readonly logger: Logger
  now(): number
}

export interface EventsToLoad {
  readonly connection: Connection
  readonly streams: ResolvedStreams['streams']
  readonly events: readonly WebhookEvent[]
}

/**
 * Loads the changes that events report into the tables of a connection, beside its runs: its checkpoints
 * stay, and no run waits for it. Resolves with false if the signal ended it; throws the reason if not all
 * events are loaded. Loading an event again changes nothing.
 */
export async function loadEvents(
  { connection, streams, events }: EventsToLoad,
  dependencies: LoadEventsDependencies,
  signal: AbortSignal,
): Promise<boolean> {
  const { instances, places, logger, threads } = dependencies
  const execution = new Execution({ logger, facts: { connection: connection.name } })
  try {
    const found = await findPlaces(connection, places)
    execution.hide(placeSecrets(found))
    const source = await instances.resolveConfig(connection.from)
    const shared = execution.shareConfig({ instance: connection.from, source, instances })
    const name = eventsConnection(connection.name)
    const resolved = {
      streams: streams.map((sink) => ({ ...sink, connection: name })),
      problems: [],
      notes: [],
    }
    const { plan } = planRun(connection, source, {
      run: name,
      done: [],
      places: found,
      allowedNetworks: places.allowedNetworks,
      resolved,
    })
    try {
      const ports = {
        logger: execution.logger,
        threads,
        // It is no run of the connection: it is not counted as one.
        metrics: unreadMetrics,
        ...shared.ports,
        now: () => dependencies.now(),
        onProgress: () => undefined,
      }
      await using run = await runConnection(eventsPlan(plan, name, events), ports, signal)
      tell(run.result, execution.logger)
      await run.confirmReported()
      return run.result.status !== 'stopped'
    } finally {
      await shared.waitUntilSettled()
    }
  } catch (error) {
    throw execution.error(error)
  }
}

/** Each is a run of its own. */
function eventsPlan(
  { source, streams, destination, limits, functions, maskKey, log }: RunPlan,
  connection: string,
  events: readonly WebhookEvent[],
): RunPlan {
  return {
    connection,
    source: { ...source, events },
    streams,
    destination,
    ...(functions !== undefined && { functions }),
    ...(maskKey !== undefined && { maskKey }),
    // The topics of a connection have what its runs read.
    log: inProcess(log),
    limits: { ...limits, partitionsPerStream: 1 },
  }
}

/** Throws the error of the first stream that failed. */
function tell({ streams }: RunResult, logger: Logger): void {
  for (const { stream, warnings } of streams)
    for (const warning of warnings)
      logger.warn({ stream: stream.name, warning }, 'events were loaded with a warning')
  const error = streams.find((stream) => stream.error !== undefined)?.error
  if (error !== undefined) throw ConnectError.fromJSON(error)
}
