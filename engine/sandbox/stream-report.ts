import { nameResets } from '../../lib/text/reset-commands.ts'
import { shellWord } from '../../lib/text/shell-word.ts'
import { writtenType } from '../../sinks/postgres/tables/column-types.ts'
import { definitionChanges } from '../../sinks/postgres/sandbox/definition-changes.ts'
import {
  diffRows,
  loadedTable,
  sameShape,
  unknownRows,
  type RowDiff,
} from '../../sinks/postgres/sandbox/diff-stream.ts'
import { countRefusedValues, sampleRows } from '../../sinks/postgres/sandbox/inspect-rows.ts'
import type { RefusedStream, SandboxTable } from '../../sinks/postgres/sandbox/prepare-sandbox.ts'
import { metValues } from '../../sinks/postgres/sandbox/hidden-values.ts'
import { isForeseen } from '../../sinks/postgres/sandbox/production-columns.ts'
import { quoteTable, type TableName } from '../../sinks/postgres/tables/identifiers.ts'
import type { Production } from '../../sinks/postgres/sandbox/production.ts'
import { exampleRows, noExamples } from '../../sinks/postgres/sandbox/row-examples.ts'
import { noRules, tryRules, type RulesTried } from '../../sinks/postgres/sandbox/try-rules.ts'
import type { DestinationSession } from '../../sinks/postgres/session.ts'
import { metadataColumns, newType } from '../../sinks/postgres/tables/table-columns.ts'
import { streamTarget, targetColumns } from '../../sinks/postgres/tables/stream-target.ts'
import type { SinkStream } from '../../sinks/sink.ts'
import type { PostgresConfig } from '../../sinks/postgres/postgres-place.ts'
import type { StreamResult } from '../run-types.ts'
import { inferredSchema, schemaMismatches } from './inferred-schema.ts'
import type { SandboxStream, StreamDiff } from './sandbox-report.ts'
import { costOf, lastSettings, streamIdentity, unknownCost } from './stream-facts.ts'

/** The report of a stream that a run could not begin. */
export function refusedReport(
  { sink, error, production }: RefusedStream,
  destination: PostgresConfig,
): SandboxStream {
  return {
    ...streamIdentity(sink),
    table: tableOf(sink, destination),
    read: 0,
    rejected: 0,
    complete: false,
    inferred_schema: null,
    schema_mismatches: [],
    last_settings: lastSettings(sink, production?.row),
    sample_rows: [],
    row_examples: noExamples,
    ...(production !== undefined && { diff_vs_current: diffOf(production, { diff: unknownRows }) }),
    estimated_cost: unknownCost,
    warnings: production?.warnings ?? [],
    error: error.toJSON(),
  }
}

export interface ReportContext {
  readonly result: StreamResult
  /** Sample rows. */
  readonly rows: number
  readonly destination: PostgresConfig
  /** The tables that the plan loads, quoted. */
  readonly planned: ReadonlySet<string>
}

async function rulesOf(
  session: DestinationSession,
  stream: SandboxTable,
  options: Parameters<typeof tryRules>[2],
): Promise<RulesTried> {
  const loaded = await sameShape(session, stream, options.loaded)
  return tryRules(session, stream, { ...options, loaded })
}

/** The report of a stream that was read, with the effect that its rows would have. */
export async function streamReport(
  session: DestinationSession,
  stream: SandboxTable,
  { result, rows, destination, planned }: ReportContext,
): Promise<SandboxStream> {
  const { production } = stream
  const isComplete = result.status === 'complete'
  const isLoaded = result.status !== 'failed' && result.syncId > 0
  const diff = isLoaded ? await diffRows(session, stream, { isComplete }) : unknownRows
  const loaded = loadedTable(stream, isComplete)
  // A stream that never began has no stage.
  const rules = isLoaded ? await rulesOf(session, stream, { loaded, planned, isComplete }) : noRules
  const { observed: { fields: observed } = { fields: [] }, read: records } = result
  const declared = production.sink.stream.stream.json_schema
  const refused = isLoaded ? await countRefusedValues(session, loaded) : []
  const error = result.error ? ofProduction(stream, result.error) : rules.refusal?.toJSON()
  const samples = isLoaded ? await shownRows(session, stream, { loaded, rows }) : []
  return {
    ...streamIdentity(production.sink),
    table: tableOf(production.sink, destination),
    read: records,
    rejected: result.rejected,
    complete: isComplete,
    last_settings: lastSettings(production.sink, production.row),
    inferred_schema: inferredSchema(declared, { observed, records }),
    schema_mismatches: schemaMismatches(declared, { observed, records, refused }),
    sample_rows: samples,
    // Every row that is appended is a new one.
    row_examples:
      production.sink.mode === 'append'
        ? { ...noExamples, inserted: samples.slice(0, exampleRows) }
        : diff.examples,
    diff_vs_current: {
      ...diffOf(production, { diff, rules, result }),
      ...(isLoaded && (await definitionsDiff(session, production, loaded))),
    },
    estimated_cost: costOf(result, isComplete),
    // Some are found in production and by the sandbox's run.
    warnings: [
      ...new Set([
        ...production.warnings.map((text) => nameResets(text, production.sink.connection)),
        ...ofProduction(stream, result.warnings),
        ...repeatedKeys(stream, { result, diff }),
        ...diff.warnings,
        ...rules.warnings,
      ]),
    ],
    ...(error !== undefined && { error }),
  }
}

async function definitionsDiff(
  session: DestinationSession,
  production: Production,
  loaded: TableName,
): Promise<Pick<StreamDiff, 'definitions'>> {
  const changes = await definitionChanges(session, production, loaded)
  if (changes === undefined) return {}
  return { definitions: { added: [...changes.added], removed: [...changes.removed] } }
}

async function shownRows(
  session: DestinationSession,
  stream: SandboxTable,
  { loaded, rows: limit }: { readonly loaded: TableName; readonly rows: number },
): ReturnType<typeof sampleRows> {
  const { columns, target } = stream.production
  const without = new Set(columns.filter((column) => !isForeseen(column)).map(({ name }) => name))
  for (const { name } of target.columns) without.delete(name)
  const met = await metValues(session, stream)
  return sampleRows(session, loaded, { limit, without, met })
}

/** Renames tables and connection in a sandbox run's texts: its own become those of a run of production. */
function ofProduction<Shown>({ table, sink, production }: SandboxTable, shown: Shown): Shown {
  const { stage } = streamTarget(sink, table.schema)
  const names = [
    [quoteTable(table), quoteTable(production.target.table)],
    [quoteTable(stage), quoteTable(production.target.table)],
    [table.table, production.target.table.table],
    [sink.connection, shellWord(production.sink.connection)],
  ] as const
  const renameTables = (value: unknown): unknown => {
    if (typeof value === 'string')
      return names.reduce((text, [own, real]) => text.replaceAll(own, real), value)
    if (Array.isArray(value)) return value.map(renameTables)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, renameTables(inner)]),
    )
  }
  // The same shape: only texts change.
  return renameTables(shown) as Shown
}

/**
 * A key that is not unique makes one row of several. A change stream has several records of a row by its
 * nature.
 */
function repeatedKeys(
  { production }: SandboxTable,
  { result, diff }: { readonly result: StreamResult; readonly diff: RowDiff },
): readonly string[] {
  const { target } = production
  const { insert, update, unchanged } = diff
  if (target.key === undefined || target.isCdc) return []
  if (insert === null || update === null || unchanged === null) return []
  const merged = result.read - result.rejected - insert - update - unchanged
  if (merged <= 0) return []
  const key = target.key.join(', ')
  const records = merged === 1 ? '1 record shares' : `${merged} records share`
  return [
    `The key (${key}) is not unique: ${records} it with a newer record. Of each key one row stays`,
  ]
}

/** Also of a stream whose key or cursor is wrong: these do not matter to the name. */
function tableOf(
  sink: SinkStream,
  { schema }: PostgresConfig,
): NonNullable<SandboxStream['table']> {
  const { table } = streamTarget({ ...sink, mode: 'append' }, schema)
  return { schema: table.schema, name: table.table }
}

function diffOf(
  { target, plan, columns, views, sink, row }: Production,
  {
    diff,
    rules = noRules,
    result,
  }: { readonly diff: RowDiff; readonly rules?: RulesTried; readonly result?: StreamResult },
): StreamDiff {
  const { insert, update, unchanged, delete: deleted, tableRows } = diff
  const known = new Set(targetColumns(row?.columns ?? []).map(({ name }) => name))
  const typeOf = new Map(columns.map(({ name, type }) => [name, type]))
  const targetNames = new Set([
    ...metadataColumns('full').map(([name]) => name),
    ...target.columns.map(({ name }) => name),
  ])
  const others = columns.flatMap(({ name, type }) =>
    targetNames.has(name) ? [] : [{ name, type }],
  )
  const isThere = plan.actual !== undefined
  const whole = [
    ...metadataColumns(sink.metadata).map(([name, type]) => ({ name, type: writtenType(type) })),
    ...target.columns.map((column) => ({
      name: column.name,
      type: writtenType(newType(column).formatted),
    })),
  ]
  return {
    table_exists: isThere,
    added_columns: isThere
      ? plan.changes.flatMap(({ kind, column: name, type }) =>
          kind === 'add' ? [{ name, type: writtenType(type) }] : [],
        )
      : whole,
    removed_columns: others.filter(({ name }) => known.has(name)),
    own_columns: others.filter(({ name }) => !known.has(name)),
    type_changes: plan.changes.flatMap(({ kind, column: name, type: to }) =>
      kind === 'widen' ? [{ name, from: typeOf.get(name) ?? '', to: writtenType(to) }] : [],
    ),
    rows: { insert, update, unchanged, delete: deleted },
    at_least: diff.atLeast,
    table_rows: tableRows,
    estimated_delete: target.isOverwrite && deleted === null ? estimatedDelete(diff, result) : null,
    nulled_values: diff.nulled,
    reset_values: diff.reset,
    dependent_rows: rules.dependentRows,
    dependent_views: views,
  }
}

/** Estimates the deletes of a stream that was cut, if table and source say how many rows they have. */
function estimatedDelete({ tableRows }: RowDiff, result: StreamResult | undefined): number | null {
  const estimate = result?.estimatedRows
  if (tableRows === null || result === undefined || estimate === undefined) return null
  return Math.max(0, tableRows.rows - Math.max(result.read, estimate))
}
