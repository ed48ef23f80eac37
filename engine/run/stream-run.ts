import { setTimeout as sleep } from 'node:timers/promises'
import { ConnectError, streamLabel } from '../../protocol/index.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import { backoffMs, maxBarrenAttempts } from './backoff.ts'
import { openSession } from './open-session.ts'
import type { LaneOutcome } from './lane-run.ts'
import type { StreamResult } from '../run-types.ts'
import type { StreamTally } from './stream-tally.ts'
import { SyncRun, type StreamRunDeps } from './sync-run.ts'

/**
 * How often a stream of the newest run takes its lanes in the log back. More often means that it is not an older run that opens them late.
 */
const maxTakenBack = 2

/** Runs one stream to its end: transient failures are tried again from the last checkpoint, as long as there is progress. */
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
  const attempts = new StreamAttempts(deps, syncs)
  const patience = new Patience(deps, syncs)
  for (let attempt = 1; ; attempt++) {
    const outcome = await attempts.run(attempt)
    tally.settle()
    if (outcome.status !== 'failed') {
      deps.away.noteProgress()
      return outcome
    }
    const error = ConnectError.fromJSON(outcome.error)
    if (isOfRows(error)) tally.noteRowsGone()
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
    if (!mayPass || waitMs === undefined) return outcome
    const { read, loaded } = tally.progress(deps.context.now())
    deps.logger.warn(
      { stream: streamLabel(syncs.id), code, reason, read, loaded, waitMs, attempt },
      'stream failed, trying again',
    )
    tally.countRetry()
    await sleep(waitMs, undefined, { signal: deps.signal }).catch(() => undefined)
  }
}

/** How long the next attempt of a stream waits, and when there is none. */
class Patience {
  readonly #deps: StreamRunDeps
  readonly #syncs: SyncRun
  #start = ''
  /** Attempts in a row without progress, and those of them that failed though the servers were there. */
  #inVain = 0
  #barren = 0

  constructor(deps: StreamRunDeps, syncs: SyncRun) {
    this.#deps = deps
    this.#syncs = syncs
  }

  /** After an attempt that failed so; undefined: no other one would succeed. */
  waitMs(error: ConnectError): number | undefined {
    const { away, context } = this.#deps
    // Loaded rows alone are not progress: a source may return the last ones again and again, and fail after them.
    if (this.#syncs.checkpoint !== this.#start) {
      this.#inVain = 0
      this.#barren = 0
      away.noteProgress()
    }
    this.#start = this.#syncs.checkpoint
    const mayComeBack = away.mayComeBack(error, context.now())
    this.#inVain += 1
    if (mayComeBack === undefined) this.#barren += 1
    return (mayComeBack ?? this.#barren < maxBarrenAttempts) ? backoffMs(this.#inVain) : undefined
  }
}

/** The attempts of one stream: which session each reads in, and whether another attempt may make progress. */
class StreamAttempts {
  readonly #deps: StreamRunDeps
  readonly #syncs: SyncRun
  /** The session of the run is lost: the snapshot that all streams share is gone. */
  #hasLostSession = false
  #takenBack = 0
  /** The last attempt was fenced in the log, and yet this is the newest run of the connection. */
  mayTakeBack = false

  constructor(deps: StreamRunDeps, syncs: SyncRun) {
    this.#deps = deps
    this.#syncs = syncs
  }

  /** Stays in the snapshot of the run as long as the source keeps it, so that the rows are of one moment. */
  async run(attempt: number): Promise<LaneOutcome> {
    const { connector, context, plan, session } = this.#deps
    this.#hasLostSession ||= session.isLost?.() === true
    if (!this.#hasLostSession) {
      const outcome = await this.#settle(() => this.#syncs.run(session))
      this.#hasLostSession = isOfSource(outcome)
      if (attempt === 1 || !this.#hasLostSession) return outcome
    }
    return this.#settle(async () => {
      await using own = await openSession(connector, plan.source, context, [this.#syncs.id])
      return await this.#syncs.run(own)
    })
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
   * The log knows that another writer fenced this one; the destination knows which run that writer belongs to, and whether it is the newer
   * one.
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

/** The source failed, so its session may be gone. An error that cannot be retried occurs in a new one too. */
function isOfSource(outcome: LaneOutcome): boolean {
  if (outcome.status !== 'failed') return false
  const { code, retryable } = ConnectError.fromJSON(outcome.error)
  // A source without room for another session has no room for a second snapshot either.
  return retryable && code.startsWith('source_') && code !== 'source_busy'
}
