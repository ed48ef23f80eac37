import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import { Batches } from '../../../lib/async/batches.ts'
import { timeLimit } from '../../../lib/async/time-limit.ts'
import { Wake } from '../../../lib/async/wake.ts'
import type { ClaimedDispatch, DispatchStore, SettledDispatch } from '../deliveries/contract.ts'
import type { DispatchMetrics } from './dispatch-metrics.ts'
import { mostAttempts, settledOf, unavailableOf } from './dispatch-outcome.ts'
import type { DispatchTargets } from './dispatch-targets.ts'
import { targetWithoutQuery } from '../receivers/masked-target.ts'
import { parseTarget } from '../receivers/target.ts'

export interface DispatcherOptions {
  readonly store: DispatchStore
  readonly targets: DispatchTargets
  /** No other process has this name. */
  readonly owner: string
  readonly logger: Logger
  readonly metrics: DispatchMetrics
  /**
   * No other process dispatches: events of a previous owner belong to a process that was killed. Default:
   * false.
   */
  readonly isAlone?: boolean
  /** 0 to 1. */
  readonly random: () => number
  readonly limits?: Partial<DispatchLimits>
}

export interface DispatchLimits {
  /** Events that are on their way at the same time. */
  readonly parallel: number
  /** The events on their way to a single target. */
  readonly perTarget: number
  /**
   * The same for a target that takes many events at once: loading one event takes as long as loading a
   * hundred.
   */
  readonly perBatchedTarget: number
  /**
   * The part of `parallel` that is only for targets with no event on its way: slow targets do not block the
   * others.
   */
  readonly reserved: number
  /** The events on their way to a single target that did not accept the last one. */
  readonly perUnprovenTarget: number
  /**
   * The part of `parallel` for all of these targets together. However many new targets do not respond, the
   * rest is left for the targets that work.
   */
  readonly unproven: number
  /** Another process may take what this one has for longer. */
  readonly leaseMs: number
  /** After a claim that gave nothing, although something is due: its target has all it may have. */
  readonly idleMs: number
  /** A notification may be lost. */
  readonly longestWaitMs: number
  /** When the database does not respond. */
  readonly retryMs: number
  /** When it is stopped: for what is on its way. */
  readonly drainMs: number
}

const standardLimits: DispatchLimits = {
  parallel: 160,
  perTarget: 16,
  perBatchedTarget: 100,
  reserved: 16,
  perUnprovenTarget: 2,
  unproven: 80,
  leaseMs: 60_000,
  idleMs: 250,
  longestWaitMs: 10_000,
  retryMs: 1_000,
  drainMs: 10_000,
}

/** They are a parameter of each claim, so their number has a bound. */
const mostProven = 1_000
/** An attempt ends so long before its lease, so that its outcome can be written. */
const settlingMs = 15_000

/** Takes events that are due and sends them to their targets: the roles reader and sink. */
export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #limits: DispatchLimits
  readonly #running = new Set<Promise<void>>()
  readonly #busy = new Map<string, number>()
  /** Targets whose last attempt succeeded, `mostProven` at most: another one takes the place of the first. */
  readonly #proven = new Set<string>()
  readonly #wake = new Wake()
  readonly #abort = new AbortController()
  readonly #settled: Batches<SettledDispatch, null>
  #isFailing = false

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#limits = { ...standardLimits, ...options.limits }
    this.#settled = new Batches(async (settled) => {
      await options.store.settle(options.owner, settled)
      return settled.map(() => null)
    })
  }

  /** Runs until the signal is aborted. Events on their way are finished then, or given back. */
  async run(signal: AbortSignal): Promise<void> {
    const listening = this.#options.store.onDue(() => {
      this.#wake.now()
    })
    let isFirst = this.#options.isAlone ?? false
    while (!signal.aborted) {
      await this.#wake.wait(await this.#claim(isFirst), signal)
      isFirst &&= this.#isFailing
    }
    listening[Symbol.dispose]()
    await this.#drain()
  }

  /** Resolves with the time until it is worth to claim again. */
  async #claim(takesOver: boolean): Promise<number> {
    const { store, owner } = this.#options
    const { parallel, idleMs, longestWaitMs, ...limits } = this.#limits
    const limit = parallel - this.#running.size
    if (limit <= 0) return longestWaitMs
    try {
      if (takesOver) await store.takeOver()
      const options = { ...limits, limit, busy: this.#busy, proven: this.#proven }
      const claimed = await store.claim(owner, options)
      for (const dispatch of claimed) this.#begin(dispatch)
      const dueMs = claimed.length === 0 ? await store.nextDueMs() : 0
      this.#noteStore(undefined)
      if (claimed.length > 0) return 0
      return Math.min(longestWaitMs, Math.max(idleMs, dueMs ?? longestWaitMs))
    } catch (thrown) {
      this.#noteStore(ConnectError.from(thrown))
      return this.#limits.retryMs
    }
  }

  /** The first failure in a row, and its end, are logged. */
  #noteStore(error: ConnectError | undefined): void {
    const { logger } = this.#options
    if (error !== undefined && !this.#isFailing) {
      const facts = { code: error.code, reason: error.message }
      logger.warn(facts, 'events of webhooks cannot be dispatched now; it is tried again')
    }
    if (error === undefined && this.#isFailing)
      logger.info('events of webhooks are dispatched again')
    this.#isFailing = error !== undefined
  }

  #begin(claimed: ClaimedDispatch): void {
    const { metrics } = this.#options
    const { target } = claimed
    this.#busy.set(target, (this.#busy.get(target) ?? 0) + 1)
    metrics.running.inc()
    const work = this.#work(claimed).finally(() => {
      const left = (this.#busy.get(target) ?? 1) - 1
      if (left === 0) this.#busy.delete(target)
      else this.#busy.set(target, left)
      metrics.running.dec()
      this.#running.delete(work)
      this.#wake.now()
    })
    this.#running.add(work)
  }

  async #work(claimed: ClaimedDispatch): Promise<void> {
    const { metrics } = this.#options
    const leaseEndsMs = performance.now() + this.#limits.leaseMs
    const settled = await this.#attempt(claimed)
    const kind = parseTarget(claimed.target)?.kind ?? 'unknown'
    metrics.attempts.inc({ kind, outcome: settled.outcome })
    this.#noteTarget(settled)
    this.#log(claimed, settled)
    await this.#settle(settled, leaseEndsMs)
  }

  #noteTarget(settled: SettledDispatch): void {
    const { target } = settled
    if (settled.outcome === 'done') {
      const [oldest] = this.#proven.size >= mostProven ? this.#proven : []
      if (oldest !== undefined && !this.#proven.has(target)) this.#proven.delete(oldest)
      this.#proven.add(target)
    } else if ('isTargetDown' in settled && settled.isTargetDown) this.#proven.delete(target)
  }

  async #attempt(claimed: ClaimedDispatch): Promise<SettledDispatch> {
    const { targets, random } = this.#options
    const found = targets.find(claimed.target)
    if ('problem' in found) return unavailableOf(claimed, found.problem)
    if (claimed.attempt > mostAttempts) {
      // The processes that had it died, again and again.
      const reason = `${String(mostAttempts)} attempts had no outcome`
      return settledOf(claimed, { outcome: 'failed', reason, isFinal: true }, random())
    }
    const { signal } = this.#abort
    using limit = timeLimit(signal, Math.max(1, this.#limits.leaseMs - settlingMs))
    try {
      const outcome = await found.dispatch(claimed, limit.signal)
      return settledOf(claimed, outcome, random())
    } catch (thrown) {
      const { seq, target } = claimed
      if (signal.aborted) return { seq, target, outcome: 'released' }
      const reason = limit.signal.aborted ? 'it did not respond in time' : this.#reasonOf(thrown)
      return settledOf(claimed, { outcome: 'failed', reason }, random())
    }
  }

  /**
   * The reason of an error that a target does not report as an outcome: a part of the service is unavailable,
   * or this program has a bug.
   */
  #reasonOf(thrown: unknown): string {
    const { code, message } = ConnectError.from(thrown)
    if (code !== 'unexpected') return message
    this.#options.logger.error({ err: thrown }, 'an event could not be dispatched')
    return "the service's log has the cause"
  }

  #log({ receiver, delivery, attempt }: ClaimedDispatch, settled: SettledDispatch): void {
    const { outcome } = settled
    const target = targetWithoutQuery(settled.target)
    const error = 'error' in settled ? settled.error : {}
    const facts = { receiver: receiver.name, delivery: delivery.id, target, attempt, outcome }
    const level = outcome === 'dead' ? 'warn' : 'debug'
    this.#options.logger[level](
      { ...facts, ...('message' in error && { reason: error.message }) },
      outcome === 'dead' ? 'an event was given up' : 'an event was dispatched',
    )
  }

  /** When its lease has ended, another process has the event: it comes twice then. */
  async #settle(settled: SettledDispatch, leaseEndsMs: number): Promise<void> {
    const pause = new Wake()
    for (;;) {
      try {
        await this.#settled.add(settled)
        return
      } catch (thrown) {
        this.#noteStore(ConnectError.from(thrown))
        if (performance.now() >= leaseEndsMs || this.#abort.signal.aborted) return
        await pause.wait(this.#limits.retryMs, this.#abort.signal)
      }
    }
  }

  async #drain(): Promise<void> {
    const ended = Promise.all(this.#running)
    const limit = setTimeout(() => {
      this.#abort.abort()
    }, this.#limits.drainMs)
    await ended
    clearTimeout(limit)
  }
}
