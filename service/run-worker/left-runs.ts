import type { ClaimedRun } from '../runs/contract.ts'
import { isNewerDestination } from './attempt-outcome.ts'

/**
 * Runs whose destination a newer version has migrated, which this process leaves to a process of that
 * version. Kept in memory: after a restart, a run is tried once more.
 */
export class LeftRuns {
  readonly #forMs: number
  readonly #now: () => number
  /** By the run's id: when this process left it for the first time. */
  readonly #since = new Map<string, number>()

  /** @param now in ms, monotonic */
  constructor(options: { readonly forMs: number; readonly now: () => number }) {
    this.#forMs = options.forMs
    this.#now = options.now
  }

  /** Whether this process should not claim the run. */
  has(run: string): boolean {
    const since = this.#since.get(run)
    return since !== undefined && this.#now() - since < this.#forMs
  }

  /** Leaves the run to others. False: nobody has taken it in time. */
  leave({ id, error }: Pick<ClaimedRun, 'id' | 'error'>): boolean {
    const now = this.#now()
    // Another error, or none: another process has worked on the run in the meantime.
    const wasLeft = error !== null && isNewerDestination(error)
    const since = wasLeft ? (this.#since.get(id) ?? now) : now
    this.#forgetOld(now)
    this.#since.set(id, since)
    return now - since < this.#forMs
  }

  /** Forgets runs that have ended long ago: they are never claimed again. */
  #forgetOld(now: number): void {
    for (const [run, since] of this.#since)
      if (now - since > 2 * this.#forMs) this.#since.delete(run)
  }
}
