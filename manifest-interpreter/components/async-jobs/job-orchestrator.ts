import { SourceError, type Environment } from '../../contracts.ts'
import { AsyncJob } from './async-job.ts'
import { AsyncPartition } from './async-partition.ts'
import type { StreamSlice } from '../../value/stream-slice.ts'
import type { HttpJobRepository } from './http-job-repository.ts'
import type { JobTracker } from './job-tracker.ts'
import { warnWithoutStack } from '../warn-without-stack.ts'

export interface JobOrchestratorOptions {
  readonly slices: AsyncIterable<StreamSlice>
  readonly repository: HttpJobRepository
  readonly tracker: JobTracker
  readonly environment: Environment
  /** How long a job that the API has failed waits for its next attempt; null: not at all. */
  readonly retryWaitSeconds: number | null
}

const POLLING_SECONDS = 5
/** Maximum number of failures that are stored and reported at the end. */
const MAX_FAILURES = 50

/**
 * Creates the jobs of a stream's slices as the budget allows, polls them, and returns each slice when its
 * jobs are complete.
 */
export class JobOrchestrator {
  readonly #options: JobOrchestratorOptions
  readonly #queue: SliceQueue
  #running: AsyncPartition[] = []
  readonly #failures: unknown[] = []

  constructor(options: JobOrchestratorOptions) {
    this.#options = options
    this.#queue = new SliceQueue(options.slices)
  }

  /** Throws at the end if a slice could not be completed; the others have been given by then. */
  async *completedPartitions(): AsyncIterable<AsyncPartition> {
    try {
      while (await this.#startJobs()) {
        await this.#poll()
        yield* this.#takeCompleted()
        await this.#options.environment.sleep(POLLING_SECONDS)
      }
    } finally {
      for (const { jobs } of this.#running) for (const job of jobs) job.slot?.release()
      await this.#queue.close()
    }
    if (this.#failures.length > 0) throw failedJobs(this.#failures)
  }

  /** False if all has been done. */
  async #startJobs(): Promise<boolean> {
    await this.#survive(async () => {
      for (const partition of this.#running) await this.#replaceFailed(partition)
      await this.#startNew()
    })
    let hasMore = true
    await this.#survive(async () => {
      hasMore = this.#running.length > 0 || (await this.#queue.hasNext())
    })
    return hasMore
  }

  /**
   * A failure stops the jobs if the user has to act; otherwise the other jobs continue, and it is reported at
   * the end.
   */
  async #survive(step: () => Promise<void>): Promise<void> {
    try {
      await step()
    } catch (error) {
      if (this.#options.environment.signal.aborted) throw error
      if (isConfigError(error)) {
        await this.#abortAll()
        throw error
      }
      warnWithoutStack(this.#options.environment, error, 'an async job failed')
      this.#remember(error)
    }
  }

  #remember(error: unknown): void {
    if (this.#failures.length < MAX_FAILURES) this.#failures.push(error)
  }

  async #startNew(): Promise<void> {
    for (;;) {
      const slice = await this.#queue.take()
      if (slice === undefined) return
      const slot = this.#options.tracker.take()
      if (slot === null) {
        this.#queue.giveBack(slice)
        return
      }
      try {
        const job = await this.#create(slice)
        job.slot = slot
        this.#running.push(new AsyncPartition(job))
      } catch (error) {
        slot.release()
        throw error
      }
    }
  }

  async #replaceFailed(partition: AsyncPartition): Promise<void> {
    for (const job of partition.jobs) {
      if (!isFailed(job) || this.#mustWait(job)) continue
      const replacement = await this.#create(job.slice)
      replacement.slot = job.slot
      try {
        partition.replace(job, replacement)
      } catch (error) {
        replacement.slot?.release()
        throw error
      }
    }
  }

  /** True while the wait before the next attempt of a job that the API has failed lasts. */
  #mustWait(job: AsyncJob): boolean {
    const { environment, retryWaitSeconds } = this.#options
    if (retryWaitSeconds === null || job.status !== 'FAILED' || job.creation === null) return false
    job.retryAt ??= environment.nowMicros() + retryWaitSeconds * 1e6
    return environment.nowMicros() < job.retryAt
  }

  /** A job that could not be created counts as one that has failed: it is tried again like those. */
  async #create(slice: StreamSlice): Promise<AsyncJob> {
    const { environment, repository } = this.#options
    try {
      return await repository.create(slice)
    } catch (error) {
      if (isConfigError(error) || environment.signal.aborted) throw error
      warnWithoutStack(environment, error, 'an async job could not be created, trying again')
      environment.emit({ kind: 'error', error: asSourceError(error) })
      return AsyncJob.notCreated(slice, environment)
    }
  }

  #poll(): Promise<void> {
    return this.#survive(async () => {
      const jobs = this.#running.flatMap((partition) => partition.jobs)
      for (const job of jobs)
        if (job.status === 'RUNNING') await this.#options.repository.updateStatus(job)
    })
  }

  async *#takeCompleted(): AsyncIterable<AsyncPartition> {
    const remaining: AsyncPartition[] = []
    for (const partition of this.#running) {
      switch (partition.status) {
        case 'COMPLETED':
          // The slot is free before the caller reads: it may want to create jobs itself.
          for (const job of partition.jobs) job.slot?.release()
          yield partition
          break
        case 'SKIPPED':
          for (const job of partition.jobs) job.slot?.release()
          break
        case 'RUNNING':
          remaining.push(partition)
          break
        case 'FAILED':
        case 'TIMED_OUT':
          if (await this.#keepsTrying(partition)) remaining.unshift(partition)
      }
    }
    this.#running = remaining
  }

  /** Failed jobs come first: they are tried again before new jobs are created. */
  async #keepsTrying(partition: AsyncPartition): Promise<boolean> {
    const isLast = partition.hasReachedMaxAttempts()
    for (const job of partition.jobs) {
      if (job.status === 'TIMED_OUT' || (isLast && job.status === 'RUNNING')) await this.#abort(job)
      if (isLast) job.slot?.release()
    }
    if (!isLast) return true
    this.#remember(
      new SourceError('Async job failed after exhausting all retry attempts.', {
        failureType: 'system_error',
        internalMessage: `At least one job could not be completed. Job statuses were: ${partition.jobs.map(({ status }) => status).join(', ')}.`,
      }),
    )
    return false
  }

  async #abortAll(): Promise<void> {
    for (const { jobs } of this.#running)
      for (const job of jobs) {
        if (job.status === 'RUNNING' || job.status === 'TIMED_OUT') await this.#abort(job)
        job.slot?.release()
      }
    this.#running = []
  }

  async #abort(job: AsyncJob): Promise<void> {
    const { environment, repository } = this.#options
    try {
      await repository.abort(job)
    } catch (error) {
      if (environment.signal.aborted) throw error
      warnWithoutStack(environment, error, 'an async job could not be aborted')
    }
  }
}

const isFailed = ({ status }: AsyncJob): boolean => status === 'FAILED' || status === 'TIMED_OUT'

function isConfigError(error: unknown): boolean {
  return error instanceof SourceError && error.failureType === 'config_error'
}

function asSourceError(error: unknown): SourceError {
  if (error instanceof SourceError) return error
  return new SourceError('Something went wrong in the connector. See the logs for more details.', {
    failureType: 'system_error',
    internalMessage: messageOf(error),
    cause: error,
  })
}

function failedJobs(failures: readonly unknown[]): SourceError {
  return new SourceError('One or more async jobs failed after exhausting all retry attempts.', {
    failureType: 'system_error',
    internalMessage: failures.map(messageOf).join('\n'),
    cause: failures[0],
  })
}

function messageOf(error: unknown): string {
  if (error instanceof SourceError) return error.internalMessage ?? error.message
  return error instanceof Error ? error.message : 'unknown error'
}

/** Slices that are made one by one: one can be looked at without being taken, and given back. */
class SliceQueue {
  readonly #slices: AsyncIterator<StreamSlice>
  #next: StreamSlice | undefined

  constructor(slices: AsyncIterable<StreamSlice>) {
    this.#slices = slices[Symbol.asyncIterator]()
  }

  async hasNext(): Promise<boolean> {
    this.#next ??= await this.#pull()
    return this.#next !== undefined
  }

  async take(): Promise<StreamSlice | undefined> {
    const slice = this.#next ?? (await this.#pull())
    this.#next = undefined
    return slice
  }

  /** The slice that was taken last comes next. */
  giveBack(slice: StreamSlice): void {
    this.#next = slice
  }

  /** Frees what makes the slices if nobody wants the rest. */
  async close(): Promise<void> {
    await this.#slices.return?.()
  }

  async #pull(): Promise<StreamSlice | undefined> {
    const result = await this.#slices.next()
    return result.done === true ? undefined : result.value
  }
}
