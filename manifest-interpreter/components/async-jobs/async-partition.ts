import { valueError } from '../../value/python-error.ts'
import type { AsyncJob, AsyncJobStatus } from './async-job.ts'
import type { StreamSlice } from '../../value/stream-slice.ts'

/** How often the job of a slice is created, the first time included. */
const MAX_ATTEMPTS = 3

/** The jobs of a slice. */
export class AsyncPartition {
  readonly slice: StreamSlice
  readonly #attempts: Map<AsyncJob, number>

  constructor(job: AsyncJob) {
    this.slice = job.slice
    this.#attempts = new Map([[job, 1]])
  }

  get jobs(): readonly AsyncJob[] {
    return [...this.#attempts.keys()]
  }

  /** Complete if all jobs are, or are skipped; and if none is left. */
  get status(): AsyncJobStatus {
    const statuses = new Set(this.jobs.map((job) => job.status))
    const has = (status: AsyncJobStatus) => statuses.has(status)
    if (has('FAILED')) return 'FAILED'
    if (has('TIMED_OUT')) return 'TIMED_OUT'
    if (has('RUNNING')) return 'RUNNING'
    return statuses.size === 1 && has('SKIPPED') ? 'SKIPPED' : 'COMPLETED'
  }

  hasReachedMaxAttempts(): boolean {
    return [...this.#attempts.values()].some((attempts) => attempts >= MAX_ATTEMPTS)
  }

  /**
   * Puts a new job in the place of one that has failed. After the last attempt there is no job any more, and
   * this throws.
   */
  replace(job: AsyncJob, replacement: AsyncJob): void {
    const attempts = this.#attempts.get(job) ?? 0
    this.#attempts.delete(job)
    if (attempts >= MAX_ATTEMPTS) throw valueError('Max attempt reached for job in partition')
    this.#attempts.set(replacement, attempts + 1)
  }
}
