import type { Logger } from 'pino'
import type { ChangeConfig } from '../../connectors/connector.ts'
import {
  ConnectError,
  primaryKey as primaryKeyOf,
  streamLabel,
  type ErrorBody,
  type JsonObject,
  type JsonValue,
} from '../../protocol/index.ts'
import type { SliceCheckpoint, StreamSync } from '../../sinks/sink.ts'
import type { LaneEndpoint, LaneReaderOptions } from '../log/stream-log.ts'
import { ConfigLender, JobSide, WarningKeeper } from '../threads/main-side.ts'
import type {
  JobBase,
  JobResult,
  LoadEvent,
  ReadBefore,
  ReadEvent,
  StreamTransform,
} from '../threads/protocol.ts'
import type { LaneThreads } from '../threads/worker-threads.ts'
import { saysInState } from '../threads/says-in-state.ts'
import { kindOf } from '../../sinks/registry.ts'
import type { Observed } from '../observed-fields.ts'
import type { RunPlan } from '../run-types.ts'
import type { SourceReading } from './source-reading.ts'
import { noLoadSeconds, noReadTotals, type StreamTally } from './stream-tally.ts'

export interface LaneRun {
  readonly plan: RunPlan
  readonly threads: LaneThreads
  readonly logger: Logger
  readonly tally: StreamTally
  readonly sync: StreamSync
  /** Called when rows of the lane have been read, or it has none, and awaited before any is loaded. */
  readonly beforeLoad: (() => Promise<void>) | undefined
  readonly endpoint: LaneEndpoint
  /** The lane's slices that are not complete. */
  readonly slices: readonly SliceCheckpoint[]
  readonly session: JsonValue
  readonly maxRecordBytes: number
  readonly signal: AbortSignal
  /** The lane is open, and its slices continue from here. */
  readonly onStart: (slices: readonly ReadBefore[]) => void
  /** A slice was read to its end. `seq` is the number of its records. */
  readonly onSliceRead: (slice: string, seq: number) => void
  /** Resolves when the warning is durable. */
  readonly onWarning: (warning: string) => Promise<void>
  readonly onConfigChanged: (config: JsonObject) => void
  readonly onSecretFound: (text: string) => void
  readonly onObserved: (observed: Observed) => void
  /** Records that the lane may read; undefined if there is no limit. */
  readonly limitRows: number | undefined
  readonly transform: StreamTransform | undefined
  /** The read is a part of a feed. */
  readonly isFeed: boolean
  readonly reading: SourceReading
  readonly changeConfig: ChangeConfig
}

export type LaneOutcome =
  | { readonly status: 'complete' | 'stopped' }
  | { readonly status: 'failed'; readonly error: ErrorBody }

type Opened = Extract<ReadEvent, { type: 'opened' }>

/**
 * Reads and loads one lane: starts the read worker first (it fences older writers), then the sink worker
 * beside it.
 */
export async function runLane(run: LaneRun): Promise<LaneOutcome> {
  let event: Opened | undefined
  const opened = Promise.withResolvers<Opened>()
  const hasRead = Promise.withResolvers<undefined>()
  await using lender = new ConfigLender(run.changeConfig, (reply) => {
    reader.reply(reply)
  })
  await using keeper = new WarningKeeper(run.onWarning, (reply) => {
    reader.reply(reply)
  })
  const reader = new JobSide<ReadEvent>(
    run.logger,
    readHandler(run, {
      lender,
      keeper,
      onOpened: (first) => {
        event = first
        opened.resolve(first)
      },
      onRead: () => {
        hasRead.resolve(undefined)
      },
    }),
  )
  const sink = new JobSide<LoadEvent>(
    run.logger,
    loadHandler(run.tally, (state) => {
      reader.reply({ type: 'state_committed', state })
    }),
  )
  // The sink loads what the reader leaves in the log; if the destination holds it up, it would never finish.
  const stop = (): void => {
    reader.stop()
    sink.endInTime()
  }
  run.signal.addEventListener('abort', stop, { once: true })
  if (run.signal.aborted) stop()
  try {
    const reading = startReading(run, reader)
    const result = await Promise.race([opened.promise, reading])
    // A short read may end before its first event has arrived.
    if ('status' in result) await reader.waitUntilDrained()
    const first = event ?? result
    if ('status' in first) return outcomeOf(first)
    run.onStart(first.slices)
    const unready = await makeReady(run, { reader, reading, hasRead: hasRead.promise })
    if (unready !== undefined) return unready
    return await loadBeside({ run, reader, sink, reading, opened: first })
  } finally {
    run.signal.removeEventListener('abort', stop)
    await Promise.all([reader.waitUntilDrained(), sink.waitUntilDrained()])
  }
}

/** Resolves with the outcome of a lane that ended before its first row, so that nothing is to be loaded. */
async function makeReady(
  { beforeLoad }: LaneRun,
  {
    reader,
    reading,
    hasRead,
  }: Pick<LaneInMotion, 'reader' | 'reading'> & { readonly hasRead: Promise<undefined> },
): Promise<LaneOutcome | undefined> {
  if (beforeLoad === undefined) return undefined
  const ended = await Promise.race([hasRead, reading])
  if (ended !== undefined && (ended.status === 'failed' || ended.value === 'stopped'))
    return outcomeOf(ended)
  try {
    await beforeLoad()
    return undefined
  } catch (error) {
    reader.stop()
    await reading
    return { status: 'failed', error: ConnectError.from(error).toJSON() }
  }
}

interface LaneInMotion {
  readonly run: LaneRun
  readonly reader: JobSide<ReadEvent>
  readonly sink: JobSide<LoadEvent>
  readonly reading: Promise<JobResult<'complete' | 'stopped'>>
  readonly opened: Opened
}

/** If one side fails, the other is stopped at what is complete; the error that came first is the lane's. */
async function loadBeside({
  run,
  reader,
  sink,
  reading,
  opened,
}: LaneInMotion): Promise<LaneOutcome> {
  const errors: ErrorBody[] = []
  const watch = async <T>(
    job: Promise<JobResult<T>>,
    other: Pick<typeof reader, 'stop' | 'endInTime'>,
  ): Promise<JobResult<T>> => {
    const result = await job
    if (result.status === 'failed') {
      errors.push(result.error)
      if (saysInState(result.error)) other.endInTime()
      else other.stop()
    }
    return result
  }
  const [read, load] = await Promise.all([
    watch(reading, sink),
    watch(startLoading(run, sink, opened), reader),
  ])
  const error =
    errors.find(({ code }) => code !== 'log_reader_lost' && code !== 'log_writer_lost') ?? errors[0]
  const isKilled = reader.kill.aborted || sink.kill.aborted
  if (run.signal.aborted && isStop(error, isKilled)) return { status: 'stopped' }
  if (error !== undefined) return { status: 'failed', error }
  const complete =
    read.status === 'ok' &&
    read.value === 'complete' &&
    load.status === 'ok' &&
    load.value === 'closed'
  return { status: complete ? 'complete' : 'stopped' }
}

/**
 * A source that has no state to stop at discards its records, and a worker that did not reach its next
 * checkpoint in time (a broker that does not respond) is killed: still a stop, not a failure.
 */
function isStop(error: ErrorBody | undefined, isKilled: boolean): boolean {
  return error?.code === 'source_read_interrupted' || (error?.code === 'worker_died' && isKilled)
}

/** The outcome of a lane whose reader ended before its sink was started. */
function outcomeOf(result: JobResult<unknown>): LaneOutcome {
  return result.status === 'failed' ? result : { status: 'stopped' }
}

function readHandler(
  run: LaneRun,
  {
    lender,
    keeper,
    onOpened,
    onRead,
  }: {
    readonly lender: ConfigLender
    readonly keeper: WarningKeeper
    readonly onOpened: (event: Opened) => void
    /** The source has given rows, or a slice that has none. */
    readonly onRead: () => void
  },
): (event: ReadEvent) => void {
  const { tally, sync, endpoint, onConfigChanged, onSecretFound, onObserved } = run
  const { partition } = endpoint
  let totals = noReadTotals
  let openedAtMs = 0
  return (event) => {
    if (event.type === 'opened') {
      openedAtMs = performance.now()
      tally.noteLaneOpened(partition, {
        syncId: sync.syncId,
        position: positionOf(run, event.slices),
      })
      onOpened(event)
    } else if (event.type === 'slice_read') {
      run.onSliceRead(event.slice, event.seq)
      onRead()
    } else if (event.type === 'rate_limited') tally.rateLimited(event.untilMs)
    else if (event.type === 'warning') keeper.handle(event)
    else if (event.type === 'config_changed') onConfigChanged(event.config)
    else if (event.type === 'secret_found') onSecretFound(event.text)
    else if (event.type === 'observed')
      onObserved({ fields: event.fields, requests: event.requests })
    else if (event.type === 'config_asked' || event.type === 'config_returned') lender.handle(event)
    else {
      // The source gets the remaining time; it never decreases, although events are sometimes a little late.
      const ownSeconds = event.encodeSeconds + event.logWaitSeconds
      const sourceSeconds = (performance.now() - openedAtMs) / 1000 - ownSeconds
      const now = { ...event, sourceSeconds: Math.max(totals.sourceSeconds, sourceSeconds) }
      tally.read(now, { before: totals, partition })
      totals = now
      if (now.records > 0) onRead()
    }
  }
}

/** Records of the lane's slices before its position; complete slices were not opened. */
function positionOf({ sync, endpoint }: LaneRun, opened: readonly ReadBefore[]): number {
  const seqs = new Map(
    sync.slices
      .filter(({ partition }) => partition === endpoint.partition)
      .map(({ slice, seq }) => [slice, seq]),
  )
  for (const { slice, seq } of opened) seqs.set(slice, seq)
  return [...seqs.values()].reduce((sum, seq) => sum + seq, 0)
}

function loadHandler(
  tally: StreamTally,
  onCommitted: (state: JsonValue) => void,
): (event: LoadEvent) => void {
  let seconds = noLoadSeconds
  return (event) => {
    if (event.type === 'committed') {
      tally.addCommit(event)
      for (const { state } of event.slices ?? []) onCommitted(state)
    } else {
      tally.loading(event, seconds)
      seconds = event
    }
  }
}

function startReading(
  run: LaneRun,
  side: JobSide<ReadEvent>,
): Promise<JobResult<'complete' | 'stopped'>> {
  const { plan, sync, endpoint, slices } = run
  const framed = plan.log.kind === 'kafka' && plan.log.framing === 'record'
  const position = savedPosition(run)
  const primaryKey = (primaryKeyOf(sync.sink.stream) ?? []).map((path) => path.join('.'))
  const job = {
    ...jobBase(run, side.workerPort),
    source: plan.source,
    ...run.reading,
    loaded: sync.sink.stream,
    columns: sync.sink.columns,
    session: run.session,
    syncId: sync.syncId,
    attempt: sync.epoch,
    attemptKeys: sync.attemptKeys,
    slices,
    writer: endpoint.writer.address,
    maxRecordBytes: run.maxRecordBytes,
    primaryKey,
    ...(position !== undefined && { position }),
    ...(run.limitRows !== undefined && { limitRows: run.limitRows }),
    ...(run.transform !== undefined && { transform: run.transform }),
    ...(framed && { keyFields: primaryKey }),
    ...(plan.backfills === true && { backfills: true }),
    ...(run.isFeed && { feed: { isContinuous: plan.isContinuous === true } }),
    passesCopyRows: plan.log.kind === 'embedded' && kindOf(plan.destination).capabilities.copyRows,
  }
  return run.threads.read(job, {
    transfer: [side.workerPort, ...endpoint.writer.transfer],
    kill: side.kill,
  })
}

async function startLoading(
  run: LaneRun,
  side: JobSide<LoadEvent>,
  opened: Opened,
): Promise<JobResult<'closed' | 'stopped'>> {
  const { plan, sync, endpoint } = run
  const position = opened.position ?? savedPosition(run)
  const readerOptions: LaneReaderOptions = {
    attempt: sync.epoch,
    ...(position !== undefined && { position }),
    ...(opened.from === 'destination' && { skipToAttempt: sync.epoch }),
  }
  const kind = kindOf(plan.destination)
  const destination = (await kind.laneConfig?.(plan.destination, sync.streamId)) ?? plan.destination
  const job = {
    ...jobBase(run, side.workerPort),
    destination,
    sync,
    partition: endpoint.partition,
    reader: endpoint.reader.address,
    readerOptions,
    commitBytes: plan.limits.commitBytes,
    commitMs: plan.limits.commitMs,
    isFeed: run.isFeed,
  }
  return run.threads.load(job, {
    transfer: [side.workerPort, ...endpoint.reader.transfer],
    kill: side.kill,
  })
}

function savedPosition({ sync, endpoint }: LaneRun): string | undefined {
  return sync.positions.find(({ partition }) => partition === endpoint.partition)?.next
}

function jobBase({ plan, logger, sync, endpoint }: LaneRun, events: JobBase['events']): JobBase {
  return {
    events,
    logLevel: logger.level,
    logFields: {
      connection: plan.connection,
      stream: streamLabel(sync.streamId),
      partition: endpoint.partition,
    },
  }
}
