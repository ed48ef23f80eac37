import type { Logger } from 'pino'
import type { RunMetrics } from '../../engine/metrics/run-metrics.ts'
import type { Jobs, RunQueue } from '../jobs/jobs.ts'
import type { InstanceService } from '../service.ts'
import type { Store } from '../store/store.ts'
import type { PlanPlaces } from './plan-run.ts'
import { standardRetries, type RetryPolicy } from './retry-policy.ts'
import { RunAttempt } from './run-attempt.ts'
import type { ServiceMetrics } from './service-metrics.ts'

export interface RunWorkerOptions {
  readonly store: Pick<Store, 'connections' | 'runs'>
  readonly queue: RunQueue
  readonly jobs: Pick<Jobs, 'submit'>
  readonly instances: Pick<InstanceService, 'discover' | 'resolveConfig' | 'keepConfig'>
  readonly places: PlanPlaces
  readonly metrics: RunMetrics
  readonly serviceMetrics: ServiceMetrics
  readonly logger: Logger
  /** A name that no other process has, nor an earlier start of this one. */
  readonly owner: string
  readonly parallelRuns: number
  /** No other process works on the runs of this database: those that are running when it starts are orphans, and taken at once. */
  readonly isAlone: boolean
  readonly timing?: Partial<RunTiming>
  now(): number
}

export interface RunTiming {
  readonly beatMs: number
  /** A run without a beat for so long is taken from its owner. */
  readonly staleMs: number
  readonly retries: RetryPolicy
}

/** Eight beats may fail in a row before a run is taken away; so it is found again well within 30 seconds. */
export const standardTiming: RunTiming = {
  beatMs: 2_000,
  staleMs: 15_000,
  retries: standardRetries,
}

/** Takes runs from the queue and works on them: the roles reader and sink. */
export class RunWorker {
  readonly #options: RunWorkerOptions
  readonly #timing: RunTiming
  readonly #active = new Set<RunAttempt>()
  readonly #orphans = new Set<string>()

  constructor(options: RunWorkerOptions) {
    this.#options = options
    this.#timing = { ...standardTiming, ...options.timing }
  }

  /** Works until the signal is aborted; then the runs under way drain to their last checkpoint and go back to the queue. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => {
      for (const attempt of this.#active) attempt.stop('shutdown')
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

  async #attempt(attempt: RunAttempt, signal: AbortSignal): Promise<void> {
    const { runsActive } = this.#options.serviceMetrics
    this.#active.add(attempt)
    runsActive.inc()
    if (signal.aborted) attempt.stop('shutdown')
    try {
      await attempt.work()
    } finally {
      this.#active.delete(attempt)
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
    try {
      const staleMs = this.#orphans.delete(run) ? 0 : this.#timing.staleMs
      const claimed = await store.runs.claim(run, owner, staleMs)
      if (claimed === null) return
      const attempt = new RunAttempt(claimed, { ...this.#options, ...this.#timing })
      await this.#attempt(attempt, signal)
    } catch (error) {
      logger.error({ run, err: error }, 'a run was given up by this process; it is found again')
    }
  }
}
