import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import type { SchedulesAtJobsStore, UnsentSchedule } from './contract.ts'
import type { ExclusiveWork } from '../platform/database/locks.ts'
import type { Jobs } from '../platform/jobs/jobs.ts'

export interface HandOverOptions {
  readonly store: ExclusiveWork & { readonly schedulesAtJobs: SchedulesAtJobsStore }
  readonly jobs: Pick<Jobs, 'setSchedule'>
  /** The address of the Jobs service. */
  readonly place: string
  readonly logger: Logger
}

/** Per call: the lock is held for seconds. */
const atOnce = 200
const parallel = 8

/**
 * Makes an external Jobs service have the schedules of the active connections, and no others. It sends the
 * difference between the connections and the confirmed schedules, so a change that was made while Jobs was
 * unavailable, or by a process that died, is sent later. If there are several schedulers, only one sends at a
 * time: an older schedule never replaces a newer one.
 */
export class ScheduleHandOver {
  readonly #options: HandOverOptions
  readonly #schedules: SchedulesAtJobsStore
  #isComplete = false

  constructor(options: HandOverOptions) {
    this.#options = options
    this.#schedules = options.store.schedulesAtJobs
  }

  /** At a start, and when Jobs is back: it may be another one, or have lost its data. */
  async sendAllAgain(): Promise<void> {
    await this.#schedules.sendAllAgain(this.#options.place)
    this.#isComplete = false
  }

  /** Sends the difference. Throws `jobs_unreachable` if some of it could not be sent: call it again. */
  async send(): Promise<void> {
    const { store, place, logger } = this.#options
    while ((await this.#schedules.findUnsent(place, 1)).length > 0)
      await store.runExclusively('schedules at Jobs', () => this.#sendSome())
    if (!this.#isComplete)
      logger.info({ jobs: place }, 'the Jobs service has the schedules of all active connections')
    this.#isComplete = true
  }

  async #sendSome(): Promise<void> {
    const unsent = [...(await this.#schedules.findUnsent(this.#options.place, atOnce))]
    const failures: ConnectError[] = []
    let sent = 0
    const work = async (): Promise<void> => {
      // A schedule that Jobs rejects does not hold up the others; if nothing can be sent, the round ends
      // after the first failures.
      while (failures.length < parallel || sent > 0) {
        const next = unsent.shift()
        if (next === undefined) return
        const failure = await this.#sendOne(next)
        if (failure === undefined) sent += 1
        else failures.push(failure)
      }
    }
    // Requests in progress are awaited even if another one fails: nothing is sent after the lock is released.
    const ends = await Promise.allSettled(Array.from({ length: parallel }, work))
    const broken = ends.find(({ status }) => status === 'rejected')
    if (broken?.status === 'rejected') throw broken.reason
    const [failure] = failures
    if (failure !== undefined) throw failure
  }

  async #sendOne(unsent: UnsentSchedule): Promise<ConnectError | undefined> {
    const { jobs, place } = this.#options
    const { connectionId, schedule } = unsent
    await this.#schedules.begin(place, connectionId)
    try {
      await jobs.setSchedule(connectionId, schedule)
    } catch (thrown) {
      const { code, message, details, retryable } = ConnectError.from(thrown)
      if (!retryable) throw thrown
      const why = typeof details.reason === 'string' ? details.reason : message
      const reason = `${why} (the schedule of connection ${connectionId})`
      return new ConnectError(code, { details: { ...details, reason }, cause: thrown })
    }
    await this.#schedules.confirm(place, unsent)
    return undefined
  }
}
