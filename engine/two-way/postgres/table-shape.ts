import { quoteIdentifier, quoteQualified } from '../../../postgres/quote.ts'
import { operatorSchemaOf } from '../../../postgres/search-path.ts'
import { ConnectError } from '../../../protocol/index.ts'
import type { SharedKind } from '../shared-kind.ts'
import type { TwoWaySession } from './two-way-session.ts'

/** A table of a side, as a person names it. */
export interface TableOptions {
  readonly stream: string
  readonly schema: string
  readonly table: string
  /** The columns by their shared names. */
  readonly columns: ReadonlyMap<string, string>
  /** Default: the column of the primary key. */
  readonly key?: string | undefined
  /** A column with the time of the last change, for `last_write_wins`. */
  readonly modified?: string | undefined
  /** A column that is not NULL in records that count as deleted. */
  readonly deleted?: string | undefined
  /** A condition in SQL: rows that do not fulfil it are out of scope, and not deleted. */
  readonly where?: string | undefined
}

/** A table as the server describes it. */
export interface TableShape {
  readonly options: TableOptions
  /** Quoted, with its schema. */
  readonly name: string
  readonly key: TableColumn
  /** By shared name. */
  readonly fields: ReadonlyMap<string, TableColumn>
  readonly modified: TableColumn | undefined
  readonly deleted: TableColumn | undefined
  /** A policy of row security hides rows from this user: a row that is not seen may be there. */
  readonly mayHideRows: boolean
  /** The server knows when a row was written, also without a column for it. */
  readonly hasCommitTimes: boolean
  /** The schema of the operator that compares keys; quoted. */
  readonly keyOperator: string
}

export interface TableColumn {
  readonly name: string
  /** Quoted. */
  readonly sql: string
  /** With its modifiers and schema, for casts. */
  readonly type: string
  readonly kind: SharedKind
  readonly isGenerated: boolean
}

interface ColumnRow extends Record<string, unknown> {
  readonly name: string
  readonly type: string
  readonly base: string
  readonly is_key: boolean
  readonly key_columns: number
  readonly is_generated: boolean
  readonly hides_rows: boolean
  readonly has_commit_times: boolean
  readonly operator_schema: string
}

/** Reads the shape of a table. Throws `pair_stream_invalid` if two-way sync cannot work with it. */
export async function readTableShape(
  options: TableOptions,
  session: TwoWaySession,
): Promise<TableShape> {
  const { schema, table, stream } = options
  const rows = await session.rows<ColumnRow>(columnsSql, [schema, table])
  const refuse = (problem: string, fix: string): ConnectError =>
    new ConnectError('pair_stream_invalid', { details: { stream, problem, fix } })
  if (rows.length === 0)
    throw refuse(
      `there is no table ${schema}.${table}, or the user may not see it`,
      'Name a table as `schema.table`, or let the user see it.',
    )
  const column = (name: string): TableColumn => {
    const row = rows.find((candidate) => candidate.name === name)
    if (row === undefined)
      throw refuse(
        `table ${schema}.${table} has no column ${name}`,
        `Name one of its columns: ${rows.map((known) => known.name).join(', ')}.`,
      )
    return columnOf(row)
  }
  const fields = new Map([...options.columns].map(([shared, name]) => [shared, column(name)]))
  const generated = [...fields.values()].find(({ isGenerated }) => isGenerated)
  if (generated !== undefined)
    throw refuse(
      `column ${generated.name} of ${schema}.${table} is generated and cannot be written`,
      'Leave it out of the fields of the stream.',
    )
  const key = column(options.key ?? keyOf(rows, options, refuse))
  return {
    options,
    name: quoteQualified(schema, table),
    key,
    keyOperator: quoteIdentifier(
      rows.find(({ name }) => name === key.name)?.operator_schema ?? 'pg_catalog',
    ),
    hasCommitTimes: rows.some(({ has_commit_times: has }) => has),
    fields,
    modified: options.modified === undefined ? undefined : column(options.modified),
    deleted: options.deleted === undefined ? undefined : column(options.deleted),
    mayHideRows: rows.some(({ hides_rows: hides }) => hides),
  }
}

function keyOf(
  rows: readonly ColumnRow[],
  { schema, table }: TableOptions,
  refuse: (problem: string, fix: string) => ConnectError,
): string {
  const keys = rows.filter(({ is_key: isKey }) => isKey)
  const [key] = keys
  if (key !== undefined && keys.length === 1) return key.name
  throw refuse(
    keys.length === 0
      ? `table ${schema}.${table} has no primary key`
      : `the primary key of ${schema}.${table} has several columns`,
    'Name one unique column as `key`.',
  )
}

function columnOf({ name, type, base, is_generated: isGenerated }: ColumnRow): TableColumn {
  return { name, sql: quoteIdentifier(name), type, kind: kinds[base] ?? 'text', isGenerated }
}

const kinds: Readonly<Record<string, SharedKind>> = {
  int2: 'number',
  int4: 'number',
  int8: 'number',
  numeric: 'number',
  float4: 'number',
  float8: 'number',
  bool: 'boolean',
  timestamptz: 'time',
  timestamp: 'local_time',
  date: 'date',
  json: 'json',
  jsonb: 'json',
}

/**
 * The text of a column that all servers write alike, and that equal values share: `1.50` and `1.5`, or a time
 * in another zone.
 */
export function sharedText({ sql, kind }: TableColumn): string {
  switch (kind) {
    case 'number':
      return `pg_catalog.trim_scale(t.${sql}::pg_catalog.numeric)::pg_catalog.text`
    case 'boolean':
    case 'date':
      return `t.${sql}::pg_catalog.text`
    case 'time':
      return `pg_catalog.to_char(t.${sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
    case 'local_time':
      return `pg_catalog.to_char(t.${sql}, 'YYYY-MM-DD"T"HH24:MI:SS.US')`
    case 'json':
      return `t.${sql}::pg_catalog.jsonb::pg_catalog.text`
    case 'text':
      return `t.${sql}::pg_catalog.text`
  }
}

const columnsSql = `SELECT a.attname::text AS name,
    format_type(a.atttypid, a.atttypmod) AS type,
    coalesce(bt.typname, t.typname)::text AS base,
    coalesce(a.attnum = ANY(i.indkey), false) AS is_key,
    coalesce(i.indnkeyatts, 0)::int AS key_columns,
    a.attgenerated <> '' AS is_generated,
    row_security_active(c.oid) AS hides_rows,
    current_setting('track_commit_timestamp')::bool AS has_commit_times,
    ${operatorSchemaOf('a.atttypid')} AS operator_schema
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_type bt ON bt.oid = t.typbasetype
  LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
  WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')
  ORDER BY a.attnum`
