import type { ErrorBody } from '../../protocol/index.ts'
import type { Run, RunLogLine, RunStatus, RunStream, RunSummary } from './schema.ts'
import type { Row } from '../platform/database/database.ts'
import type { ClaimedRun } from './contract.ts'

export interface SummaryRow extends Row {
  readonly id: string
  readonly status: RunStatus
  readonly trigger: RunSummary['trigger']
  /** Times are text if the row came inside a JSON document. */
  readonly created_at: Date | string
  readonly started_at: Date | string | null
  readonly ended_at: Date | string | null
  /** Counts are `bigint`, which the driver returns as text. */
  readonly read: string | number
  readonly loaded: string | number
  readonly rejected: string | number
  readonly error: ErrorBody | null
}

/** Of a table expression named `run`. */
export const summaryColumns = `run.id, run.status, run.trigger, run.created_at, run.started_at,
  run.ended_at, run.read, run.loaded, run.rejected, run.error`

export function runSummaryOf(row: SummaryRow, connection: string): RunSummary {
  const { id, status, trigger, error } = row
  return {
    id,
    connection,
    status,
    trigger,
    createdAt: isoTime(row.created_at),
    startedAt: row.started_at && isoTime(row.started_at),
    endedAt: row.ended_at && isoTime(row.ended_at),
    read: Number(row.read),
    loaded: Number(row.loaded),
    rejected: Number(row.rejected),
    error,
  }
}

export interface RunRow extends SummaryRow {
  readonly connection: string
  readonly attempts: number
  readonly fruitless_attempts: number
  readonly cancel_requested: boolean
  readonly retry_of: string | null
  readonly warnings: Run['warnings']
  readonly schema_changes: Run['schemaChanges'] | null
  /** Null if there is none. */
  readonly streams: readonly RunStream[] | null
}

/** Whole runs of the table expression `from`, with their streams in the order in which they were first reported. */
export const selectRuns = (from = 'reactor_connect_service.runs'): string => `
  SELECT ${summaryColumns}, connection.name AS connection, run.attempts, run.fruitless_attempts,
    run.cancel_requested, run.retry_of, run.warnings, run.schema_changes, stream.streams
  FROM ${from} AS run
  JOIN reactor_connect_service.connections AS connection ON connection.id = run.connection_id
  LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object(
      'name', name, 'namespace', namespace, 'status', status, 'read', read, 'readAgain', read_again,
      'readBytes', read_bytes, 'loaded', loaded, 'rejected', rejected, 'nulled', nulled, 'cut', cut,
      'bottleneck', bottleneck, 'error', error, 'warnings', warnings,
      'tableChanges', table_changes) ORDER BY place) AS streams
    FROM reactor_connect_service.run_streams WHERE run_id = run.id
  ) AS stream ON true`

export function runOf(row: RunRow): Run {
  return {
    ...runSummaryOf(row, row.connection),
    attempts: row.attempts,
    retryOf: row.retry_of,
    streams: row.streams ?? [],
    warnings: row.warnings,
    schemaChanges: row.schema_changes ?? [],
  }
}

/** With the fields that only its worker needs. */
export function claimedRunOf(row: RunRow): ClaimedRun {
  const { cancel_requested: cancelRequested, fruitless_attempts: fruitlessAttempts } = row
  return { ...runOf(row), cancelRequested, fruitlessAttempts }
}

export interface LogRow extends Row {
  readonly seq: string
  readonly at: Date
  readonly level: RunLogLine['level']
  readonly message: string
  readonly fields: RunLogLine['fields']
}

export function logLineOf({ seq, at, level, message, fields }: LogRow): RunLogLine {
  return { seq: Number(seq), at: at.toISOString(), level, message, fields }
}

function isoTime(time: Date | string): string {
  return new Date(time).toISOString()
}
