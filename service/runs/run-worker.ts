import { RunAttempt } from './run-attempt.ts'
import { standardTiming, type RunTiming, type RunWorkerOptions } from './run-worker-options.ts'

/** Takes runs from the queue and works on them: the roles reader and sink. */
export class RunWorker {
  readonly #options: RunWorkerOptions
  readonly #timing: RunTiming
  /** By the run's id. */
  readonly #active = new Map<string, RunAttempt>()
  readonly #orphans = new Set<string>()

  constructor(options: RunWorkerOptions) {
    this.#options = options
    this.#timing = { ...standardTiming, ...options.timing }
  }

  /** Works until the signal is aborted; then the runs under way drain to their last checkpoint and go back to the queue. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => {
      for (const attempt of this.#active.values()) attempt.stop('shutdown')
    }
    signal.addEventListener('abort', stop, { once: true })
    try {
      if (this.#options.isAlone) await this.#adoptOrphans()
      await this.#options.queue.receive({
        parallel: this.#options.parallelRuns,
        signal,
        work: (run) => this.#work(run, signal),
      })
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  async #attempt(run: string, attempt: RunAttempt, signal: AbortSignal): Promise<void> {
    const { runsActive } = this.#options.serviceMetrics
    this.#active.set(run, attempt)
    runsActive.inc()
    if (signal.aborted) attempt.stop('shutdown')
    try {
      await attempt.work()
    } finally {
      this.#active.delete(run)
      runsActive.dec()
    }
  }

  async #adoptOrphans(): Promise<void> {
    const { store, queue } = this.#options
    for (const { id } of await store.runs.stale(0, 200)) {
      this.#orphans.add(id)
      await queue.send(id, 0)
    }
  }

  /** Never throws: what goes wrong with a run is the run's end, and without a database the run is found again later. */
  async #work(run: string, signal: AbortSignal): Promise<void> {
    const { store, owner, logger } = this.#options
    // It beats no more because the database was away: its own process goes on with it.
    if (this.#active.has(run)) return
    try {
      const staleMs = this.#orphans.delete(run) ? 0 : this.#timing.staleMs
      const claimed = await store.runs.claim(run, owner, staleMs)
      if (claimed === null) return
      const attempt = new RunAttempt(claimed, { ...this.#options, ...this.#timing })
      await this.#attempt(run, attempt, signal)
    } catch (error) {
      logger.error({ run, err: error }, 'a run was given up by this process; it is found again')
    }
  }
}
