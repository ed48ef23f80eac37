import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import type { Connection } from '../contract/connections.ts'
import type { Run } from '../contract/runs.ts'
import type { Store } from '../store/store.ts'
import { adoptSchedules } from './adopt-schedules.ts'
import type { DueTarget, Jobs } from './jobs.ts'
import { sendLostRuns } from './lost-runs.ts'
import { nextRun } from './next-run.ts'
import { repeatedly, type Repeated } from './repeatedly.ts'

export interface SchedulerOptions extends DueTarget {
  readonly store: Pick<Store, 'connections' | 'runs' | 'prune'>
  readonly jobs: Pick<Jobs, 'submit' | 'setSchedule' | 'firesSchedules' | 'deliver'>
  readonly logger: Logger
  /** As the workers have it: a run without a beat for so long is lost. */
  readonly staleMs: number
  readonly timing?: Partial<SchedulerTiming>
  now(): number
  /** 0 to 1. */
  random(): number
}

export interface SchedulerTiming {
  /** How often it looks for times that have come. */
  readonly lookMs: number
  /** A time that has passed so long ago was missed: `catchUp` says what becomes of it. */
  readonly lateMs: number
  /** A run starts up to so much later than its time, so that all runs of a full hour do not start at once. */
  readonly jitterMs: number
  readonly lostMs: number
  readonly pruneMs: number
}

/** With the workers' 15 s without a beat, a lost run is found within 20 s. */
export const standardSchedulerTiming: SchedulerTiming = {
  lookMs: 1_000,
  lateMs: 120_000,
  jitterMs: 5_000,
  lostMs: 5_000,
  pruneMs: 300_000,
}

/** Connections that are due are looked at so many at a time. */
const dueAtOnce = 500

/**
 * The role scheduler: fires schedules, or passes on what an external Jobs service fires; delivers lost runs anew; clears away
 * what has outlived its time. Any number of them may run on one database: for each time of a schedule one of them acts, once.
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
    const tasks: readonly Omit<Repeated, 'logger'>[] = [
      { name: 'schedules', everyMs: lookMs, task: () => this.#look() },
      { name: 'lost runs', everyMs: lostMs, task: () => sendLostRuns(lost) },
      { name: 'prune', everyMs: pruneMs, task: () => store.prune() },
    ]
    await Promise.all([
      jobs.deliver({ queue, startRun: (name) => this.#startScheduled(name) }, signal),
      ...tasks.map((task) => repeatedly({ ...task, logger }, signal)),
    ])
  }

  async #look(): Promise<void> {
    const { store, jobs, logger } = this.#options
    const { connections } = store
    if (!this.#adopted) await adoptSchedules({ connections, jobs, logger }, this.#options.now())
    this.#adopted = true
    if (jobs.firesSchedules) return
    for (const connection of await connections.due(dueAtOnce)) await this.#actAlone(connection)
  }

  /** What goes wrong with one connection keeps none of the others from its time. */
  async #actAlone(connection: Connection): Promise<void> {
    try {
      await this.#act(connection)
    } catch (thrown) {
      const { code, message } = ConnectError.from(thrown)
      if (code === 'store_unavailable') throw thrown
      const facts = { connection: connection.name, code, reason: message }
      this.#options.logger.error(facts, 'the schedule of a connection could not be acted on')
    }
  }

  /** A Jobs service may not know yet that a connection is paused, or has no schedule any more. */
  async #startScheduled(name: string): Promise<void> {
    const { status, schedule } = await this.#options.store.connections.get(name)
    if (status === 'active' && schedule !== null) await this.#options.startRun(name)
  }

  async #act(connection: Connection): Promise<void> {
    const { id, name, nextRunAt: from, schedule } = connection
    if (from === null) return
    const { store, logger } = this.#options
    const nowMs = this.#options.now()
    const fromMs = Date.parse(from)
    // The clock of the database said that `from` has passed: ours may be behind it.
    const to = nextRun(connection, Math.max(nowMs, fromMs), logger)
    const isLate = nowMs - fromMs > this.#timing.lateMs
    if (isLate && schedule?.catchUp !== 'once') {
      if (await store.connections.moveNextRun(id, from, to))
        logger.info({ connection: name, time: from }, 'a missed time of a schedule is skipped')
      return
    }
    const start = await store.runs.createScheduled({ connectionId: id, from, to })
    if (start.state === 'active')
      logger.info({ connection: name, time: from }, 'the run before still goes on: none is started')
    if (start.state === 'queued') await this.#submit(start.run)
  }

  async #submit({ id: run, connection }: Run): Promise<void> {
    const { jobs, logger } = this.#options
    const delayMs = Math.round(this.#options.random() * this.#timing.jitterMs)
    await jobs.submit({ run, connection, attempt: 0, delayMs }).catch((thrown: unknown) => {
      // It is queued: it is found as a lost one.
      const { code } = ConnectError.from(thrown)
      logger.warn({ run, code }, 'a run could not be given to Jobs')
    })
  }
}
