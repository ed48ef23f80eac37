import { createHash } from 'node:crypto'
import { ConnectError } from '../../protocol/index.ts'
import type { SinkStream } from '../sink.ts'
import { postgresName, type TableName } from './identifiers.ts'
import { tableColumns } from './table-layout.ts'

/** The stream's table: named like the stream, in the destination's schema, else in its namespace, else in `public`. */
export function finalTable({ stream }: SinkStream, schema: string | undefined): TableName {
  return {
    schema: postgresName(schema ?? (stream.stream.namespace || 'public')),
    name: postgresName(stream.destination_object_name ?? stream.stream.name),
  }
}

/** Where a new generation is gathered until its source is complete: out of the user's sight. */
export function stageTable(connection: string, table: TableName): TableName {
  const hash = createHash('sha256')
    .update(JSON.stringify([connection, table.schema, table.name]))
    .digest('hex')
  return { schema: 'reactor_connect', name: `stage_${hash.slice(0, 24)}` }
}

export function isOverwrite({ mode }: SinkStream): boolean {
  return mode === 'overwrite' || mode === 'overwrite_dedup'
}

export function isDedup({ mode }: SinkStream): boolean {
  return mode === 'append_dedup' || mode === 'overwrite_dedup'
}

/** The table that the lanes load into. */
export function loadTable(sink: SinkStream, schema: string | undefined): TableName {
  const table = finalTable(sink, schema)
  return isOverwrite(sink) ? stageTable(sink.connection, table) : table
}

/** The key's columns as the table names them. Throws where a dedup mode has no key, or one that is not a column. */
export function keyColumns(sink: SinkStream): readonly string[] {
  const key = sink.stream.primary_key ?? []
  const names = key.map((path) => columnNamed(sink, path, 'primary key'))
  if (names.length === 0)
    throw new ConnectError('destination_key_missing', {
      details: { stream: sink.stream.stream.name },
    })
  return names
}

/** The cursor's column as the table names it; undefined where the stream has none, or one inside of a JSON value. */
export function cursorColumn(sink: SinkStream): string | undefined {
  const { cursor_field: cursor, sync_mode, stream } = sink.stream
  const path = cursor ?? (sync_mode === 'incremental' ? stream.default_cursor_field : undefined)
  if (path === undefined || path.length !== 1) return undefined
  return tableColumns(sink.columns).find(({ field }) => field === path[0])?.name
}

function columnNamed(sink: SinkStream, path: readonly string[], role: string): string {
  const [field, ...deeper] = path
  const column = tableColumns(sink.columns).find((candidate) => candidate.field === field)
  if (column === undefined || deeper.length > 0) {
    throw new ConnectError('destination_field_missing', {
      details: { stream: sink.stream.stream.name, role, field: path.join('.') },
    })
  }
  return column.name
}
