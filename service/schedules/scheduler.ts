import { ConnectError } from '../../protocol/index.ts'
import type { ConnectionStore } from '../connections/contract.ts'
import type { DueTarget, Jobs, RunQueue, ScheduleJob } from '../platform/jobs/jobs.ts'
import type { ExclusiveWork } from '../platform/database/locks.ts'
import type { DueTimesStore, SchedulesAtJobsStore } from './contract.ts'
import { DueTimesFiring } from './fire-due-times.ts'
import { ScheduleHandOver } from './hand-over-schedules.ts'
import { runRepeatedly, type RepeatedTask } from '../platform/jobs/run-repeatedly.ts'
import type { RunStore } from '../runs/contract.ts'
import type { Logger } from 'pino'
import type { ConnectionSummary } from '../connections/schema.ts'
import type { RelaxedPolling } from './relaxed-polling.ts'
import { nextRun } from '../platform/jobs/next-run.ts'

export interface SchedulerOptions {
  readonly store: ExclusiveWork & {
    readonly connections: ConnectionStore
    readonly runs: RunStore
    readonly dueTimes: DueTimesStore
    readonly schedulesAtJobs: SchedulesAtJobsStore
    prune(): Promise<void>
  }
  readonly queue: Pick<RunQueue, 'send' | 'sendAll'>
  readonly jobs: Pick<Jobs, 'setSchedule' | 'firesSchedules' | 'place' | 'deliver'>
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
  /**
   * If no scheduler looked for this long after a time, it was missed: `catchUp` decides what to do about it.
   */
  readonly lateMs: number
  /**
   * A run starts up to this much later than scheduled, so that all runs of a full hour do not start at once.
   */
  readonly jitterMs: number
  readonly lostMs: number
  readonly pruneMs: number
}

/** Together with the workers' 15 s without a heartbeat, a lost run is found within 20 s. */
export const standardSchedulerTiming: SchedulerTiming = {
  lookMs: 1_000,
  lateMs: 120_000,
  jitterMs: 5_000,
  lostMs: 5_000,
  pruneMs: 300_000,
}

/** It is queued in the store: it is found there as a lost one. */
const notQueued = 'a run could not be put into the queue; it is found within half a minute'

/**
 * The role scheduler: fires schedules, or passes on those that an external Jobs service fires; delivers lost
 * runs again; deletes expired data. Any number of schedulers may run on one database: one of them processes
 * each scheduled time, once.
 */
export class Scheduler {
  readonly #options: SchedulerOptions
  readonly #timing: SchedulerTiming
  readonly #firing: DueTimesFiring
  #adopted = false

  constructor(options: SchedulerOptions) {
    const { store, queue, relaxed, logger } = options
    this.#options = options
    this.#timing = { ...standardSchedulerTiming, ...options.timing }
    const { lateMs, jitterMs } = this.#timing
    const { dueTimes, connections } = store
    this.#firing = new DueTimesFiring({
      ...{ dueTimes, connections, queue, relaxed, lateMs, jitterMs, logger },
      random: () => options.random(),
    })
  }

  /** Until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, jobs, queue, staleMs, logger } = this.#options
    const { lookMs, lostMs, pruneMs } = this.#timing
    const lost = { runs: store.runs, queue, staleMs, logger }
    const handOver = this.#handOver()
    const tasks: readonly Omit<RepeatedTask, 'logger'>[] = [
      ...(handOver === undefined ? [] : [this.#handingOver(handOver)]),
      { name: 'schedules', everyMs: lookMs, task: () => this.#look(signal) },
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

  async #look(signal: AbortSignal): Promise<void> {
    if (!this.#adopted) await this.#adopt()
    this.#adopted = true
    if (!this.#options.jobs.firesSchedules) await this.#firing.fireAll(signal)
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
}

interface LostRunsOptions {
  readonly runs: Pick<RunStore, 'findStale'>
  readonly queue: Pick<RunQueue, 'sendAll'>
  /** A run without a heartbeat for this long, or queued but overdue by this much, is lost. */
  readonly staleMs: number
  readonly logger: Logger
}

/** Maximum number at a time. */
const limit = 1_000

/**
 * Has runs delivered that no process executes: their process died, or their job was lost. A run that only
 * waits in a full queue is already in it. Workers claim the runs that they get, so a mistake here does no
 * harm.
 */
async function sendLostRuns(options: LostRunsOptions): Promise<void> {
  const { runs, queue, staleMs, logger } = options
  const stale = await runs.findStale(staleMs, limit)
  for (const { id, connection } of stale)
    logger.debug({ run: id, connection }, 'nobody works on a run; it is delivered again')
  await queue.sendAll(stale.map(({ id }) => ({ run: id, delayMs: 0 })))
}

interface AdoptOptions {
  readonly connections: Pick<ConnectionStore, 'list' | 'moveNextRun'>
  readonly jobs: Pick<Jobs, 'firesSchedules'>
  readonly logger: Logger
}

/**
 * Takes over schedules that were set while another scheduler was responsible for the time: schedules that an
 * external Jobs service fired get their next time, and schedules that it will fire lose theirs. Doing it
 * twice changes nothing.
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

async function* active(
  connections: Pick<ConnectionStore, 'list'>,
): AsyncGenerator<ConnectionSummary> {
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
