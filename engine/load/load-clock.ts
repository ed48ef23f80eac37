import type { LaneStats } from '../../sinks/sink.ts'
import type { LoadSeconds } from '../threads/protocol.ts'

/** Measures where a sink worker's time goes, also during a wait: it can be read between two commits too. */
export class LoadClock {
  readonly #now: () => number
  readonly #startedMs: number
  #logWaitMs = 0
  #logWaitTakenMs = 0
  #waitingSinceMs: number | undefined
  #commitSinceMs: number | undefined
  #mergeMs = 0
  #commitMs = 0

  /** `now`: milliseconds of a clock that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#startedMs = now()
  }

  /** Waits for the log from now on … */
  waits(): void {
    this.#waitingSinceMs ??= this.#now()
  }

  /** … until now. */
  works(): void {
    this.#logWaitMs = this.#waitedMs()
    this.#waitingSinceMs = undefined
  }

  /** The transaction is being ended. */
  commits(): void {
    this.#commitSinceMs = this.#now()
  }

  noteCommit(stats: LaneStats): void {
    this.#commitSinceMs = undefined
    this.#mergeMs += stats.mergeSeconds * 1000
    this.#commitMs += stats.commitSeconds * 1000
  }

  /** Seconds of waiting for the log since the last call. */
  takeLogWaitSeconds(): number {
    const waitedMs = this.#waitedMs()
    const takenMs = this.#logWaitTakenMs
    this.#logWaitTakenMs = waitedMs
    return (waitedMs - takenMs) / 1000
  }

  /**
   * Totals until now. A transaction that is being ended counts as commit; once it has ended, by its own
   * account.
   */
  get seconds(): LoadSeconds {
    const now = this.#now()
    const logMs = this.#waitedMs()
    const commitMs = this.#commitMs + (now - (this.#commitSinceMs ?? now))
    const copyMs = now - this.#startedMs - logMs - this.#mergeMs - commitMs
    return {
      logWaitSeconds: logMs / 1000,
      copySeconds: Math.max(0, copyMs) / 1000,
      mergeSeconds: this.#mergeMs / 1000,
      commitSeconds: commitMs / 1000,
    }
  }

  #waitedMs(): number {
    const now = this.#now()
    return this.#logWaitMs + (now - (this.#waitingSinceMs ?? now))
  }
}
