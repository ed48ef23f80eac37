import type { Schedule } from './schedule.ts'

/**
 * What decides when runs are worked on: read this first. The two implementations (`pg-boss-jobs.ts` on the metadata
 * Postgres, `http-jobs.ts` for an external Jobs service) pass one suite.
 *
 * A job only says that a run is due. The truth about a run is its row in the store: whoever hears of it claims it there, so a
 * job that comes twice, late, or for a run that has ended does no harm. One that never comes is made up for by `lost-runs.ts`.
 */
export interface Jobs extends AsyncDisposable {
  /** Has the run delivered to a worker when its time has come. Durable when it resolves. Throws `jobs_unreachable`, `store_unavailable`. */
  submit(job: RunJob): Promise<void>
  /** The run is wanted no more. One that cannot be withdrawn any more does no harm. */
  withdraw(run: string): Promise<void>
  /**
   * True when schedules are fired elsewhere, and come through `deliver`; false when `scheduler.ts` fires them, from the
   * connections' `nextRunAt`.
   */
  readonly firesSchedules: boolean
  /** The address of the Jobs service that fires schedules; null: there is none. */
  readonly place: string | null
  /**
   * Replaces the schedule of a connection (its id); null: it has none. Durable when it resolves. Only `hand-over-schedules.ts`
   * calls it, and only when `firesSchedules`.
   */
  setSchedule(connectionId: string, schedule: Schedule | null): Promise<void>
  /** Resolves when the Jobs service takes requests: for readiness and `doctor`. Throws `jobs_unreachable`. */
  check(): Promise<void>
  /** Passes on what is due elsewhere, until the signal is aborted; the scheduler calls it. Several processes may do it at once. */
  deliver(target: DueTarget, signal: AbortSignal): Promise<void>
}

/** Where what is due is passed on to. */
export interface DueTarget {
  readonly queue: Pick<RunQueue, 'send'>
  /** A time of a schedule has come: starts a run, unless one was started for this job before. */
  readonly startScheduled: (job: ScheduleJob) => Promise<void>
  /** Called when Jobs responds again after a failure: it may have lost what it had. */
  readonly onReturn: () => Promise<void>
}

/** An attempt of a run. */
export interface RunJob {
  readonly run: string
  readonly connection: string
  /** Attempts before this one: run and attempt together name the job. */
  readonly attempt: number
  /** From now, at the earliest. */
  readonly delayMs: number
}

/** Delivers runs that are due to the processes that work on runs: each to one of them, as soon as one has room. */
export interface RunQueue {
  /** A run that waits in the queue already is not put in twice. Durable when it resolves. */
  send(run: string, delayMs: number): Promise<void>
  /** `work` is called with the runs of this process's share, `parallel` at the same time, until the signal is aborted. */
  receive(options: {
    readonly parallel: number
    readonly signal: AbortSignal
    readonly work: (run: string) => Promise<void>
  }): Promise<void>
}

export interface ScheduleJob {
  readonly connectionId: string
  /** Its id: the same one again starts nothing. */
  readonly job: string
}
