import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import type { ConnectionStore } from '../connections/contract.ts'
import type { RunQueue } from '../platform/jobs/jobs.ts'
import { nextRun } from '../platform/jobs/next-run.ts'
import type { DueTime, DueTimesStore, FiredTime, FireRequest, TimeDecision } from './contract.ts'
import type { RelaxedPolling } from './relaxed-polling.ts'

export interface FiringOptions {
  readonly dueTimes: DueTimesStore
  readonly connections: Pick<ConnectionStore, 'get' | 'moveNextRun'>
  readonly queue: Pick<RunQueue, 'sendAll'>
  /** Undefined: every scheduled run starts. */
  readonly relaxed: Pick<RelaxedPolling, 'skips'> | undefined
  readonly lateMs: number
  readonly jitterMs: number
  readonly logger: Logger
  /** 0 to 1. */
  readonly random: () => number
}

/**
 * Due times of one transaction. Three schedulers, two of them killed, create 3,000 runs in 1.4 to 1.7 s (2
 * cores, 2026-12).
 */
const batchSize = 500
/** Connections that one line of the log names. */
const mostNamed = 20

/**
 * Fires the due times of schedules. Several schedulers take batches in turn, and each time is fired by one of
 * them.
 */
export class DueTimesFiring {
  readonly #options: FiringOptions

  constructor(options: FiringOptions) {
    this.#options = options
  }

  /** Fires all that is due now. */
  async fireAll(signal: AbortSignal): Promise<void> {
    let isMore = true
    while (isMore && !signal.aborted) isMore = await this.#fireBatch()
  }

  /** Whether there may be more. */
  async #fireBatch(): Promise<boolean> {
    const { dueTimes, lateMs, logger } = this.#options
    const batch = new BatchDecider(await dueTimes.look(lateMs), logger)
    const claimed: string[] = []
    const decide = (due: DueTime): TimeDecision | null => {
      claimed.push(due.id)
      return batch.decideUnlessEvents(due)
    }
    const fired = await this.#fire({ limit: batchSize, decide }).catch(async (thrown: unknown) => {
      if (claimed.length === 0 || isUnavailable(thrown)) throw thrown
      await this.#fireParts(claimed, { batch, thrown })
      return []
    })
    for (const { due, outcome } of fired) if (outcome === 'left') await this.#fireLeft(due, batch)
    return fired.length === batchSize && fired.some(({ outcome }) => outcome !== 'left')
  }

  /** A connection that cannot be acted on does not delay the others: it is found by halving the batch. */
  async #fireParts(
    ids: readonly string[],
    failed: { readonly batch: BatchDecider; readonly thrown: unknown },
  ): Promise<void> {
    const { batch, thrown } = failed
    if (ids.length === 1) {
      const { code, message } = ConnectError.from(thrown)
      const facts = { connection: batch.nameOf(ids[0]), code, reason: message }
      this.#options.logger.error(facts, 'the schedule of a connection could not be acted on')
      return
    }
    const half = Math.ceil(ids.length / 2)
    for (const only of [ids.slice(0, half), ids.slice(half)]) {
      const decide = (due: DueTime): TimeDecision | null => batch.decideUnlessEvents(due)
      await this.#fire({ limit: only.length, only, decide }).catch((error: unknown) => {
        if (isUnavailable(error)) throw error
        return this.#fireParts(only, { batch, thrown: error })
      })
    }
  }

  /** Fires the time unless events take its place. */
  async #fireLeft(due: DueTime, batch: BatchDecider): Promise<void> {
    const { connections, relaxed, logger } = this.#options
    try {
      const connection = await connections.get(due.name)
      if ((await relaxed?.skips(connection, Date.parse(due.time))) === true) {
        const { next } = batch.decide(due)
        if (await connections.moveNextRun(due.id, due.time, next))
          logger.debug(
            { connection: due.name, time: due.time },
            'events take the place of a scheduled run',
          )
        return
      }
      await this.#fire({ limit: 1, only: [due.id], decide: (again) => batch.decide(again) })
    } catch (thrown) {
      const { code, message } = ConnectError.from(thrown)
      // It was deleted at this moment.
      if (code === 'connection_not_found') return
      if (isUnavailable(thrown)) throw thrown
      const facts = { connection: due.name, code, reason: message }
      logger.error(facts, 'the schedule of a connection could not be acted on')
    }
  }

  async #fire(request: FireRequest): Promise<readonly FiredTime[]> {
    const { dueTimes, queue, logger, random, jitterMs } = this.#options
    const fired = await dueTimes.fire(request)
    this.#logFired(fired)
    const runs = fired.flatMap((time) => {
      if (time.outcome !== 'queued') return []
      return [{ run: time.run, delayMs: Math.round(random() * jitterMs) }]
    })
    await queue.sendAll(runs).catch((thrown: unknown) => {
      logger.warn(
        { runs: runs.length, code: ConnectError.from(thrown).code },
        'runs could not be put into the queue; they are found within half a minute',
      )
    })
    return fired
  }

  #logFired(fired: readonly FiredTime[]): void {
    const { logger } = this.#options
    const skipped = fired.flatMap(({ due, outcome }) => (outcome === 'skipped' ? [due] : []))
    if (skipped.length > 0) {
      const connections = skipped.slice(0, mostNamed).map(({ name }) => name)
      logger.warn(
        { connections, count: skipped.length, time: skipped[0]?.time },
        'times of schedules that passed while no scheduler was working are skipped',
      )
    }
    for (const { due, outcome } of fired)
      if (outcome === 'active')
        logger.info(
          { connection: due.name, time: due.time },
          'the previous run is still active: none is started',
        )
  }
}

/** Decides what happens to the times of a batch. */
class BatchDecider {
  readonly #missedBeforeMs: number
  readonly #logger: Logger
  /** By schedule: many connections have the same one. */
  readonly #nextTimes = new Map<string, string>()
  readonly #names = new Map<string, string>()

  constructor(missedBeforeMs: number, logger: Logger) {
    this.#missedBeforeMs = missedBeforeMs
    this.#logger = logger
  }

  decide(due: DueTime): TimeDecision {
    if (!this.#isSkipped(due)) return { action: 'run', next: this.#nextAfter(due, due.nowMs) }
    // A later time that was not missed is still to come.
    return { action: 'skip', next: this.#nextAfter(due, this.#missedBeforeMs - 1) }
  }

  /** Null if events may take the place of its run, which needs a closer look. */
  decideUnlessEvents(due: DueTime): TimeDecision | null {
    this.#names.set(due.id, due.name)
    return due.hasSweeps && !this.#isSkipped(due) ? null : this.decide(due)
  }

  nameOf(id: string | undefined): string | undefined {
    return this.#names.get(id ?? '')
  }

  #isSkipped({ time, schedule }: DueTime): boolean {
    return Date.parse(time) < this.#missedBeforeMs && schedule?.catchUp !== 'once'
  }

  #nextAfter({ name, schedule }: DueTime, afterMs: number): string | null {
    const key = JSON.stringify([schedule, afterMs])
    const known = this.#nextTimes.get(key)
    if (known !== undefined) return known
    const next = nextRun({ name, schedule }, afterMs, this.#logger)
    // Without one, the log names each of the connections.
    if (next !== null) this.#nextTimes.set(key, next)
    return next
  }
}

function isUnavailable(thrown: unknown): boolean {
  return ConnectError.from(thrown).code === 'store_unavailable'
}
