import type { Schedule } from './schedule.ts'

/**
 * Decides when runs are executed: read this first. The two implementations (`pg-boss-jobs.ts` on the metadata
 * Postgres, `http-jobs.ts` for an external Jobs service) pass one suite.
 *
 * A job only says that a run is due. The truth about a run is its row in the store: a worker that gets the
 * job claims the run there, so a job that comes twice, late, or for a run that has ended does no harm. The
 * scheduler (`scheduler.ts`) finds runs whose job was lost.
 */
export interface Jobs extends AsyncDisposable {
  /**
   * Has the run delivered to a worker when it is due. Durable when it resolves. Throws `jobs_unreachable`,
   * `store_unavailable`.
   */
  submit(job: RunJob): Promise<void>
  /** The run is no longer needed. A job that cannot be withdrawn any more does no harm. */
  withdraw(run: string): Promise<void>
  /**
   * True if schedules are fired elsewhere, and come through `deliver`; false if `scheduler.ts` fires them,
   * from the connections' `nextRunAt`.
   */
  readonly firesSchedules: boolean
  /** The address of the Jobs service that fires schedules; null: there is none. */
  readonly place: string | null
  /**
   * Replaces the schedule of a connection (its id); null: it has none. Durable when it resolves. Only
   * `hand-over-schedules.ts` calls it, and only if `firesSchedules`.
   */
  setSchedule(connectionId: string, schedule: Schedule | null): Promise<void>
  /** Resolves if the Jobs service accepts requests: for readiness and `doctor`. Throws `jobs_unreachable`. */
  check(): Promise<void>
  /**
   * Delivers jobs that are due elsewhere, until the signal is aborted; the scheduler calls it. Several
   * processes may do it at once.
   */
  deliver(target: DueTarget, signal: AbortSignal): Promise<void>
}

/** Receives the jobs that are due. */
export interface DueTarget {
  readonly queue: Pick<RunQueue, 'send'>
  /** A scheduled time has come: starts a run, unless one was already started for this job. */
  readonly startScheduled: (job: ScheduleJob) => Promise<void>
  /** Called when Jobs responds again after a failure: it may have lost its data. */
  readonly onReturn: () => Promise<void>
}

/** An attempt of a run. */
export interface RunJob {
  readonly run: string
  readonly connection: string
  /** Previous attempts: run and attempt together identify the job. */
  readonly attempt: number
  /** From now, at the earliest. */
  readonly delayMs: number
}

/**
 * Delivers due runs to the processes that execute runs: each to one of them, as soon as one has a free slot.
 */
export interface RunQueue {
  /** A run that is already queued is not queued twice. Durable when it resolves. */
  send(run: string, delayMs: number): Promise<void>
  /** The same for many runs. */
  sendAll(runs: readonly QueuedRun[]): Promise<void>
  /**
   * Calls `work` with the runs for this process, `parallel` at the same time, until the signal is aborted.
   */
  receive(options: {
    readonly parallel: number
    readonly signal: AbortSignal
    readonly work: (run: string) => Promise<void>
  }): Promise<void>
}

export interface QueuedRun {
  readonly run: string
  readonly delayMs: number
}

export interface ScheduleJob {
  readonly connectionId: string
  /** Id of the job: the same one again starts nothing. */
  readonly job: string
}
