import type { Row } from '../platform/database/database.ts'
import { jsonFields, resourceOf, selectColumns } from '../platform/database/rows.ts'
import type { ClaimedRun } from './contract.ts'
import {
  runLogLineSchema,
  runSchema,
  runStreamSchema,
  runSummarySchema,
  type Run,
  type RunLogLine,
  type RunSummary,
} from './schema.ts'

/** The columns of a table expression named `run`. */
export const summaryColumns = selectColumns(runSummarySchema, 'run', ['connection'])

export function runSummaryOf(row: Row, connection: string): RunSummary {
  return resourceOf(runSummarySchema, row, { connection })
}

export interface RunRow extends Row {
  readonly id: string
  readonly fruitless_attempts: number
  readonly cancel_requested: boolean
}

/**
 * Whole runs of the table expression `from`, with their streams in the order in which they were first
 * reported.
 */
export const selectRuns = (from = 'reactor_connect_service.runs'): string => `
  SELECT ${selectColumns(runSchema, 'run', ['connection', 'streams', 'schemaChanges'])},
    connection.name AS connection, run.fruitless_attempts, run.cancel_requested,
    coalesce(run.schema_changes, '[]') AS schema_changes,
    coalesce(stream.streams, '[]') AS streams
  FROM ${from} AS run
  JOIN reactor_connect_service.connections AS connection ON connection.id = run.connection_id
  LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object(${jsonFields(runStreamSchema)}) ORDER BY place) AS streams
    FROM reactor_connect_service.run_streams WHERE run_id = run.id
  ) AS stream ON true`

export function runOf(row: Row): Run {
  return resourceOf(runSchema, row)
}

/** Adds the fields that only the run's worker needs. */
export function claimedRunOf(row: RunRow): ClaimedRun {
  const { cancel_requested: cancelRequested, fruitless_attempts: fruitlessAttempts } = row
  return { ...runOf(row), cancelRequested, fruitlessAttempts }
}

/** The columns of the table of log lines. */
export const logColumns = selectColumns(runLogLineSchema)

export function logLineOf(row: Row): RunLogLine {
  return resourceOf(runLogLineSchema, row)
}
