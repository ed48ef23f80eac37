import { str } from '../../value/text.ts'
import type { Builder } from '../../component.ts'

/** A job's part of the budget: a replacement of a job takes over its slot. */
export interface JobSlot {
  /** Gives it back; once or more often. */
  release(): void
}

/** How many jobs may run at a time, of all streams of a source together. */
export class JobTracker {
  readonly #limit: number
  readonly #taken = new Set<JobSlot>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Null if all slots are taken. */
  take(): JobSlot | null {
    if (this.#taken.size >= this.#limit) return null
    const slot: JobSlot = { release: () => void this.#taken.delete(slot) }
    this.#taken.add(slot)
    return slot
  }
}

const trackers = new WeakMap<Builder, JobTracker>()

/** The tracker of all streams that a builder builds. */
export function trackerOf(builder: Builder): JobTracker {
  const known = trackers.get(builder)
  if (known !== undefined) return known
  const tracker = new JobTracker(limitOf(builder))
  trackers.set(builder, tracker)
  return tracker
}

/** One job at a time if the manifest does not say otherwise, or says something that is not a number. */
function limitOf({ config, environment, maxConcurrentAsyncJobs, templates }: Builder): number {
  if (maxConcurrentAsyncJobs === undefined || maxConcurrentAsyncJobs === null) return 1
  const limit =
    typeof maxConcurrentAsyncJobs === 'string'
      ? Number(str(templates.string(maxConcurrentAsyncJobs, { parameters: {} })({ config })))
      : Number(maxConcurrentAsyncJobs)
  if (Number.isFinite(limit) && limit >= 1) return Math.trunc(limit)
  environment.logger.warn(
    'max_concurrent_async_job_count of the manifest is no number of at least 1: one job runs at a time',
  )
  return 1
}
