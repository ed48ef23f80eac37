import { cursorField, primaryKey, streamIdOf } from '../../protocol/index.ts'
import { settingsOf } from '../../sinks/continuation.ts'
import { noExamples } from '../../sinks/postgres/sandbox/row-examples.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import type { StreamResult } from '../run-types.ts'
import type { EstimatedCost, SandboxStream, StreamSettings } from './sandbox-report.ts'

// The facts that a report has about a stream, wherever its rows go.

export const unknownCost: EstimatedCost = { rows: null, bytes: null, requests: null, seconds: null }

/** The facts of a stream of which nothing was read. */
export const nothingRead = {
  read: 0,
  rejected: 0,
  complete: false,
  last_settings: null,
  inferred_schema: null,
  schema_mismatches: [],
  sample_rows: [],
  row_examples: noExamples,
  estimated_cost: unknownCost,
  warnings: [],
} satisfies Partial<SandboxStream>

/** How the stream is read and loaded. */
export function streamIdentity(
  sink: SinkStream,
): Pick<
  SandboxStream,
  'name' | 'namespace' | 'mode' | 'sync_mode' | 'primary_key' | 'cursor_field' | 'declared_schema'
> {
  const { stream, sync_mode } = sink.stream
  return {
    ...streamIdOf(stream),
    mode: sink.mode,
    sync_mode,
    primary_key: primaryKey(sink.stream) ?? [],
    cursor_field: sync_mode === 'incremental' ? (cursorField(sink.stream) ?? []) : [],
    declared_schema: stream.json_schema,
  }
}

/** The cost of a stream. If the stream was cut, it is scaled by the source's estimate of its rows. */
export function costOf(result: StreamResult, isComplete: boolean): EstimatedCost {
  const { read, readBytes, seconds, estimatedRows, observed } = result
  const requests = observed === undefined || observed.requests === 0 ? null : observed.requests
  if (isComplete) return { rows: read, bytes: readBytes, requests, seconds }
  if (estimatedRows === undefined || read === 0) return unknownCost
  const rows = Math.max(read, estimatedRows)
  const share = rows / read
  return {
    rows,
    bytes: Math.round(readBytes * share),
    requests: requests && Math.round(requests * share),
    seconds: null,
  }
}

/** How its last run was configured; null if that was the same, or there was none. */
export function lastSettings(
  sink: SinkStream,
  last: { readonly settings: ReturnType<typeof settingsOf> } | undefined,
): StreamSettings | null {
  if (last === undefined) return null
  if (JSON.stringify(settingsOf(sink)) === JSON.stringify(last.settings)) return null
  const { mode, sync_mode, key, cursor } = last.settings
  return { mode, sync_mode, primary_key: key, cursor_field: cursor }
}
