import { streamIdOf } from '../../protocol/index.ts'
import { columnTypeOf, writtenType } from '../../sinks/postgres/column-types.ts'
import { diffRows, loadedTable, unknownRows } from '../../sinks/postgres/sandbox/diff-stream.ts'
import { countRefusedValues, sampleRows } from '../../sinks/postgres/sandbox/inspect-rows.ts'
import type { RefusedStream, SandboxTable } from '../../sinks/postgres/sandbox/prepare-sandbox.ts'
import type { Production } from '../../sinks/postgres/sandbox/production.ts'
import type { Session } from '../../sinks/postgres/session.ts'
import { metadataColumns } from '../../sinks/postgres/tables.ts'
import { streamTarget } from '../../sinks/postgres/stream-target.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import type { DestinationConfig, StreamResult } from '../run-types.ts'
import { inferredSchema, schemaMismatches } from './inferred-schema.ts'
import type { EstimatedCost, SandboxStream, StreamDiff } from './sandbox-report.ts'

const unknownCost: EstimatedCost = { rows: null, bytes: null, requests: null, seconds: null }

/** Of a stream that a run could not begin. */
export function refusedReport(
  { sink, error, production }: RefusedStream,
  destination: DestinationConfig,
): SandboxStream {
  return {
    ...identity(sink, destination),
    read: 0,
    rejected: 0,
    complete: false,
    inferred_schema: null,
    schema_mismatches: [],
    sample_rows: [],
    ...(production !== undefined && { diff_vs_current: diffOf(production, unknownRows) }),
    estimated_cost: unknownCost,
    warnings: production?.warnings ?? [],
    error: error.toJSON(),
  }
}

/** Of a stream that was read, with what its rows would do. */
export async function streamReport(
  session: Session,
  stream: SandboxTable,
  {
    result,
    rows,
    destination,
  }: {
    readonly result: StreamResult
    readonly rows: number
    readonly destination: DestinationConfig
  },
): Promise<SandboxStream> {
  const { production } = stream
  const isComplete = result.status === 'complete'
  const loaded = loadedTable(stream, isComplete)
  const isLoaded = result.status !== 'failed' && result.syncId > 0
  const diff = isLoaded ? await diffRows(session, stream, { isComplete }) : unknownRows
  const { observed: { fields: observed } = { fields: [] }, read: records } = result
  const declared = production.sink.stream.stream.json_schema
  const refused = isLoaded ? await countRefusedValues(session, loaded) : []
  return {
    ...identity(production.sink, destination),
    read: records,
    rejected: result.rejected,
    complete: isComplete,
    inferred_schema: inferredSchema(declared, { observed, records }),
    schema_mismatches: schemaMismatches(declared, { observed, records, refused }),
    sample_rows: isLoaded ? await sampleRows(session, loaded, rows) : [],
    diff_vs_current: diffOf(production, diff),
    estimated_cost: costOf(result, isComplete),
    warnings: [...production.warnings, ...result.warnings, ...diff.warnings],
    ...(result.error !== undefined && { error: result.error }),
  }
}

function identity(
  sink: SinkStream,
  destination: DestinationConfig,
): Pick<SandboxStream, 'name' | 'namespace' | 'mode' | 'sync_mode' | 'table' | 'declared_schema'> {
  const { stream, sync_mode } = sink.stream
  return {
    ...streamIdOf(stream),
    mode: sink.mode,
    sync_mode,
    table: tableOf(sink, destination),
    declared_schema: stream.json_schema,
  }
}

/** Also of a stream whose key or cursor is wrong: these do not matter to the name. */
function tableOf(sink: SinkStream, { schema }: DestinationConfig): SandboxStream['table'] {
  const { table } = streamTarget({ ...sink, mode: 'append' }, schema)
  return { schema: table.schema, name: table.table }
}

function diffOf(
  { target, plan, columns, views, sink }: Production,
  { insert, update, unchanged, delete: deleted, nulled }: typeof unknownRows,
): StreamDiff {
  const typeOf = new Map(columns.map(({ name, type }) => [name, type]))
  const kept = new Set([
    ...metadataColumns('full').map(([name]) => name),
    ...target.columns.map(({ name }) => name),
  ])
  const isThere = plan.actual !== undefined
  const whole = [
    ...metadataColumns(sink.metadata).map(([name, type]) => ({ name, type: writtenType(type) })),
    ...target.columns.map(({ name, kind }) => ({ name, type: writtenType(columnTypeOf(kind)) })),
  ]
  return {
    table_exists: isThere,
    added_columns: isThere
      ? plan.changes.flatMap(({ kind, column: name, type }) =>
          kind === 'add' ? [{ name, type: writtenType(type) }] : [],
        )
      : whole,
    removed_columns: columns.flatMap(({ name, type }) => (kept.has(name) ? [] : [{ name, type }])),
    type_changes: plan.changes.flatMap(({ kind, column: name, type: to }) =>
      kind === 'widen' ? [{ name, from: typeOf.get(name) ?? '', to: writtenType(to) }] : [],
    ),
    rows: { insert, update, unchanged, delete: deleted },
    nulled_values: nulled,
    dependent_views: views,
  }
}

/** A stream that was cut is scaled by what the source says there is. */
function costOf(result: StreamResult, isComplete: boolean): EstimatedCost {
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
    seconds: seconds * share,
  }
}
