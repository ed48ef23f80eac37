import type { Logger } from 'pino'
import { z } from 'zod'
import { ConnectError } from '../../protocol/index.ts'
import type { Schedule } from '../contract/connections.ts'
import type { DueTarget, Jobs, RunJob, ScheduledConnection } from './jobs.ts'
import { JobsClient, type JobsClientOptions } from './jobs-client.ts'
import { repeatedly } from './repeatedly.ts'

export interface HttpJobsOptions extends JobsClientOptions {
  readonly logger: Logger
  readonly timing?: Partial<DeliveryTiming>
}

export interface DeliveryTiming {
  /** How long the Jobs service may hold a request back until something is due. */
  readonly waitMs: number
  /** What was given out and not deleted comes again after so long. */
  readonly hiddenMs: number
  /** After a failure. */
  readonly retryMs: number
}

const standardTiming: DeliveryTiming = { waitMs: 20_000, hiddenMs: 60_000, retryMs: 2_000 }
const queue = 'queues/connect'
const batch = 20
/** Between two requests: a service that does not wait as it is asked to is not asked without end. */
const pauseMs = 100

const taken = z.object({
  jobs: z.array(z.object({ id: z.string().min(1), payload: z.unknown() })).max(1_000),
})
type TakenJob = z.output<typeof taken>['jobs'][number]
const runPayload = z.object({ run: z.string() })
const schedulePayload = z.object({ connection: z.string() })

/** An external Jobs service keeps the time: what it is asked for is in docs/jobs.md. It is asked, it never calls. */
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

  async setSchedule(connection: ScheduledConnection, schedule: Schedule | null): Promise<void> {
    const path = `${queue}/schedules/${encodeURIComponent(connection.id)}`
    if (schedule === null) {
      await this.#client.send({ method: 'DELETE', path })
      return
    }
    const { cron, timezone = 'UTC', catchUp = 'skip' } = schedule
    const payload = { connection: connection.name }
    await this.#client.send({
      method: 'PUT',
      path,
      body: { cron, timezone, catch_up: catchUp, payload },
    })
  }

  async deliver(target: DueTarget, signal: AbortSignal): Promise<void> {
    const task = async (): Promise<void> => {
      for (const job of await this.#take(signal)) await this.#pass(job, target)
    }
    const { retryMs } = this.#timing
    const delivery = { name: 'deliveries of Jobs', everyMs: pauseMs, retryMs, task }
    await repeatedly({ ...delivery, logger: this.#logger }, signal)
  }

  async #take(signal: AbortSignal): Promise<readonly TakenJob[]> {
    const { waitMs, hiddenMs } = this.#timing
    const answer = await this.#client.send({
      method: 'POST',
      path: `${queue}/take`,
      body: { max: batch, wait_ms: waitMs, hidden_ms: hiddenMs },
      waitMs,
      signal,
    })
    const parsed = taken.safeParse(answer)
    if (!parsed.success)
      throw this.#client.unusable('it gave out jobs in a form that is not its contract')
    return parsed.data.jobs
  }

  /** Deleted last: where the process dies before, the job comes again, which does no harm. */
  async #pass({ id, payload }: TakenJob, target: DueTarget): Promise<void> {
    const { data: due } = runPayload.safeParse(payload)
    const { data: scheduled } = schedulePayload.safeParse(payload)
    if (due !== undefined) await target.queue.send(due.run, 0)
    else if (scheduled !== undefined) await this.#startScheduled(scheduled.connection, target)
    else this.#logger.warn({ job: id }, 'a job that is none of ours was in our queue')
    const path = `${queue}/jobs/${encodeURIComponent(id)}`
    await this.#client.send({ method: 'DELETE', path })
  }

  async #startScheduled(connection: string, { startRun }: DueTarget): Promise<void> {
    try {
      await startRun(connection)
    } catch (thrown) {
      const error = ConnectError.from(thrown)
      if (error.retryable) throw error
      const facts = { connection, code: error.code, reason: error.message }
      this.#logger.info(facts, 'a time of a schedule has come, and no run was started')
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }
}
