import {
  ConnectError,
  type JsonObject,
  streamIdOf,
  streamKey,
  streamLabel,
} from '../../protocol/index.ts'
import { connectorOf } from '../../connectors/registry.ts'
import type { ChangeConfig } from '../../connectors/connector.ts'
import { noCounts } from '../../sinks/committed-counts.ts'
import type { Destination, RunStart } from '../../sinks/sink.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { Mutex, Slots } from '../../lib/async/slots.ts'
import { kindOf } from '../../sinks/registry.ts'
import { openStreamLog } from '../log/open-stream-log.ts'
import type { RunPorts } from '../ports.ts'
import type { EndedRun, PlannedStream, RunPlan, RunResult, StreamResult } from '../run-types.ts'
import { AwayServers } from './away-servers.ts'
import { openSession } from './open-session.ts'
import { retryStart } from './retry-start.ts'
import { withFewCalls, withFewOpenings } from './few-calls.ts'
import { leaveCounts } from './leave-counts.ts'
import { noteEnd, reportedStreams } from './note-end.ts'
import { SourceWatch } from './source-watch.ts'
import { StopLimit } from './stop-limit.ts'
import { StreamPlans } from './stream-plans.ts'
import { sourceRefusal } from './stream-refusal.ts'
import { runStream } from './stream-run.ts'
import { StreamTally } from './stream-tally.ts'
import type { RunContext, StreamRunDeps } from './sync-run.ts'
import type { Logger } from 'pino'

const progressEveryMs = 250
const summaryEveryMs = 60_000
const streamsAhead = 2
/** Streams that may join a continuous run, and how often it looks for them. */
const roomForStreams = 200
const newStreamsMs = 30_000
/** Calls at the destination and at the log, by all streams of a feed. */
const callsAtOnce = 4

/**
 * Runs a connection once: every stream of the plan from its last checkpoint to its end. One failing stream
 * does not stop the others. `signal` drains every lane to its next checkpoint; a second run continues from
 * there. The run has not ended before its caller confirms that the result is reported: if the process is
 * killed before that, the next start reports it. Throws a ConnectError if no stream could even start (source,
 * destination or log out of reach).
 */
export async function runConnection(
  plan: RunPlan,
  ports: RunPorts,
  signal: AbortSignal,
): Promise<EndedRun> {
  const startedAtMs = ports.now()
  const logger = ports.logger.child({ connection: plan.connection })
  // All reads from here on use the configuration that the source changed last: a single-use token is gone.
  const source = { ...plan.source }
  const connector = await connectorOf(source.type)
  const isSandbox = plan.limits.limitRows !== undefined
  const context = { ...connectorContext(source, { ports, logger, signal }), isSandbox }
  await using open = new AsyncDisposableStack()
  const limit = open.use(new StopLimit(signal))
  const givenUp = limit.passed
  const destination = open.use(
    await kindOf(plan.destination).open(plan.destination, { logger, givenUp, stop: signal }),
  )
  const start = await retryStart(context, () => startRun(destination, plan))
  const warnings = await retryStart(context, () => unseenStreams(destination, plan, logger))
  const streams = plan.streams.map(({ stream }) => streamIdOf(stream.stream))
  await using session = await retryStart(context, () =>
    openSession(connector, source, context, streams),
  )
  const isFeed = session.isFeed === true
  if (plan.isContinuous === true && !isFeed) throw sourceRefusal(plan)
  const feedLanes = isFeed ? plan.streams.length : 0
  await using log = await openStreamLog(plan.log, logger, feedLanes)
  const work = plan.streams.map((sink) => {
    return { sink, tally: tallyOf(sink, { plan, ports }) }
  })
  const isWatched = plan.isContinuous === true
  const watched = { connection: plan.connection, metrics: ports.metrics, signal }
  await using watch = new SourceWatch(isWatched ? session : undefined, watched)
  const report = (): void => {
    const atMs = ports.now()
    const streams = work.map(({ tally }) => tally.progress(atMs))
    ports.onProgress({ startedAtMs, atMs, streams, ...(watch.lag && { lag: watch.lag }) })
  }
  const timer = setInterval(report, progressEveryMs)
  const summary = setInterval(() => {
    if (isWatched) logger.info({ ...summaryOf(work, ports.now()), ...watch.lag }, 'running')
  }, summaryEveryMs)
  const { parallelLanes } = plan.limits
  const calls = new Slots(callsAtOnce)
  await using threads = isFeed
    ? ports.threads.forFeed(feedLanes + (isWatched ? roomForStreams : 0))
    : ports.threads.forRun(parallelLanes)
  try {
    const deps = {
      plan: { ...plan, source },
      start,
      connector,
      context,
      session,
      destination: isFeed ? withFewCalls(destination, calls) : destination,
      log: isFeed ? withFewOpenings(log, calls) : log,
      threads,
      logger,
      signal: watch.signal,
      away: new AwayServers(),
      plans: new StreamPlans(isWatched ? ports.replan : undefined, logger),
    }
    const refused = refuseStreams(plan, ports)
    const ended = [...watch.judge(await runStreams(deps, work, ports)), ...refused]
    const status = combineStatus(ended)
    const results = (await isTakenOver(deps, ended)) ? ended.map(leaveCounts) : ended
    const seconds = (ports.now() - startedAtMs) / 1000
    const reported = reportedStreams(results, limit.passed)
    const stillOpen = open.move()
    return {
      result: { status, seconds, streams: results, warnings },
      confirmReported: () => noteEnd(deps, { reported, status, limit }),
      [Symbol.asyncDispose]: () => stillOpen.disposeAsync(),
    }
  } finally {
    clearInterval(timer)
    clearInterval(summary)
    report()
  }
}

/** One line of the log for all streams of a continuous run. */
function summaryOf(
  work: readonly { readonly tally: StreamTally }[],
  atMs: number,
): Readonly<Record<string, number>> {
  const facts = { streams: work.length, failed: 0, read: 0, loaded: 0, rejected: 0 }
  for (const { tally } of work) {
    const { status, read, loaded, rejected } = tally.progress(atMs)
    if (status === 'failed') facts.failed += 1
    facts.read += read
    facts.loaded += loaded
    facts.rejected += rejected
  }
  return facts
}

function tallyOf(
  { connection, stream, mode }: RunPlan['streams'][number],
  { plan, ports }: { readonly plan: RunPlan; readonly ports: RunPorts },
): StreamTally {
  // A limited run stops in its stage, and shows what is there. Some destinations have no stage.
  const isStaged =
    kindOf(plan.destination).capabilities.stages &&
    mode.startsWith('overwrite') &&
    plan.limits.limitRows === undefined
  return new StreamTally({ connection, stream: streamIdOf(stream.stream), isStaged }, ports.metrics)
}

/**
 * Another start has the connection: the destination forgets nothing that this start reports. Not asked if
 * streams failed for other reasons: a destination that is away holds up no result.
 */
async function isTakenOver(
  { destination, plan, start, logger }: StreamRunDeps,
  streams: readonly StreamResult[],
): Promise<boolean> {
  const isFenced = streams.some(({ error }) => error?.code === 'fenced')
  if (!isFenced && !streams.every(({ status }) => status === 'complete')) return false
  try {
    return (await destination.newerStart(plan.connection, start)) !== undefined
  } catch (error) {
    // Then some rows may be reported twice, which is better than never.
    const { code, message: reason } = ConnectError.from(error)
    logger.warn({ code, reason }, 'whether a newer run has the connection could not be read')
    return false
  }
}

async function startRun(destination: Destination, plan: RunPlan): Promise<RunStart> {
  await destination.check()
  return destination.startRun(plan.connection, plan.runKey)
}

async function runStreams(
  deps: StreamRunDeps,
  work: StreamWork[],
  ports: RunPorts,
): Promise<StreamResult[]> {
  const { connection, limits } = deps.plan
  const isFeed = deps.session.isFeed === true
  const streams: StreamResult[] = []
  // Some more than move at the same time, so that the next one is ready; not all, each takes a session at the
  // destination to begin. But a feed waits for all of its streams.
  const waiting = [...work.entries()].values()
  const runWork = async (index: number, { sink, tally }: StreamWork): Promise<void> => {
    const result = await runStream(deps, sink, tally)
    ports.metrics.streams.inc({ connection, status: result.status })
    streams[index] = result
    ports.onStreamEnded?.(result)
  }
  const runNext = async (): Promise<void> => {
    for (const [index, own] of waiting) await runWork(index, own)
  }
  const othersEnded = new AbortController()
  const joined = runNewStreams(deps, work, {
    until: AbortSignal.any([deps.signal, othersEnded.signal]),
    tallyOf: (sink) => tallyOf(sink, { plan: deps.plan, ports }),
    run: (own) => runWork(work.indexOf(own), own),
  })
  const atOnce = isFeed ? work.length : limits.parallelLanes + streamsAhead
  await Promise.all(Array.from({ length: atOnce }, runNext))
  othersEnded.abort()
  await joined
  return streams
}

interface StreamWork {
  readonly sink: PlannedStream
  readonly tally: StreamTally
}

/** Streams that are new at the source of a continuous run join it. Resolves when they have ended. */
async function runNewStreams(
  { plans, logger, plan: { limits } }: StreamRunDeps,
  work: StreamWork[],
  {
    until: signal,
    tallyOf: tally,
    run,
  }: {
    readonly until: AbortSignal
    readonly tallyOf: (sink: PlannedStream) => StreamTally
    readonly run: (own: StreamWork) => Promise<void>
  },
): Promise<void> {
  if (!plans.canChange) return
  const most = work.length + roomForStreams
  const running: Promise<void>[] = []
  while (!signal.aborted && work.length < most) {
    await sleep(limits.newStreamsMs ?? newStreamsMs, undefined, { signal }).catch(() => undefined)
    const known = new Set(work.map(({ sink }) => streamKey(streamIdOf(sink.stream.stream))))
    const planned = await plans.all()
    for (const sink of planned) {
      const id = streamIdOf(sink.stream.stream)
      if (known.has(streamKey(id)) || work.length >= most) continue
      logger.info({ stream: streamLabel(id) }, 'a new stream of the source joins the run')
      const own = { sink, tally: tally(sink) }
      work.push(own)
      running.push(run(own))
    }
  }
  await Promise.all(running)
}

/** The results of the streams that are not read. What earlier starts left of them, a later run reports. */
function refuseStreams({ connection, refused = [] }: RunPlan, ports: RunPorts): StreamResult[] {
  return refused.map(({ stream, error }) => {
    const result = { ...unread, stream, error }
    ports.metrics.streams.inc({ connection, status: result.status })
    ports.onStreamEnded?.(result)
    return result
  })
}

const unread = {
  status: 'failed',
  ...noCounts,
  read: 0,
  readAgain: 0,
  readBytes: 0,
  syncId: 0,
  generationId: 0,
  resumed: false,
  tableNotes: [],
  seconds: 0,
  progressed: false,
  warnings: [],
} as const satisfies Partial<StreamResult>

/** @param source its configuration is replaced when the connector changes it */
function connectorContext(
  source: { config: JsonObject; readonly allowedNetworks?: readonly string[] },
  dependencies: { readonly ports: RunPorts; readonly logger: Logger; readonly signal: AbortSignal },
): RunContext {
  const { ports, logger, signal } = dependencies
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
    idleSessions: ports.idleSessions,
  }
}

/** One change at a time in this run, and if others share the configuration, in all of them. */
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

/**
 * Failed if every stream failed, partial if some did, stopped if one was stopped; complete only if no record
 * was rejected.
 */
function combineStatus(streams: readonly StreamResult[]): RunResult['status'] {
  const hasSome = (status: StreamResult['status']): boolean =>
    streams.some((stream) => stream.status === status)
  if (!hasSome('failed')) {
    if (hasSome('stopped')) return 'stopped'
    return streams.some((stream) => rejectedInRun(stream) > 0) ? 'partial' : 'complete'
  }
  return streams.every(({ status }) => status === 'failed') ? 'failed' : 'partial'
}

/**
 * A run of all streams leaves out a stream that the source does not show any more: a warning for each that it
 * loaded before, which is logged.
 */
async function unseenStreams(
  destination: Pick<Destination, 'loadedStreams'>,
  { connection, shown }: Pick<RunPlan, 'connection' | 'shown'>,
  logger: Logger,
): Promise<readonly string[]> {
  if (shown === undefined) return []
  const shownKeys = new Set(shown.map(streamKey))
  const loaded = await destination.loadedStreams(connection)
  const warnings = loaded
    .filter(({ stream, hasTable }) => hasTable && !shownKeys.has(streamKey(stream)))
    .map(
      ({ stream, table }) =>
        `The source no longer shows stream ${streamLabel(stream)}, which is one of this connection’s: it was not read, and ${table} stays as it is. Create it again at the source, or let the user of the source read it (GRANT SELECT, in a database). If it is gone for good, and nobody needs its rows, drop ${table} at the destination.`,
    )
  // The result has them: in the lines of the log, people would read them twice.
  for (const warning of warnings) logger.debug({ warning }, 'the run continues with a warning')
  return warnings
}

/** Records of a stream that the run rejected, in this start and in those before. */
function rejectedInRun({ rejected, before }: StreamResult): number {
  return rejected + (before?.rejected ?? 0)
}
