import { columnsOf, hasPortableForm, streamLabel, withOwnText } from '../../../protocol/index.ts'
import { resetCommands } from '../../../lib/text/reset-commands.ts'
import type { ColumnTypes, SinkStream } from '../../sink.ts'
import { lockForTransaction } from '../advisory-locks.ts'
import { takeOverSeconds } from '../bookkeeping/run-sessions.ts'
import type { StreamRow } from '../bookkeeping/stream-rows.ts'
import { quoteIdentifier } from '../../../postgres/quote.ts'
import type { DestinationSession } from '../session.ts'
import { isSameTable, lockKey, quoteTable } from '../tables/identifiers.ts'
import { findSourceTypes, type SourceTypes } from '../tables/find-source-types.ts'
import { ofSourceTypes, type StreamTarget } from '../tables/stream-target.ts'
import { fitOf, type TableColumns } from '../tables/table-columns.ts'
import { readPlace, type TablePlace } from './plan-table.ts'

/** The stream with the types that its table has, or is to get. */
export interface TypedStream {
  /** With `types`, and with the columns in the form in which they are to arrive. */
  readonly sink: SinkStream
  readonly target: StreamTarget
  /** See SourceTypes. */
  readonly statements: readonly string[]
  readonly enumColumns: ReadonlySet<string>
  readonly warnings: readonly string[]
  /** For the plan of the table. Undefined if the types could be decided without it. */
  readonly place: TablePlace | undefined
}

interface Beginning {
  readonly target: StreamTarget
  /** The stream's row as the last sync left it. */
  readonly row: StreamRow | undefined
}

/**
 * The stream with the types of its table. Enums are locked before they are made or extended: two streams may
 * need the same one.
 */
export async function typeStream(
  session: DestinationSession,
  sink: SinkStream,
  beginning: Beginning,
): Promise<TypedStream> {
  const typed = await findTypes(session, sink, beginning)
  if (typed.statements.length === 0) return typed
  const { schema } = beginning.target.table
  await lockForTransaction(session, {
    keys: [lockKey('types', schema)],
    subject: `the types of schema ${quoteIdentifier(schema)}`,
    seconds: takeOverSeconds,
  })
  return findTypes(session, sink, beginning)
}

/**
 * Decides between the source's types and the portable ones, and in which form each column arrives. A table
 * that the stream has loaded keeps to its types. In a table that a user made, a column keeps its type if that
 * is the source's. Only reads.
 */
export async function findTypes(
  session: DestinationSession,
  sink: SinkStream,
  { target, row }: Beginning,
): Promise<TypedStream> {
  const portable = {
    sink: { ...sink, types: 'portable' as const },
    target,
    statements: [],
    enumColumns: new Set<string>(),
    warnings: [],
    place: undefined,
  }
  if (!target.columns.some(({ postgres }) => postgres !== undefined)) return portable
  const place = await readPlace(session, target)
  const { actual } = place
  const isKnown = actual !== undefined && row !== undefined && isSameTable(row.table, target.table)
  const types = isKnown ? (row.settings.types ?? 'portable') : typesOfNew(sink, actual)
  if (types === 'portable') return { ...portable, place }
  return { ...(await chooseTypes(session, sink, { target, actual, types })), place }
}

function typesOfNew(
  { types = 'source' }: SinkStream,
  actual: TableColumns | undefined,
): ColumnTypes {
  return types === 'source' && actual !== undefined ? 'mixed' : types
}

interface Choice {
  readonly target: StreamTarget
  /** Undefined if there is no table. */
  readonly actual: TableColumns | undefined
  readonly types: 'source' | 'mixed'
}

async function chooseTypes(
  session: DestinationSession,
  sink: SinkStream,
  { target, actual, types }: Choice,
): Promise<Omit<TypedStream, 'place'>> {
  const found = await findSourceTypes(session, { target, actual })
  const columns = target.columns.map((column) => {
    const source = found.types.get(column.name)
    return source === undefined ? column : { ...column, source }
  })
  const inOwnForm = columns.flatMap((column) => {
    const { field, name, postgres, source } = column
    const existing = actual?.get(name)
    const isOwn =
      existing === undefined ? source !== undefined : fitOf(existing, column) !== 'other'
    return isOwn && postgres !== undefined && hasPortableForm(postgres) ? [field] : []
  })
  const typed = readAsOwnText({ ...sink, types }, new Set(inOwnForm))
  const kinds = new Map(typed.columns.map(({ name, kind }) => [name, kind]))
  return {
    sink: typed,
    target: {
      ...target,
      columns: columns.map((column) => ({
        ...column,
        kind: kinds.get(column.field) ?? column.kind,
      })),
      ...ofSourceTypes(typed, target),
    },
    statements: found.statements,
    enumColumns: found.enumColumns,
    warnings: warnOfMissing(found, target, actual),
  }
}

/** The stream whose columns of these fields arrive as PostgreSQL's own text. */
function readAsOwnText(sink: SinkStream, fields: ReadonlySet<string>): SinkStream {
  if (fields.size === 0) return sink
  const { stream } = sink.stream
  const json_schema = withOwnText(stream.json_schema, fields)
  return {
    ...sink,
    stream: { ...sink.stream, stream: { ...stream, json_schema } },
    columns: columnsOf(json_schema),
  }
}

/**
 * Only for columns that are new: those that are there have their type, and the run that made them has warned.
 */
function warnOfMissing(
  { missing }: SourceTypes,
  { table, streamId }: StreamTarget,
  actual: TableColumns | undefined,
): readonly string[] {
  return [...missing].flatMap(([extension, names]) => {
    const added = names.filter((name) => actual?.has(name) !== true)
    if (added.length === 0) return []
    const [columns, are] = added.length === 1 ? ['Column', 'is'] : ['Columns', 'are']
    return [
      `${columns} ${added.join(', ')} ${are} of the extension ${extension}, which the destination's database does not have: the new table gets text or jsonb for ${added.length === 1 ? 'it' : 'them'}. To keep the source's type, run \`CREATE EXTENSION ${quoteIdentifier(extension)}; DROP TABLE ${quoteTable(table)}\` there, and reset the stream (${resetCommands(streamLabel(streamId))}).`,
    ]
  })
}
