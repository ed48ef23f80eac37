import type { Logger } from 'pino'
import { z } from 'zod'
import { ConnectError } from '../../../protocol/index.ts'
import type { Schedule } from './schedule.ts'
import type { DueTarget, Jobs, RunJob } from './jobs.ts'
import { JobsClient, type JobsClientOptions } from './jobs-client.ts'
import { runRepeatedly } from './run-repeatedly.ts'

export interface HttpJobsOptions extends JobsClientOptions {
  readonly logger: Logger
  readonly timing?: Partial<DeliveryTiming>
}

export interface DeliveryTiming {
  /** How long the Jobs service may hold a request until something is due. */
  readonly waitMs: number
  /** A job that was handed out and not deleted is handed out again after this time. */
  readonly hiddenMs: number
  /** After a failure. */
  readonly retryMs: number
}

const standardTiming: DeliveryTiming = { waitMs: 20_000, hiddenMs: 60_000, retryMs: 2_000 }
const queue = 'queues/connect'
/**
 * Jobs that are processed at the same time: at 200 ms a request, 2,000 jobs of a full hour take 20 seconds.
 */
const parallelJobs = 20
/** Between two requests: protects a service that does not wait as requested. */
const pauseMs = 100
/** The id of a job that does not exist: deleting it changes nothing. */
const checkedJob = 'reactor-connect-check'

const taken = z.object({ jobs: z.array(z.unknown()).max(1_000) })
const takenJob = z.object({ id: z.string().min(1).max(500), payload: z.unknown() })
type TakenJob = z.output<typeof takenJob>
const runPayload = z.object({ run: z.string() })
const schedulePayload = z.object({ connection: z.string() })

/**
 * An external Jobs service stores the schedules: docs/jobs.md describes the requests. It is polled; it never
 * calls.
 */
export class HttpJobs implements Jobs {
  readonly firesSchedules = true
  readonly #client: JobsClient
  readonly #logger: Logger
  readonly #timing: DeliveryTiming

  constructor({ logger, timing, ...client }: HttpJobsOptions) {
    this.#client = new JobsClient(client)
    this.#logger = logger
    this.#timing = { ...standardTiming, ...timing }
  }

  get place(): string {
    return this.#client.url
  }

  async submit({ run, attempt, delayMs }: RunJob): Promise<void> {
    await this.#client.send({
      method: 'PUT',
      path: `${queue}/jobs/${encodeURIComponent(`${run}.${String(attempt)}`)}`,
      body: { delay_ms: Math.max(0, Math.round(delayMs)), group: run, payload: { run } },
    })
  }

  async withdraw(run: string): Promise<void> {
    await this.#client.send({
      method: 'DELETE',
      path: `${queue}/groups/${encodeURIComponent(run)}`,
    })
  }

  async setSchedule(connectionId: string, schedule: Schedule | null): Promise<void> {
    const path = `${queue}/schedules/${encodeURIComponent(connectionId)}`
    if (schedule === null) {
      await this.#client.send({ method: 'DELETE', path })
      return
    }
    const { cron, timezone = 'UTC', catchUp = 'skip' } = schedule
    const payload = { connection: connectionId }
    await this.#client.send({
      method: 'PUT',
      path,
      body: { cron, timezone, catch_up: catchUp, payload },
    })
  }

  async check(): Promise<void> {
    await this.#client.send({ method: 'DELETE', path: `${queue}/jobs/${checkedJob}` })
  }

  async deliver(target: DueTarget, signal: AbortSignal): Promise<void> {
    const delivery = new Delivery(target, {
      take: (max, waitMs) => this.#take({ max, waitMs }, signal),
      forget: (id) => this.#delete(id),
      waitMs: this.#timing.waitMs,
      logger: this.#logger,
    })
    const { retryMs } = this.#timing
    const repeated = { name: 'deliveries of Jobs', everyMs: pauseMs, retryMs }
    const task = (): Promise<void> => delivery.next()
    await runRepeatedly({ ...repeated, task, logger: this.#logger }, signal)
    await delivery.waitUntilSettled()
  }

  /** A job that violates the contract does not hold up the others. */
  async #take(
    { max, waitMs }: { readonly max: number; readonly waitMs: number },
    signal: AbortSignal,
  ): Promise<readonly TakenJob[]> {
    const answer = await this.#client.send({
      method: 'POST',
      path: `${queue}/take`,
      body: { max, wait_ms: waitMs, hidden_ms: this.#timing.hiddenMs },
      waitMs,
      signal,
    })
    const parsed = taken.safeParse(answer)
    if (!parsed.success)
      throw this.#client.unusableError('it gave out jobs in a form that is not its contract')
    const jobs = parsed.data.jobs.map((job) => takenJob.safeParse(job))
    const malformed = jobs.filter(({ success }) => !success).length
    if (malformed > 0)
      this.#logger.warn(
        { jobs: malformed, url: this.place },
        'the Jobs service gave out jobs without a usable id: they are left out',
      )
    return jobs.flatMap(({ data }) => data ?? [])
  }

  /** A job that cannot be deleted comes again, which does no harm. */
  async #delete(id: string): Promise<void> {
    try {
      await this.#client.send({
        method: 'DELETE',
        path: `${queue}/jobs/${encodeURIComponent(id)}`,
      })
    } catch (thrown) {
      const { code, message } = ConnectError.from(thrown)
      const facts = { job: id, code, reason: message }
      this.#logger.warn(facts, 'a job that is done could not be deleted at Jobs: it comes again')
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}

interface DeliveryPorts {
  readonly take: (max: number, waitMs: number) => Promise<readonly TakenJob[]>
  readonly forget: (id: string) => Promise<void>
  readonly waitMs: number
  readonly logger: Logger
}

/** Takes jobs and processes them in parallel: one that is slow, or fails, does not hold up the others. */
class Delivery {
  readonly #target: DueTarget
  readonly #ports: DeliveryPorts
  readonly #working = new Set<Promise<void>>()
  /** The last request to take something failed. */
  #isAway = false
  /** Why a job could not be processed: the metadata database is unavailable. */
  #failure: ConnectError | undefined

  constructor(target: DueTarget, ports: DeliveryPorts) {
    this.#target = target
    this.#ports = ports
  }

  /** Takes due jobs and starts to process them. Throws if none can be taken, or processed now. */
  async next(): Promise<void> {
    const { take, waitMs } = this.#ports
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure
    await this.#room()
    const max = parallelJobs - this.#working.size
    // Does not wait after a failure, so that it notices at once when Jobs is back.
    const jobs = await take(max, this.#isAway ? 0 : waitMs).catch((error: unknown) => {
      this.#isAway = true
      throw error
    })
    if (this.#isAway) await this.#target.onReturn()
    this.#isAway = false
    for (const job of jobs) {
      await this.#room()
      this.#begin(job)
    }
  }

  async waitUntilSettled(): Promise<void> {
    await Promise.all(this.#working)
  }

  async #room(): Promise<void> {
    while (this.#working.size >= parallelJobs) await Promise.race(this.#working)
  }

  #begin(job: TakenJob): void {
    const work = this.#pass(job).finally(() => {
      this.#working.delete(work)
    })
    this.#working.add(work)
  }

  /** Deleted last: if the process dies before that, the job comes again, which does no harm. */
  async #pass(job: TakenJob): Promise<void> {
    try {
      await this.#act(job)
    } catch (thrown) {
      const error = ConnectError.from(thrown)
      if (error.retryable) {
        this.#failure ??= error
        return
      }
      const facts = { job: job.id, code: error.code, reason: error.message }
      this.#ports.logger.error(facts, 'a job could not be acted on: it is left out')
    }
    await this.#ports.forget(job.id)
  }

  async #act({ id, payload }: TakenJob): Promise<void> {
    const { data: due } = runPayload.safeParse(payload)
    const { data: scheduled } = schedulePayload.safeParse(payload)
    if (due !== undefined) await this.#target.queue.send(due.run, 0)
    else if (scheduled !== undefined)
      await this.#target.startScheduled({ connectionId: scheduled.connection, job: id })
    else this.#ports.logger.warn({ job: id }, 'a job that is none of ours was in our queue')
  }
}
