import type { Logger } from 'pino'
import { streamIdOf, type JsonObject } from '../../protocol/index.ts'
import { connectorOf } from '../../connectors/registry.ts'
import type { ChangeConfig } from '../../connectors/connector.ts'
import type { Destination, RunStart, SinkStream } from '../../sinks/sink.ts'
import { Mutex } from '../../lib/async/slots.ts'
import { openPostgresDestination } from '../../sinks/postgres/postgres-destination.ts'
import { rejectedInRun } from './committed-counts.ts'
import { openStreamLog } from '../log/open-stream-log.ts'
import type { RunPorts } from '../ports.ts'
import type { RunPlan, RunResult, StreamResult } from '../run-types.ts'
import { startPatiently } from './start-patiently.ts'
import { StopLimit } from './stop-limit.ts'
import { runStream } from './stream-run.ts'
import { StreamTally } from './stream-tally.ts'
import type { RunContext, StreamRunDeps } from './sync-run.ts'
import { unseenStreams } from './unseen-streams.ts'

const progressEveryMs = 250
const streamsAhead = 2

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
  // What is read from here on has the configuration that the source changed last: a single-use token is gone.
  const source = { ...plan.source }
  const connector = connectorOf(source.type)
  const context = connectorContext(source, { ports, logger, signal })
  using limit = new StopLimit(signal)
  await using destination = await openPostgresDestination(plan.destination, limit.passed)
  const start = await startPatiently(context, () => startRun(destination, plan))
  const warnings = await startPatiently(context, () => unseenStreams(destination, plan, logger))
  await using session = await startPatiently(context, () =>
    connector.openRead(source.config, context),
  )
  await using log = await openStreamLog(plan.log, logger)
  const work = plan.streams.map((sink) => {
    return { sink, tally: tallyOf(sink, { plan, ports }) }
  })
  const report = (): void => {
    const atMs = ports.now()
    ports.onProgress({
      startedAtMs,
      atMs,
      streams: work.map(({ tally }) => tally.progress(atMs)),
    })
  }
  const timer = setInterval(report, progressEveryMs)
  try {
    const deps = {
      plan: { ...plan, source },
      start,
      connector,
      context,
      session,
      destination,
      log,
      threads: ports.threads.forRun(plan.limits.parallelLanes),
      logger,
      signal,
    }
    const streams = await runStreams(deps, work, ports)
    const status = overall(streams)
    if (status !== 'stopped') await noteEnd(deps)
    return { status, seconds: (ports.now() - startedAtMs) / 1000, streams, warnings }
  } finally {
    clearInterval(timer)
    report()
  }
}

function tallyOf(
  { connection, stream, mode }: RunPlan['streams'][number],
  { plan, ports }: { readonly plan: RunPlan; readonly ports: RunPorts },
): StreamTally {
  // A limited run stops in its stage, and shows what is there.
  const isStaged = mode.startsWith('overwrite') && plan.limits.limitRows === undefined
  return new StreamTally({ connection, stream: streamIdOf(stream.stream), isStaged }, ports.metrics)
}

/** A destination that cannot be told takes the next run for this one's continuation: the streams' own results stand. */
async function noteEnd({ destination, plan, start, logger }: StreamRunDeps): Promise<void> {
  await destination.endRun(plan.connection, start).catch((error: unknown) => {
    logger.warn({ err: error }, 'the end of the run could not be noted at the destination')
  })
}

async function startRun(destination: Destination, plan: RunPlan): Promise<RunStart> {
  await destination.check()
  return destination.startRun(plan.connection, plan.runKey)
}

async function runStreams(
  deps: StreamRunDeps,
  work: readonly { readonly sink: SinkStream; readonly tally: StreamTally }[],
  ports: RunPorts,
): Promise<StreamResult[]> {
  const { connection, limits } = deps.plan
  const streams: StreamResult[] = []
  // Some more than move at the same time, so that the next one is ready; not all, each takes a session at the destination to begin.
  const waiting = work.entries()
  const runNext = async (): Promise<void> => {
    for (const [index, { sink, tally }] of waiting) {
      const result = await runStream(deps, sink, tally)
      ports.metrics.streams.inc({ connection, status: result.status })
      streams[index] = result
      ports.onStreamEnded?.(result)
    }
  }
  await Promise.all(Array.from({ length: limits.parallelLanes + streamsAhead }, runNext))
  return streams
}

/** @param source its configuration is replaced when the connector changes it */
function connectorContext(
  source: { config: JsonObject; readonly allowedNetworks?: readonly string[] },
  around: { readonly ports: RunPorts; readonly logger: Logger; readonly signal: AbortSignal },
): RunContext {
  const { ports, logger, signal } = around
  return {
    logger,
    signal,
    allowedNetworks: source.allowedNetworks ?? [],
    configChanged: (config) => {
      source.config = config
      ports.onConfigChanged?.(config)
    },
    changeConfig: configChange(source, ports),
    secretFound: (text) => ports.onSecretFound?.(text),
    now: () => ports.now(),
  }
}

/** One change at a time in this run, and where others share the configuration, in all of them. */
function configChange(source: { config: JsonObject }, ports: RunPorts): ChangeConfig {
  const mutex = new Mutex()
  const changeAlone: ChangeConfig = async (change) => {
    const changed = await change(source.config)
    if (changed !== null) ports.onConfigChanged?.(changed)
    return changed ?? source.config
  }
  return (change) =>
    mutex.run(async () => {
      source.config = await (ports.changeConfig ?? changeAlone)(change)
      return source.config
    })
}

/** Failed if every stream failed, partial if some did, stopped if one was stopped; complete only if no record was rejected. */
function overall(streams: readonly StreamResult[]): RunResult['status'] {
  const some = (status: StreamResult['status']): boolean =>
    streams.some((stream) => stream.status === status)
  if (!some('failed')) {
    if (some('stopped')) return 'stopped'
    return streams.some((stream) => rejectedInRun(stream) > 0) ? 'partial' : 'complete'
  }
  return streams.every(({ status }) => status === 'failed') ? 'failed' : 'partial'
}
