import {
  absentColumns,
  columnsOf,
  ConnectError,
  streamIdOf,
  streamLabel,
} from '../../protocol/index.ts'
import type { Column, ConfiguredAirbyteStream } from '../../protocol/index.ts'
import type { BinaryType } from '../../protocol/avro/copy-binary-fields.ts'
import type { Mask, RecordRules } from '../../protocol/rules/record-rules.ts'
import { binaryTypesOf } from './binary-rows.ts'
import { isCursorType, selectExpression, type ColumnType } from './column-types.ts'
import { conditionSql, isBlankPadded, textExpression } from './condition-sql.ts'
import { maskExpression } from './mask-sql.ts'
import { quoteQualified } from '../../postgres/quote.ts'
import { placeOf } from './planned-tables.ts'
import type { SourceSession } from './session.ts'
import type { NamedIdentity } from './named-identity.ts'
import { findTable, type Table } from './tables.ts'

/** A selected column and its place in a line. */
export interface SourceColumn {
  readonly name: string
  readonly index: number
  readonly type: ColumnType
  /** Absent: its values are read as they are. */
  readonly mask?: Mask
}

/** A configured stream, matched with the table it is read from. */
export interface StreamSource {
  /** As messages show it. */
  readonly name: string
  readonly table: Table
  /** FROM, as SQL. */
  readonly from: string
  readonly selectList: string
  /** The expressions of the select list, one for each column. */
  readonly expressions: readonly string[]
  /** The condition that its rows must fulfil, as SQL; absent: all rows are read. */
  readonly where?: string | undefined
  readonly columns: readonly SourceColumn[]
  /** The types of the columns, if each can be read as binary COPY. */
  readonly binaryTypes: readonly BinaryType[] | undefined
  /** The columns that order a resumable full refresh; empty if the table has no usable key. */
  readonly key: readonly SourceColumn[]
}

/**
 * Throws if the table or a configured column is missing or may not be read.
 * `table`: if it was looked up in this snapshot.
 */
export async function findSource(
  session: SourceSession,
  configured: ConfiguredAirbyteStream,
  {
    table: known,
    rules,
  }: { readonly table?: Table | undefined; readonly rules?: RecordRules | undefined } = {},
): Promise<StreamSource> {
  const { schema, name } = placeOf(streamIdOf(configured.stream))
  const shown = streamLabel(configured.stream)
  const wanted = columnsOf(configured.stream.json_schema)
  const table = known ?? (await findTable(session, schema, name))
  if (table === undefined) throw await missing(session, { schema, name, shown }, wanted)
  if (rules !== undefined) requireSameColumns(table, configured)
  const byName = new Map(table.columns.map((column) => [column.name, column.type]))
  const absent = absentColumns(configured.stream.json_schema)
  const columns = wanted.map(({ name: column }, index) => {
    const type = absent.has(column) ? absentType : byName.get(column)
    if (type === undefined) {
      throw new ConnectError('source_column_missing', { details: { stream: shown, column } })
    }
    const mask = rules?.columns[index]?.mask
    return { name: column, index, type, ...(mask !== undefined && { mask }) }
  })
  if (columns.length === 0) {
    const details = {
      place: `stream ${shown}`,
      field: 'columns',
      problem: 'no column is selected',
      fix: 'Select at least one column, or leave the stream out.',
    }
    throw new ConnectError('stream_column_not_found', { details })
  }
  const expressions = expressionsOf(columns, wanted)
  return {
    name: shown,
    table,
    from: fromClause(table),
    selectList: expressions.join(', '),
    expressions,
    where: rules && whereOf(rules, { byName, absent, shown }),
    columns,
    binaryTypes: session.hasUtf8 ? binaryTypesOf(columns, wanted) : undefined,
    key: usableKey(table.key, columns),
  }
}

/**
 * The rules were checked against the columns that `discover` found. Columns that were renamed since could
 * pass them in the clear.
 */
function requireSameColumns(
  table: Table,
  { stream }: Pick<ConfiguredAirbyteStream, 'stream'>,
): void {
  const { source_columns: found } = stream
  if (found === undefined) return
  const present = new Map(table.columns.map(({ name, identity }) => [name, identity[0]]))
  const isOther = ([name, number]: readonly [string, number]): boolean =>
    present.has(name) && present.get(name) !== number
  if (found.table === table.oid && !found.numbers.some(isOther)) return
  throw new ConnectError('source_table_replaced', { details: { stream: streamLabel(stream) } })
}

/** The type of a column that the table no longer has, and that is read as NULL. */
const absentType: ColumnType = {
  schema: 'pg_catalog',
  name: 'text',
  kind: 'b',
  isArray: false,
  declared: 'text',
  isDeterministic: true,
  isOrderable: false,
  operators: 'pg_catalog',
}

/** The column is declared, but the table no longer has it. */
export function isAbsent({ type }: Pick<SourceColumn, 'type'>): boolean {
  return type === absentType
}

/**
 * The identities of columns, for a state: by them the next read recognizes a column that now has another
 * column's name. Views have none.
 */
export function identitiesOf({ table, columns }: StreamSource): NamedIdentity[] {
  if (table.kind !== 'r' && table.kind !== 'p') return []
  const selected = new Set(columns.map(({ name }) => name))
  return table.columns
    .filter(({ name }) => selected.has(name))
    .map(({ name, identity }) => [name, ...identity])
}

/** Rows of tables that inherit from a plain table belong to the streams of those tables. */
function fromClause(table: Table): string {
  const qualified = quoteQualified(table.schema, table.name)
  return table.kind === 'r' ? `ONLY ${qualified}` : qualified
}

function expressionsOf(columns: readonly SourceColumn[], wanted: readonly Column[]): string[] {
  return wanted.flatMap((column, index) => {
    const type = columns[index]?.type
    if (type === undefined) return []
    const mask = columns[index]?.mask
    const present = type === absentType ? undefined : type
    const masked = mask && maskExpression(mask, column, present)
    if (masked !== undefined) return [masked]
    if (present === undefined) return ['NULL::pg_catalog.text']
    // Equal texts have equal hashes, however long their columns are.
    if (mask?.as === 'hash' && isBlankPadded(present)) return [textExpression(column, present)]
    return [selectExpression(column.name, type, column)]
  })
}

/** The condition of a stream at the end of a query. */
export function whereClause({ where }: Pick<StreamSource, 'where'>): string {
  return where === undefined ? '' : ` WHERE ${where}`
}

/** The condition may name columns that are not selected. */
function whereOf(
  { where, conditionSchemas }: RecordRules,
  {
    byName,
    absent,
    shown,
  }: {
    readonly byName: ReadonlyMap<string, ColumnType>
    readonly absent: ReadonlySet<string>
    readonly shown: string
  },
): string | undefined {
  if (where === undefined) return undefined
  const gone = absentColumns({ properties: conditionSchemas })
  return conditionSql(where, ({ name }) => {
    if (absent.has(name) || gone.has(name)) return undefined
    const type = byName.get(name)
    if (type !== undefined) return type
    throw new ConnectError('source_column_missing', { details: { stream: shown, column: name } })
  })
}

/** All of the key must be selected, as it is, or the rows do not show their position. */
function usableKey(key: readonly string[], columns: readonly SourceColumn[]): SourceColumn[] {
  const shown = columns.filter(({ mask }) => mask === undefined)
  const found = key.flatMap((name) => shown.find((column) => column.name === name) ?? [])
  return found.length === key.length && found.every(({ type }) => isCursorType(type)) ? found : []
}

/**
 * Why a table is not listed: it is gone (the snapshot may still have it), it has no columns, or this role may
 * not read it.
 */
async function missing(
  session: SourceSession,
  {
    schema,
    name,
    shown,
  }: { readonly schema: string; readonly name: string; readonly shown: string },
  wanted: readonly Column[],
): Promise<ConnectError> {
  // pg_class is read as of the snapshot; the functions look at the present, and return NULL for a relation
  // that is gone.
  const [row] = await session.rows<{
    readonly user: string
    readonly kind: string
    readonly usage: boolean | null
    readonly select: boolean | null
    readonly columns: number
  }>(
    `SELECT current_user::text AS "user",
       CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind,
       has_schema_privilege(n.oid, 'USAGE') AS usage, has_any_column_privilege(c.oid, 'SELECT') AS "select",
       (SELECT count(*)::int FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`,
    [schema, name],
  )
  if (row === undefined || row.usage === null || row.select === null) {
    return new ConnectError('source_stream_missing', { details: { stream: shown } })
  }
  const [column] = wanted
  if (row.columns === 0 && column !== undefined) {
    return new ConnectError('source_column_missing', {
      details: { stream: shown, column: column.name },
    })
  }
  const denied = row.usage ? `${row.kind} ${name}` : `schema ${schema}`
  return new ConnectError('source_permission_denied', {
    details: {
      user: row.user,
      object: `${schema}.${name}`,
      reason: `permission denied for ${denied}`,
    },
  })
}
