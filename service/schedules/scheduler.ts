import { ConnectError } from '../../protocol/index.ts'
import type { Run } from '../runs/schema.ts'
import type { ConnectionStore, DueConnection } from '../connections/contract.ts'
import type { DueTarget, Jobs, RunQueue, ScheduleJob } from '../platform/jobs/jobs.ts'
import type { ExclusiveWork } from '../platform/database/locks.ts'
import type { SchedulesAtJobsStore } from './contract.ts'
import { ScheduleHandOver } from './hand-over-schedules.ts'
import { runRepeatedly, type RepeatedTask } from '../platform/jobs/run-repeatedly.ts'
import type { RunStore } from '../runs/contract.ts'
import type { Logger } from 'pino'
import type { Connection } from '../connections/schema.ts'
import type { RelaxedPolling } from './relaxed-polling.ts'
import { nextRun } from '../platform/jobs/next-run.ts'

export interface SchedulerOptions extends Pick<DueTarget, 'queue'> {
  readonly store: ExclusiveWork & {
    readonly connections: ConnectionStore
    readonly runs: RunStore
    readonly schedulesAtJobs: SchedulesAtJobsStore
    prune(): Promise<void>
  }
  readonly jobs: Pick<Jobs, 'submit' | 'setSchedule' | 'firesSchedules' | 'place' | 'deliver'>
  readonly logger: Logger
  /** Default: every scheduled run starts. */
  readonly relaxed?: Pick<RelaxedPolling, 'skips'>
  /** The same as for the workers: a run without a heartbeat for this long is lost. */
  readonly staleMs: number
  readonly timing?: Partial<SchedulerTiming>
  now(): number
  /** 0 to 1. */
  random(): number
}

export interface SchedulerTiming {
  /** How often it looks for due schedules. */
  readonly lookMs: number
  /** A time that has passed this long ago was missed: `catchUp` decides what to do about it. */
  readonly lateMs: number
  /** A run starts up to this much later than scheduled, so that all runs of a full hour do not start at once. */
  readonly jitterMs: number
  readonly lostMs: number
  readonly pruneMs: number
}

/** With the workers' 15 s without a heartbeat, a lost run is found within 20 s. */
export const standardSchedulerTiming: SchedulerTiming = {
  lookMs: 1_000,
  lateMs: 120_000,
  jitterMs: 5_000,
  lostMs: 5_000,
  pruneMs: 300_000,
}

/** It is queued in the store: it is found there as a lost one. */
const notQueued = 'a run could not be put into the queue; it is found within half a minute'

/** How many due connections are processed at a time. */
const dueAtOnce = 500

/**
 * The role scheduler: fires schedules, or passes on those that an external Jobs service fires; delivers lost runs again; deletes expired
 * data. Any number of schedulers may run on one database: one of them processes each scheduled time, once.
 */
export class Scheduler {
  readonly #options: SchedulerOptions
  readonly #timing: SchedulerTiming
  #adopted = false

  constructor(options: SchedulerOptions) {
    this.#options = options
    this.#timing = { ...standardSchedulerTiming, ...options.timing }
  }

  /** Until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, jobs, queue, staleMs, logger } = this.#options
    const { lookMs, lostMs, pruneMs } = this.#timing
    const lost = { runs: store.runs, queue, staleMs, logger }
    const handOver = this.#handOver()
    const tasks: readonly Omit<RepeatedTask, 'logger'>[] = [
      ...(handOver === undefined ? [] : [this.#handingOver(handOver)]),
      { name: 'schedules', everyMs: lookMs, task: () => this.#look() },
      { name: 'lost runs', everyMs: lostMs, task: () => sendLostRuns(lost) },
      { name: 'prune', everyMs: pruneMs, task: () => store.prune() },
    ]
    const target: DueTarget = {
      queue,
      startScheduled: (job) => this.#startScheduled(job),
      onReturn: async () => handOver?.sendAllAgain(),
    }
    await Promise.all([
      jobs.deliver(target, signal),
      ...tasks.map((task) => runRepeatedly({ ...task, logger }, signal)),
    ])
  }

  #handOver(): ScheduleHandOver | undefined {
    const { store, jobs, logger } = this.#options
    const { place } = jobs
    return place === null ? undefined : new ScheduleHandOver({ store, jobs, place, logger })
  }

  /** At a start everything is sent, even if Jobs does not hand out jobs yet. */
  #handingOver(handOver: ScheduleHandOver): Omit<RepeatedTask, 'logger'> {
    const { lookMs } = this.#timing
    let isBegun = false
    const task = async (): Promise<void> => {
      if (!isBegun) await handOver.sendAllAgain()
      isBegun = true
      await handOver.send()
    }
    return { name: 'schedules at Jobs', everyMs: lookMs, retryMs: 5 * lookMs, task }
  }

  async #look(): Promise<void> {
    const { store, jobs } = this.#options
    if (!this.#adopted) await this.#adopt()
    this.#adopted = true
    if (jobs.firesSchedules) return
    for (const due of await store.connections.due(dueAtOnce)) await this.#actAlone(due)
  }

  async #adopt(): Promise<void> {
    const { store, jobs, logger } = this.#options
    const { connections, schedulesAtJobs } = store
    await adoptSchedules({ connections, jobs, logger }, this.#options.now())
    for (const { place, schedules } of await schedulesAtJobs.forgetOthers(jobs.place))
      logger.warn(
        { jobs: place, schedules },
        'the settings no longer name this Jobs service: its schedules stay there until you delete them',
      )
  }

  /** An error with one connection does not delay the others. */
  async #actAlone(due: DueConnection): Promise<void> {
    try {
      await this.#act(due)
    } catch (thrown) {
      const { code, message } = ConnectError.from(thrown)
      if (code === 'store_unavailable') throw thrown
      const facts = { connection: due.connection.name, code, reason: message }
      this.#options.logger.error(facts, 'the schedule of a connection could not be acted on')
    }
  }

  /** It is due now: it goes directly into the queue of the workers, not through Jobs. */
  async #startScheduled(job: ScheduleJob): Promise<void> {
    const { store, queue, logger } = this.#options
    const start = await store.runs.createForJob(job)
    if (start.state !== 'queued') {
      const facts = { connection: job.connectionId, job: job.job, state: start.state }
      logger.info(facts, 'a time of a schedule has come, and no run was started')
      return
    }
    const { id: run } = start.run
    await queue.send(run, 0).catch((thrown: unknown) => {
      logger.warn({ run, code: ConnectError.from(thrown).code }, notQueued)
    })
  }

  async #act({ connection, nowMs }: DueConnection): Promise<void> {
    const { id, name, nextRunAt: from, schedule } = connection
    if (from === null) return
    const { store, logger } = this.#options
    const to = nextRun(connection, nowMs, logger)
    const isLate = nowMs - Date.parse(from) > this.#timing.lateMs
    if (isLate && schedule?.catchUp !== 'once') {
      if (await store.connections.moveNextRun(id, from, to))
        logger.info({ connection: name, time: from }, 'a missed time of a schedule is skipped')
      return
    }
    if ((await this.#options.relaxed?.skips(connection, Date.parse(from))) === true) {
      if (await store.connections.moveNextRun(id, from, to))
        logger.debug({ connection: name, time: from }, 'events take the place of a scheduled run')
      return
    }
    const start = await store.runs.createScheduled({ connectionId: id, from, to })
    if (start.state === 'active')
      logger.info(
        { connection: name, time: from },
        'the previous run is still active: none is started',
      )
    if (start.state === 'queued') await this.#submit(start.run)
  }

  async #submit({ id: run, connection }: Run): Promise<void> {
    const { jobs, logger } = this.#options
    const delayMs = Math.round(this.#options.random() * this.#timing.jitterMs)
    await jobs.submit({ run, connection, attempt: 0, delayMs }).catch((thrown: unknown) => {
      logger.warn({ run, code: ConnectError.from(thrown).code }, notQueued)
    })
  }
}

interface LostRunsOptions {
  readonly runs: Pick<RunStore, 'findStale'>
  readonly queue: Pick<RunQueue, 'send'>
  /** A run without a heartbeat for this long, or queued but overdue by this much, is lost. */
  readonly staleMs: number
  readonly logger: Logger
}

/** Maximum number at a time. */
const limit = 200

/**
 * Has runs delivered that no process executes: their process died, or their job was lost. A run that only waits in a full queue is already
 * in it. Workers claim the runs that they get, so a mistake here does no harm.
 */
async function sendLostRuns(options: LostRunsOptions): Promise<void> {
  const { runs, queue, staleMs, logger } = options
  for (const { id, connection } of await runs.findStale(staleMs, limit)) {
    logger.debug({ run: id, connection }, 'nobody works on a run; it is delivered again')
    await queue.send(id, 0)
  }
}

interface AdoptOptions {
  readonly connections: Pick<ConnectionStore, 'list' | 'moveNextRun'>
  readonly jobs: Pick<Jobs, 'firesSchedules'>
  readonly logger: Logger
}

/**
 * Takes over schedules that were set while somebody else kept the time: those that an external Jobs service fired get their next time, and
 * those that it will fire lose theirs. Doing it twice changes nothing.
 */
async function adoptSchedules(options: AdoptOptions, nowMs: number): Promise<void> {
  const { connections, jobs, logger } = options
  for await (const connection of active(connections)) {
    const { id, schedule, nextRunAt } = connection
    if (schedule === null || jobs.firesSchedules === (nextRunAt === null)) continue
    const to = jobs.firesSchedules ? null : nextRun(connection, nowMs, logger)
    await connections.moveNextRun(id, nextRunAt, to)
  }
}

async function* active(connections: Pick<ConnectionStore, 'list'>): AsyncGenerator<Connection> {
  let cursor: string | null | undefined
  while (cursor !== null) {
    const page = await connections.list({
      status: 'active',
      limit: 200,
      ...(cursor !== undefined && { cursor }),
    })
    yield* page.items
    cursor = page.next
  }
}
