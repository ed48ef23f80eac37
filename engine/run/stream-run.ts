import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectError, type ErrorBody, streamLabel } from '../../protocol/index.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import { backoffMs, maxBarrenAttempts } from './backoff.ts'
import { openSession } from './open-session.ts'
import type { ReadSession } from '../../connectors/connector.ts'
import type { LaneOutcome } from './lane-run.ts'
import type { StreamResult } from '../run-types.ts'
import type { StreamTally } from './stream-tally.ts'
import { SyncRun, type StreamRunDeps } from './sync-run.ts'

/**
 * How often a stream of the newest run takes its lanes in the log back. More often means that it is not an
 * older run that opens them late.
 */
const maxTakenBack = 2

/**
 * Runs one stream to its end: transient failures are tried again from the last checkpoint, as long as there
 * is progress.
 */
export async function runStream(
  deps: StreamRunDeps,
  sink: SinkStream,
  tally: StreamTally,
): Promise<StreamResult> {
  const syncs = new SyncRun(deps, sink, tally)
  const outcome = await runAttempts(deps, syncs, tally)
  if (outcome.status === 'failed') await syncs.tellEarlier()
  return syncs.result(outcome)
}

async function runAttempts(
  deps: StreamRunDeps,
  syncs: SyncRun,
  tally: StreamTally,
): Promise<LaneOutcome> {
  await using attempts = new StreamAttempts(deps, syncs)
  const patience = new Patience(deps, syncs, tally)
  for (let attempt = 1; ; attempt++) {
    const outcome = await attempts.run(attempt)
    tally.settle()
    if (outcome.status !== 'failed') {
      deps.away.noteProgress()
      return outcome
    }
    const error = ConnectError.fromJSON(outcome.error)
    if (isOfRows(error)) tally.noteRowsGone()
    if (await replan(deps, syncs, error)) continue
    const waitMs = patience.waitMs(error)
    const mayPass = error.retryable || attempts.mayTakeBack
    const { code, message: reason } = error
    if (mayPass && deps.signal.aborted) {
      deps.logger.warn(
        { stream: streamLabel(syncs.id), code, reason },
        'stream failed while it stopped',
      )
      return { status: 'stopped' }
    }
    if (!mayPass || waitMs === undefined) return { ...outcome, error: lastError(error, syncs) }
    const { read, loaded } = tally.progress(deps.context.now())
    deps.logger.warn(
      { stream: streamLabel(syncs.id), code, reason, read, loaded, waitMs, attempt },
      'stream failed, trying again',
    )
    tally.countRetry()
    await sleep(waitMs, undefined, { signal: deps.signal }).catch(() => undefined)
  }
}

/**
 * The table has changed, and the stream goes on with its columns of now: then the next attempt begins at
 * once.
 */
async function replan(
  { plans, logger, signal }: StreamRunDeps,
  syncs: SyncRun,
  error: ConnectError,
): Promise<boolean> {
  if (error.code !== 'source_table_changed' || !plans.canChange || signal.aborted) return false
  const sink = await plans.planOf(syncs.id)
  if (sink === undefined) return false
  logger.info(
    { stream: streamLabel(syncs.id), columns: error.details.columns },
    'the columns of the table have changed: the stream goes on with those that it has now',
  )
  syncs.replan(sink)
  return true
}

/**
 * The session of the source ended, and with it the snapshot. Other errors say more than that the stream began
 * again.
 */
const lostSession: ReadonlySet<string> = new Set([
  'source_connection_lost',
  'source_snapshot_lost',
  'source_unreachable',
])

/** The error of a stream that is not tried again. */
function lastError(error: ConnectError, { id, timesBegunAgain }: SyncRun): ErrorBody {
  if (timesBegunAgain === 0 || !lostSession.has(error.code)) return error.toJSON()
  const details = { stream: streamLabel(id), times: timesBegunAgain + 1, reason: error.message }
  return new ConnectError('source_snapshot_unsteady', { details }).toJSON()
}

/** How long the next attempt of a stream waits, and when there is none. */
class Patience {
  readonly #deps: StreamRunDeps
  readonly #syncs: SyncRun
  readonly #tally: StreamTally
  #start = ''
  #loaded = 0
  /** Attempts in a row without progress, and those of them that failed though the servers were there. */
  #inVain = 0
  #barren = 0

  constructor(deps: StreamRunDeps, syncs: SyncRun, tally: StreamTally) {
    this.#deps = deps
    this.#syncs = syncs
    this.#tally = tally
  }

  /** After an attempt that failed so; undefined: no other one would succeed. */
  waitMs(error: ConnectError): number | undefined {
    const { away, context } = this.#deps
    // Loaded rows alone are not progress: a source may return the last ones again and again, and fail after
    // them.
    if (this.#syncs.checkpoint !== this.#start) {
      this.#inVain = 0
      this.#barren = 0
      away.noteProgress()
    }
    this.#start = this.#syncs.checkpoint
    // A stream that began again has no checkpoint, but all servers were there.
    if (this.#tally.loaded > this.#loaded) away.noteProgress()
    this.#loaded = this.#tally.loaded
    const mayComeBack = away.mayComeBack(error, context.now())
    this.#inVain += 1
    if (this.#deps.plan.isContinuous === true) return backoffMs(this.#inVain)
    if (mayComeBack === undefined) this.#barren += 1
    return (mayComeBack ?? this.#barren < maxBarrenAttempts) ? backoffMs(this.#inVain) : undefined
  }
}

/** The attempts of one stream: which session each reads in, and whether another attempt may make progress. */
class StreamAttempts implements AsyncDisposable {
  readonly #deps: StreamRunDeps
  readonly #syncs: SyncRun
  /** The session of the run is lost: the snapshot that all streams share is gone. */
  #hasLostSession = false
  /** The session that the stream then reads in, until that is lost too. */
  #own: ReadSession | undefined
  #takenBack = 0
  /** The last attempt was fenced in the log, and yet this is the newest run of the connection. */
  mayTakeBack = false

  constructor(deps: StreamRunDeps, syncs: SyncRun) {
    this.#deps = deps
    this.#syncs = syncs
  }

  /** Stays in the snapshot of the run as long as the source keeps it, so that the rows are of one moment. */
  async run(attempt: number): Promise<LaneOutcome> {
    const { session } = this.#deps
    // All streams of a feed have the same reader, and no snapshot that could be lost.
    if (session.isFeed === true) return this.#settle(() => this.#syncs.run(session))
    this.#hasLostSession ||= session.isLost?.() === true
    if (!this.#hasLostSession) {
      const outcome = await this.#settle(() => this.#syncs.run(session))
      // A source whose session is there has its snapshot: only another attempt in it shows whether the stream
      // can be read.
      this.#hasLostSession = attempt > 1 ? isOfSource(outcome) : hasLost(session, outcome)
      if (attempt === 1 || !this.#hasLostSession) return outcome
    }
    if (this.#own?.isLost?.() !== false) await this.#leaveOwn()
    const outcome = await this.#settle(async () => this.#syncs.run(await this.#openOwn()))
    if (isOfSource(outcome)) await this.#leaveOwn()
    return outcome
  }

  async #openOwn(): Promise<ReadSession> {
    const { connector, context, plan } = this.#deps
    this.#own ??= await openSession(connector, plan.source, context, [this.#syncs.id])
    return this.#own
  }

  async #leaveOwn(): Promise<void> {
    const own = this.#own
    this.#own = undefined
    await own?.[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leaveOwn()
  }

  async #settle(work: () => Promise<LaneOutcome>): Promise<LaneOutcome> {
    if (this.#deps.signal.aborted) return { status: 'stopped' }
    try {
      return await this.#nameFencer(await work())
    } catch (error) {
      const failure = ConnectError.from(error)
      if (failure.code === 'unexpected')
        this.#deps.logger.error({ err: error }, 'unexpected failure of a stream')
      return { status: 'failed', error: failure.toJSON() }
    }
  }

  /**
   * The log knows that another writer fenced this one; the destination knows which run that writer belongs
   * to, and whether it is the newer one.
   */
  async #nameFencer(outcome: LaneOutcome): Promise<LaneOutcome> {
    this.mayTakeBack = false
    if (outcome.status !== 'failed' || outcome.error.code !== 'fenced') return outcome
    const { destination, plan, start } = this.#deps
    const newerRun = await destination.newerStart(plan.connection, start)
    if (newerRun === undefined) {
      // An older run was about to open its writer when this one took over, and has ended since.
      const isByLog = outcome.error.details?.topic !== undefined
      this.mayTakeBack = isByLog && ++this.#takenBack <= maxTakenBack
      return outcome
    }
    const details = { ...outcome.error.details, by: newerRun }
    return { status: 'failed', error: new ConnectError('fenced', { details }).toJSON() }
  }
}

/** The topic that the rows were loaded into is gone, and they with it. */
function isOfRows({ code, details }: ConnectError): boolean {
  return code === 'destination_topic_missing' && details.holds === 'rows'
}

/** After the first attempt: whether the session of the run cannot be used any more, or is useless. */
function hasLost(session: ReadSession, outcome: LaneOutcome): boolean {
  if (!isOfSource(outcome)) return false
  return session.isLost?.() !== false || needsPresent(outcome)
}

/** The snapshot does not show the stream as it is now, or the server has none of this name. */
function needsPresent(outcome: LaneOutcome): boolean {
  if (outcome.status !== 'failed') return false
  const { code } = outcome.error
  return code === 'source_table_replaced' || code === 'source_snapshot_lost'
}

/**
 * The snapshot is still there: a source without room for another session has none for a second snapshot
 * either, and a foreign server that is away ends no session of the source.
 */
const keepsSnapshot: ReadonlySet<string> = new Set([
  'source_busy',
  'source_foreign_server_unreachable',
])

/** The source failed, so its session may be gone. An error that cannot be retried occurs in a new one too. */
function isOfSource(outcome: LaneOutcome): boolean {
  return outcome.status === 'failed' && needsSnapshot(ConnectError.fromJSON(outcome.error))
}

function needsSnapshot({ code, retryable }: ConnectError): boolean {
  return retryable && code.startsWith('source_') && !keepsSnapshot.has(code)
}
