import type { TableColumnType, TableField } from '../../../protocol/comparison.ts'
import { ConnectError, cursorField, primaryKey, streamLabel } from '../../../protocol/index.ts'
import type { SinkStream } from '../../sink.ts'
import { readStreamRow, type StreamRow } from '../bookkeeping/stream-rows.ts'
import type { DestinationSession } from '../session.ts'
import { isTableOf } from '../sync/begin-sync.ts'
import { findTypes } from '../sync/choose-types.ts'
import { quoteTable, type TableName } from '../tables/identifiers.ts'
import { schemaExists } from '../tables/schemas.ts'
import { streamTarget, type StreamTarget } from '../tables/stream-target.ts'
import { baseType } from '../tables/table-columns.ts'

/** The table of a stream, with all that says which of its rows count. */
export interface ComparedTable {
  readonly name: TableName
  readonly target: StreamTarget
  readonly mode: SinkStream['mode']
  readonly fields: readonly TableField[]
  /** All columns, by their names. */
  readonly types: ReadonlyMap<string, TableColumnType>
  /** Records of the stream that were left out, all runs together. */
  readonly rejected: number
  /** With `append`: the fields by which the newest version of a row is found. */
  readonly versionKey: readonly string[]
  /** The field that says which of two versions is newer. */
  readonly cursor: string | undefined
}

/**
 * Only reads. Throws `comparison_refused` if the stream has loaded no table, or if it is not known which of
 * its rows count.
 */
export async function findComparedTable(
  session: DestinationSession,
  sink: SinkStream,
  schema: string | undefined,
): Promise<ComparedTable> {
  const target = streamTarget(sink, schema)
  const row = await rowOf(session, sink, target)
  const types = await readTypes(session, target.table)
  if (row === undefined || types.size === 0 || !isTableOf(row, target))
    throw refused(sink, {
      problem: `no run has loaded it into ${quoteTable(target.table)}`,
      fix: 'Run the connection first.',
    })
  const typed = await findTypes(session, sink, { target, row })
  const columns = new Map(target.columns.map(({ field, name }) => [field, name]))
  const fields = typed.sink.columns.map((field) => {
    const type = types.get(columns.get(field.name) ?? '')
    return { field, ...(type !== undefined && { type }) }
  })
  const { mode } = sink
  const versionKey = mode === 'append' ? versionKeyOf(sink, types) : []
  const rejected = await countRejected(session, row)
  const [cursor] = sink.stream.sync_mode === 'incremental' ? (cursorField(sink.stream) ?? []) : []
  return { name: target.table, target, mode, fields, types, rejected, versionKey, cursor }
}

/** Every version of a row is in the table: only a key says which of them are one row. */
function versionKeyOf(
  sink: SinkStream,
  types: ReadonlyMap<string, TableColumnType>,
): readonly string[] {
  const key = (primaryKey(sink.stream) ?? []).flatMap(([field]) => field ?? [])
  if (key.length === 0)
    throw refused(sink, {
      problem:
        'it is loaded with append and has no primary key, so the rows of its table may be of any run',
      fix: 'Set `primary_key` of the stream: the newest version of each row is then compared.',
    })
  if (!types.has('_airbyte_extracted_at') && sink.stream.sync_mode !== 'incremental')
    throw refused(sink, {
      problem: 'its table has no `_airbyte_extracted_at`, so no version of a row is the newest',
      fix: 'Load it with `metadata: minimal` or `full`.',
    })
  return key
}

async function rowOf(
  session: DestinationSession,
  sink: SinkStream,
  { streamId }: StreamTarget,
): Promise<StreamRow | undefined> {
  if (!(await schemaExists(session, session.bookkeepingSchema))) return undefined
  return readStreamRow(session, sink.connection, { streamId, lock: 'unlocked' })
}

async function readTypes(
  session: DestinationSession,
  { schema, table }: TableName,
): Promise<ReadonlyMap<string, TableColumnType>> {
  const rows = await session.rows<TableColumnType & { column: string } & Record<string, unknown>>(
    `SELECT a.attname AS column, t.typname AS name, n.nspname = 'pg_catalog' AS "isBuiltIn", t.typtype = 'e' AS "isEnum",
            t.typelem <> 0 AND t.typlen = -1 AND t.typcategory = 'A' AS "isArray", coalesce(e.typtype = 'e', false) AS "isOfEnums",
            format_type(t.oid, CASE WHEN t.oid = a.atttypid THEN a.atttypmod END) AS written
       FROM pg_class c JOIN pg_namespace cn ON cn.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
       JOIN pg_type t ON t.oid = ${baseType('a.atttypid')} JOIN pg_namespace n ON n.oid = t.typnamespace
       LEFT JOIN pg_type e ON e.oid = t.typelem
      WHERE cn.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped`,
    [schema, table],
  )
  return new Map(rows.map(({ column, ...type }) => [column, type]))
}

async function countRejected(session: DestinationSession, { id }: StreamRow): Promise<number> {
  const [row] = await session.rows<{ count: number }>(
    `SELECT count(*)::float8 AS count FROM ${session.bookkeeping}.rejected_records WHERE stream_id = $1`,
    [id],
  )
  return row?.count ?? 0
}

function refused(
  { stream: { stream } }: SinkStream,
  facts: { readonly problem: string; readonly fix: string },
): ConnectError {
  const details = { subject: `stream ${streamLabel(stream)}`, ...facts }
  return new ConnectError('comparison_refused', { details })
}
