import type { ErrorBody, JsonValue } from '../../protocol/index.ts'
import type { ScheduleJob } from '../platform/jobs/jobs.ts'
import type { Page, PageRequest } from '../platform/lists.ts'
import type { Run, RunLogLine, RunStatus, RunStream, RunSummary } from './schema.ts'

export interface RunService {
  /**
   * Queues a run. Throws `run_active` if one of the connection is queued or running, `connection_inactive`.
   */
  start(connection: string, trigger?: 'manual' | 'jobs' | 'webhook'): Promise<Run>
  /** Throws `run_not_found`. */
  get(connection: string, id: string): Promise<Run>
  /** By its id alone. Throws `run_not_found`. */
  find(id: string): Promise<Run>
  list(
    connection: string,
    page: PageRequest & { readonly status?: RunStatus },
  ): Promise<Page<RunSummary>>
  /** Lets the run drain to its last checkpoint. A queued run is cancelled at once. Throws `run_ended`. */
  cancel(connection: string, id: string): Promise<Run>
  /**
   * A new run: incremental streams and appends continue from their last checkpoint, others that are not
   * complete start over. Throws `run_active`, `run_not_retryable` (its streams are complete).
   */
  retry(connection: string, id: string): Promise<Run>
  logs(connection: string, id: string, after: number, limit: number): Promise<readonly RunLogLine[]>
  /**
   * Lines and changes of status as they come, from `after` on; ends when the run has ended or the signal is
   * aborted.
   */
  follow(
    connection: string,
    id: string,
    after: number,
    signal: AbortSignal,
  ): AsyncIterable<RunEvent>
}

export type RunEvent =
  { readonly type: 'log'; readonly line: RunLogLine } | { readonly type: 'run'; readonly run: Run }

/**
 * A run is queued, is claimed by a process (running), and ends, or is queued again for another attempt. A
 * process that claimed it beats (`progress`) every few seconds; one that stops beating loses it to the next
 * claim.
 */
export interface RunStore {
  /**
   * Throws `connection_not_found`, `connection_inactive`, `run_active` if one of the connection is queued or
   * running.
   */
  create(input: NewRun): Promise<Run>
  /**
   * Processes a job by which an external Jobs service says that a scheduled time has come: queues a run,
   * unless the job was seen before, the connection is not active or has no schedule, or a run of it is queued
   * or running.
   */
  createForJob(job: ScheduleJob): Promise<JobStart>
  /** Throws `run_not_found`. */
  get(connection: string, id: string): Promise<Run>
  /** By its id alone. Throws `run_not_found`. */
  find(id: string): Promise<Run>
  /** Newest first. Throws `connection_not_found`. */
  list(
    connection: string,
    page: PageRequest & { readonly status?: RunStatus },
  ): Promise<Page<RunSummary>>
  /**
   * Takes a run that is queued, or is running without a heartbeat for `staleMs`, for `owner` (a name that no
   * other attempt has), and counts an attempt. Null: another attempt has it, or it has ended.
   */
  claim(id: string, owner: string, staleMs: number): Promise<ClaimedRun | null>
  /**
   * The heartbeat, with the streams that changed since the last one (possibly none). Counts are those of all
   * attempts: add to the counts that `claim` returned. `lost`: the run belongs to another process or has
   * ended, stop at once. `cancel`: drain to the last checkpoint.
   */
  progress(
    id: string,
    owner: string,
    streams: readonly RunStream[],
  ): Promise<'continue' | 'cancel' | 'lost'>
  /**
   * Ends the run, with the last state of the streams. Null: the run no longer belonged to the owner, nothing
   * changed.
   */
  end(id: string, owner: string, outcome: RunOutcome): Promise<Run | null>
  /**
   * Puts the run back into the queue for another attempt; one that should be cancelled ends as cancelled.
   * Null as in `end`.
   */
  requeue(id: string, owner: string, again: NextAttempt): Promise<Run | null>
  /** Cancels a queued run; requests a running one to cancel. Throws `run_not_found`, `run_ended`. */
  cancel(connection: string, id: string): Promise<Run>
  /**
   * Runs that no process executes: running without a heartbeat for `staleMs`, and queued ones that are
   * overdue by that much (which may only be waiting for a worker with a free slot). Oldest first.
   */
  findStale(
    staleMs: number,
    limit: number,
  ): Promise<readonly { readonly id: string; readonly connection: string }[]>
  /**
   * Appends lines in this order. Long messages are cut. If the run is gone, its lines are dropped without an
   * error.
   */
  appendLog(id: string, lines: readonly NewLogLine[]): Promise<void>
  /** Lines after the `seq`, ascending; a line never appears before one that a reader has already passed. */
  log(id: string, after: number, limit: number): Promise<readonly RunLogLine[]>
  /**
   * Yields once it listens, and then whenever the run or its log may have changed, until the signal is
   * aborted: read after each. Several changes may come as one. All followers of a process share one database
   * session.
   */
  changes(id: string, signal: AbortSignal): AsyncIterable<void>
}

export interface NewRun {
  readonly connection: string
  readonly trigger: RunSummary['trigger']
  readonly retryOf?: string
}

/**
 * known: the job was seen before. active: the previous run is still active. idle: the connection is gone,
 * paused or has no schedule.
 */
export type JobStart =
  { readonly state: 'queued'; readonly run: Run } | { readonly state: 'known' | 'active' | 'idle' }

export interface ClaimedRun extends Run {
  readonly cancelRequested: boolean
  /** Previous attempts in a row that moved no checkpoint. */
  readonly fruitlessAttempts: number
}

export interface RunOutcome {
  readonly status: Exclude<RunStatus, 'queued' | 'running'>
  readonly streams: readonly RunStream[]
  /** For the run as a whole: they replace those of the previous attempts. */
  readonly warnings: readonly string[]
  readonly error: ErrorBody | null
}

export interface NextAttempt {
  readonly streams: readonly RunStream[]
  /** As in `RunOutcome`. */
  readonly warnings: readonly string[]
  /** Why this attempt ended. */
  readonly error: ErrorBody | null
  /** It moved a checkpoint, so it does not count as fruitless. */
  readonly progressed: boolean
  readonly delayMs: number
}

export interface NewLogLine {
  /** Epoch milliseconds. */
  readonly atMs: number
  readonly level: RunLogLine['level']
  readonly message: string
  readonly fields: Readonly<Record<string, JsonValue>>
}
