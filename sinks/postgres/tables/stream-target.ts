import {
  ConnectError,
  cursorField,
  primaryKey,
  streamIdOf,
  streamLabel,
  neverNullFields,
  type Column,
  type ColumnKind,
  type PostgresType,
  type StreamId,
} from '../../../protocol/index.ts'
import type { SinkStream } from '../../sink.ts'
import type { SourceType } from './source-types.ts'
import {
  columnNames,
  derivedTable,
  identifierOf,
  tableIdentifierOf,
  type TableName,
} from './identifiers.ts'

/** A declared column as the table has it. */
export interface TargetColumn {
  /** The property of the record. */
  readonly field: string
  /** The column. */
  readonly name: string
  readonly kind: ColumnKind
  /** The type that it has at a PostgreSQL source … */
  readonly postgres?: PostgresType
  /** … and what that is here, if the table is to have it (choose-types.ts). */
  readonly source?: SourceType
}

/**
 * The field that says which of two records of a key is newer: a column, or something inside of a JSON column.
 */
export interface CursorColumn {
  readonly name: string
  readonly path: readonly string[]
}

/** Where the records of a stream go. */
export interface StreamTarget {
  readonly streamId: StreamId
  readonly table: TableName
  /** Where an overwrite gathers the new generation. */
  readonly stage: TableName
  /** The table that the lanes load into: one of these two tables. */
  readonly loaded: TableName
  readonly columns: readonly TargetColumn[]
  readonly isOverwrite: boolean
  /**
   * A change stream (`_ab_cdc_…` columns): what a record lacks is unchanged. An API that leaves a field out
   * says that it is empty.
   */
  readonly isCdc: boolean
  /** Columns of the key; undefined if rows are only appended. */
  readonly key: readonly string[] | undefined
  readonly cursor: CursorColumn | undefined
  /** The records come in the order of the cursor: see `is_cursor_ordered` of AirbyteStream. */
  readonly isCursorOrdered: boolean
  /** The column of deletes, if the stream has it. */
  readonly deletedAt: string | undefined
  /** A record without a key that is marked as deleted says that all older rows are gone (merge/sweep.ts). */
  readonly hasSweeps: boolean
  /** We made the table with the source's types: no column has a type that a user chose. */
  readonly hasSourceTypes?: boolean
  /**
   * The columns of the primary key that such a table gets: the source's own key, none of whose values is
   * NULL.
   */
  readonly primaryKey?: readonly string[]
}

/** Throws a ConnectError if a dedup mode lacks its key, or key or cursor are no columns. */
export function streamTarget(sink: SinkStream, schema: string | undefined): StreamTarget {
  const { stream, destination_object_name: objectName } = sink.stream
  const namespace =
    stream.namespace === undefined || stream.namespace === '' ? 'public' : stream.namespace
  const table = {
    schema: identifierOf(schema ?? namespace),
    table: tableIdentifierOf(objectName ?? stream.name),
  }
  const stage = derivedTable(table, 'stage')
  const isOverwrite = sink.mode === 'overwrite' || sink.mode === 'overwrite_dedup'
  const isDedup = sink.mode === 'append_dedup' || sink.mode === 'overwrite_dedup'
  const columns = targetColumns(sink.columns)
  const key = isDedup ? keyColumns(sink, columns) : undefined
  return {
    streamId: streamIdOf(stream),
    table,
    stage,
    loaded: isOverwrite ? stage : table,
    columns,
    isOverwrite,
    isCdc: sink.columns.some(({ name }) => name.startsWith('_ab_cdc_')),
    key,
    cursor: isDedup ? cursorColumn(sink, columns) : undefined,
    isCursorOrdered: stream.is_cursor_ordered === true,
    deletedAt: columns.find(({ field }) => field === '_ab_cdc_deleted_at')?.name,
    hasSweeps: cursorField(sink.stream)?.[0] === '_ab_cdc_lsn',
    ...ofSourceTypes(sink, { columns, key }),
  }
}

/** The properties of a target whose table has the source's types. */
export function ofSourceTypes(
  sink: SinkStream,
  target: Pick<StreamTarget, 'columns' | 'key'>,
): Pick<StreamTarget, 'hasSourceTypes' | 'primaryKey'> {
  if (sink.types !== 'source') return {}
  const primaryKey = primaryKeyOf(sink, target)
  return { hasSourceTypes: true, ...(primaryKey !== undefined && { primaryKey }) }
}

/**
 * Undefined if rows are appended, if they are merged by another key than the source's, or if that is masked
 * or may be NULL.
 */
function primaryKeyOf(
  { mode, rules, stream: { stream } }: SinkStream,
  { columns, key }: Pick<StreamTarget, 'columns' | 'key'>,
): readonly string[] | undefined {
  const paths = stream.source_defined_primary_key ?? []
  if (mode === 'append' || paths.length === 0) return undefined
  const neverNull = neverNullFields(stream.json_schema)
  const names = paths.flatMap(([field = '', ...nested]) => {
    const isMasked = rules?.masked.includes(field) === true
    const isWhole = nested.length === 0 && neverNull.has(field) && !isMasked
    return isWhole ? (columns.find((column) => column.field === field)?.name ?? []) : []
  })
  if (names.length < paths.length) return undefined
  if (key === undefined) return names
  const isSameKey = key.length === names.length && names.every((name) => key.includes(name))
  return isSameKey ? key : undefined
}

export function targetColumns(columns: readonly Column[]): TargetColumn[] {
  const names = columnNames(columns.map(({ name }) => name))
  return columns.map(({ name, kind, postgres_type: postgres }, index) => ({
    field: name,
    name: names[index] ?? name,
    kind,
    ...(postgres !== undefined && { postgres }),
  }))
}

function keyColumns(sink: SinkStream, columns: readonly TargetColumn[]): string[] {
  const key = primaryKey(sink.stream)
  if (key === undefined) {
    const stream = streamLabel(sink.stream.stream)
    throw new ConnectError('destination_key_missing', { details: { stream } })
  }
  return key.map((path) => {
    const column = columns.find(({ field }) => field === path[0])
    if (column === undefined || path.length > 1) throw fieldMissing(sink, path, 'primary key')
    return column.name
  })
}

/** Source-defined over configured over default (the order of the protocol). */
function cursorColumn(
  sink: SinkStream,
  columns: readonly TargetColumn[],
): CursorColumn | undefined {
  const { sync_mode, stream } = sink.stream
  const cursor = cursorField(sink.stream) ?? []
  const [field, ...path] = cursor
  const isSourceDefined = stream.source_defined_cursor === true
  if (field === undefined && (sync_mode !== 'incremental' || isSourceDefined)) return undefined
  const column = columns.find((candidate) => candidate.field === field)
  if (column !== undefined) return { name: column.name, path }
  // A cursor that the source defines may not be a field (a position in a log): then the time of extraction
  // decides.
  if (isSourceDefined) return undefined
  if (field === undefined) {
    throw cursorMissing(streamLabel(stream))
  }
  throw fieldMissing(sink, cursor, 'cursor')
}

function cursorMissing(stream: string): ConnectError {
  return new ConnectError('stream_cursor_missing', {
    details: {
      place: `stream ${stream}`,
      field: 'cursor_field',
      problem:
        'an incremental read needs a cursor, and neither the stream nor its source names one',
      fix: 'Set `cursor_field` of the stream, or `sync_mode: full_refresh`.',
    },
  })
}

function fieldMissing(sink: SinkStream, path: readonly string[], role: string): ConnectError {
  const details = { stream: streamLabel(sink.stream.stream), field: path.join('.'), role }
  return new ConnectError('destination_field_missing', { details })
}
