import { connectorOf } from '../connectors/registry.ts'
import type { ConnectorContext } from '../connectors/connector.ts'
import { openPostgresDestination } from '../sinks/postgres/postgres-destination.ts'
import { openStreamLog } from './log/open-stream-log.ts'
import { openLanePools } from './pools/lane-pools.ts'
import type { RunPorts } from './ports.ts'
import type { RunPlan, RunResult, StreamResult } from './run-types.ts'
import { runStream } from './stream-run.ts'
import { StreamTally } from './stream-tally.ts'

const progressEveryMs = 250

/**
 * Runs a connection once: every stream of the plan from its last checkpoint to its end. One failing stream does not stop the others.
 * `signal` drains every lane to its next checkpoint; a second run goes on from there.
 * Throws a ConnectError where no stream could even start (source, destination or log out of reach).
 */
export async function runConnection(
  plan: RunPlan,
  ports: RunPorts,
  signal: AbortSignal,
): Promise<RunResult> {
  const startedAtMs = ports.now()
  const logger = ports.logger.child({ connection: plan.connection })
  const connector = connectorOf(plan.source.type)
  const context: ConnectorContext = { logger, signal, now: () => ports.now() }
  // First, so that the threads start while the connections are opened.
  await using pools = openLanePools({
    threads: plan.limits.parallelLanes,
    heapMb: plan.limits.workerHeapMb,
    logger,
  })
  await using destination = await openPostgresDestination(plan.destination)
  await destination.check()
  const run = await destination.startRun(plan.connection)
  await using session = await connector.openRead(plan.source.config, context)
  await using log = await openStreamLog(plan.log, logger)
  const tallies = plan.streams.map((sink) => {
    const { name, namespace } = sink.stream.stream
    return new StreamTally(
      plan.connection,
      namespace === undefined ? { name } : { name, namespace },
      ports.metrics,
    )
  })
  const report = (): void => {
    const atMs = ports.now()
    ports.onProgress({
      startedAtMs,
      atMs,
      streams: tallies.map((tally) => tally.progress(atMs)),
    })
  }
  const timer = setInterval(report, progressEveryMs)
  try {
    const deps = { plan, run, connector, context, session, destination, log, pools, logger, signal }
    const streams = await Promise.all(
      plan.streams.map(async (sink, index) => {
        const tally =
          tallies[index] ??
          new StreamTally(plan.connection, { name: sink.stream.stream.name }, ports.metrics)
        const result = await runStream(deps, sink, tally)
        ports.metrics.streams.inc({ connection: plan.connection, status: result.status })
        return result
      }),
    )
    const status = overall(streams)
    if (status !== 'stopped') await destination.endRun(plan.connection, run)
    return { status, seconds: (ports.now() - startedAtMs) / 1000, streams }
  } finally {
    clearInterval(timer)
    report()
  }
}

/** complete when every stream is, failed when every stream failed, stopped when one was stopped and none failed, else partial. */
function overall(streams: readonly StreamResult[]): RunResult['status'] {
  const some = (status: StreamResult['status']): boolean =>
    streams.some((stream) => stream.status === status)
  if (!some('failed')) return some('stopped') ? 'stopped' : 'complete'
  return streams.every(({ status }) => status === 'failed') ? 'failed' : 'partial'
}
