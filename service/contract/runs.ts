import type { ErrorBody, JsonValue } from '../../protocol/index.ts'
import type { TableNote } from '../../sinks/sink.ts'
import type { Page, PageRequest } from './lists.ts'
import type { SchemaChange } from './schema-drift.ts'

export type RunStatus = 'queued' | 'running' | 'complete' | 'partial' | 'failed' | 'cancelled'

export interface RunSummary {
  /** A ULID with the prefix `run_`. */
  readonly id: string
  readonly connection: string
  readonly status: RunStatus
  readonly trigger: 'manual' | 'schedule' | 'retry' | 'jobs' | 'promote'
  readonly createdAt: string
  readonly startedAt: string | null
  readonly endedAt: string | null
  /** Sums over the streams. */
  readonly read: number
  readonly loaded: number
  readonly rejected: number
  readonly error: ErrorBody | null
}

export interface Run extends RunSummary {
  readonly attempts: number
  readonly retryOf: string | null
  readonly streams: readonly RunStream[]
  /** What concerns none of its streams, as the last attempt that came to a result found it. */
  readonly warnings: readonly string[]
  /** How the source's schema differed from the approved one; the first 100. */
  readonly schemaChanges: readonly SchemaChange[]
}

export interface RunStream {
  readonly name: string
  readonly namespace: string | null
  readonly status: 'waiting' | 'running' | 'complete' | 'failed' | 'stopped'
  /** Records, each counted once. */
  readonly read: number
  /** Reads of records that had been read before an interruption, and were not loaded then. */
  readonly readAgain: number
  readonly readBytes: number
  readonly loaded: number
  readonly rejected: number
  /** Values that became NULL because their column cannot hold them. */
  readonly nulled: number
  /** Values of which the column holds less than what came. */
  readonly cut: number
  readonly bottleneck: string | null
  readonly error: ErrorBody | null
  readonly warnings: readonly string[]
  /** What happened to the columns of its table, in all attempts. */
  readonly tableChanges: readonly TableNote[]
}

export interface RunLogLine {
  /** Increases in a run; a follower goes on after the last one it saw. */
  readonly seq: number
  readonly at: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, JsonValue>>
}

export interface RunService {
  /** Queues a run. Throws `run_active` where one of the connection is queued or running, `connection_inactive`. */
  start(connection: string, trigger?: 'manual' | 'jobs'): Promise<Run>
  /** Throws `run_not_found`. */
  get(connection: string, id: string): Promise<Run>
  /** By its id alone. Throws `run_not_found`. */
  find(id: string): Promise<Run>
  list(
    connection: string,
    page: PageRequest & { readonly status?: RunStatus },
  ): Promise<Page<RunSummary>>
  /** Drains to the last checkpoint. A queued run is cancelled at once. Throws `run_ended`. */
  cancel(connection: string, id: string): Promise<Run>
  /** A new run: incremental streams and appends go on from their last checkpoint, others that are not complete start over. Throws `run_active`, `run_not_retryable` (its streams are complete). */
  retry(connection: string, id: string): Promise<Run>
  logs(connection: string, id: string, after: number, limit: number): Promise<readonly RunLogLine[]>
  /** Lines and changes of status as they come, from `after` on; ends when the run has ended or the signal is aborted. */
  follow(
    connection: string,
    id: string,
    after: number,
    signal: AbortSignal,
  ): AsyncIterable<RunEvent>
}

export type RunEvent =
  { readonly type: 'log'; readonly line: RunLogLine } | { readonly type: 'run'; readonly run: Run }
