import type { Environment } from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { StreamSlice } from '../../value/stream-slice.ts'
import type { JobSlot } from './job-tracker.ts'

export type AsyncJobStatus = 'RUNNING' | 'COMPLETED' | 'FAILED' | 'TIMED_OUT' | 'SKIPPED'

export interface AsyncJobOptions {
  readonly slice: StreamSlice
  readonly timeoutSeconds: number
  readonly environment: Environment
  /** The response to the request that created it; null if the API has no such job. */
  readonly creation: HttpResponse | null
}

/** A job at an API, and how far it is as we know. */
export class AsyncJob {
  readonly slice: StreamSlice
  readonly creation: HttpResponse | null
  /** The response that said that it is complete. */
  polling: HttpResponse | null = null
  /** Its part of the budget of jobs. */
  slot: JobSlot | null = null
  /**
   * When it may be tried again after it has failed, in microseconds since 1970; undefined before that is
   * known.
   */
  retryAt: number | undefined
  readonly #environment: Environment
  readonly #timeoutMicros: number
  #status: AsyncJobStatus = 'RUNNING'
  #start: number
  #end: number | undefined

  constructor(options: AsyncJobOptions) {
    this.slice = options.slice
    this.creation = options.creation
    this.#environment = options.environment
    this.#timeoutMicros = options.timeoutSeconds * 1e6
    this.#start = options.environment.nowMicros()
  }

  /** A job that could not be created, to be tried again like one that has failed. */
  static notCreated(slice: StreamSlice, environment: Environment): AsyncJob {
    const job = new AsyncJob({ slice, environment, timeoutSeconds: Infinity, creation: null })
    job.update('FAILED')
    return job
  }

  /** A job that took too long has timed out, even if the API has completed it. */
  get status(): AsyncJobStatus {
    const elapsed = (this.#end ?? this.#environment.nowMicros()) - this.#start
    return elapsed > this.#timeoutMicros ? 'TIMED_OUT' : this.#status
  }

  update(status: AsyncJobStatus): void {
    const now = this.#environment.nowMicros()
    if (status !== 'RUNNING') this.#end ??= now
    else if (this.#status !== 'RUNNING') {
      this.#start = now
      this.#end = undefined
    }
    this.#status = status
  }
}
