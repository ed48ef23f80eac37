import { DatabaseError, type Client } from 'pg'
import { ConnectError, type Column } from '../../protocol/index.ts'
import { columnChange, kindHeldBy, typeOf } from './column-types.ts'
import { postgresName, quoteIdentifier, quoteTable, type TableName } from './identifiers.ts'
import type { LoadColumn } from './avro-to-copy-text.ts'

export const extractedAtColumn = '_airbyte_extracted_at'
export const generationColumn = '_airbyte_generation_id'
export const rawIdColumn = '_airbyte_raw_id'
export const metaColumn = '_airbyte_meta'

/** Type of each of the sink's own columns. */
const ownColumns: Readonly<Record<string, string>> = {
  [extractedAtColumn]: 'timestamp with time zone',
  [generationColumn]: 'bigint',
  [rawIdColumn]: 'uuid',
  [metaColumn]: 'jsonb',
}

/** Column name -> type as `format_type` spells it, in the table's order; empty where there is no such table. */
export type TableLayout = ReadonlyMap<string, string>

export async function readLayout(client: Client, table: TableName): Promise<TableLayout> {
  const { rows } = await client.query<{ name: string; type: string; kind: string }>(
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, c.relkind AS kind
       FROM pg_attribute a
       JOIN pg_class c ON c.oid = a.attrelid
       JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped
      ORDER BY a.attnum`,
    [table.schema, table.name],
  )
  const kind = rows[0]?.kind ?? 'r'
  if (kind !== 'r' && kind !== 'p')
    throw new ConnectError('destination_not_a_table', { details: { table: quoteTable(table) } })
  return new Map(rows.map(({ name, type }) => [name, type]))
}

export interface WantedTable {
  readonly table: TableName
  readonly columns: readonly Column[]
  readonly metadata: 'full' | 'minimal'
}

/**
 * Creates the table, or alters it in place so that it takes the columns: new ones are added, too narrow ones widened, none is
 * dropped, and the table is never made anew. Part of the caller's transaction.
 */
export async function ensureTable(client: Client, wanted: WantedTable): Promise<void> {
  const layout = await readLayout(client, wanted.table)
  const own =
    wanted.metadata === 'full' ? Object.keys(ownColumns) : [extractedAtColumn, generationColumn]
  if (layout.size === 0) await createTable(client, wanted, own)
  else await alterTable(client, wanted, { layout, own })
}

async function createTable(
  client: Client,
  { table, columns }: WantedTable,
  own: readonly string[],
): Promise<void> {
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(table.schema)}`)
  const definitions = [
    ...tableColumns(columns).map(({ name, kind }) => `${quoteIdentifier(name)} ${typeOf(kind)}`),
    ...own.map((name) => `${quoteIdentifier(name)} ${ownColumns[name] ?? 'text'}`),
  ]
  await client.query(`CREATE TABLE ${quoteTable(table)} (${definitions.join(', ')})`)
}

async function alterTable(
  client: Client,
  { table, columns }: WantedTable,
  { layout, own }: { readonly layout: TableLayout; readonly own: readonly string[] },
): Promise<void> {
  const actions: string[] = []
  for (const { name, kind } of tableColumns(columns)) {
    const existing = layout.get(name)
    const column = quoteIdentifier(name)
    if (existing === undefined) actions.push(`ADD COLUMN ${column} ${typeOf(kind)}`)
    else {
      const change = columnChange(existing, kind)
      if (change.change === 'widen')
        actions.push(`ALTER COLUMN ${column} TYPE ${change.type} USING ${change.using(column)}`)
    }
  }
  for (const name of own)
    if (!layout.has(name))
      actions.push(`ADD COLUMN ${quoteIdentifier(name)} ${ownColumns[name] ?? 'text'}`)
  if (actions.length === 0) return
  try {
    await client.query(`ALTER TABLE ${quoteTable(table)} ${actions.join(', ')}`)
  } catch (error) {
    throw alterError(error, table)
  }
}

/** 0A000 with a rule of a view; 2BP01 for other dependents. */
function alterError(error: unknown, table: TableName): unknown {
  if (!(error instanceof DatabaseError)) return error
  const details = { table: quoteTable(table), reason: error.detail ?? error.message }
  if (error.code === '0A000' || error.code === '2BP01')
    return new ConnectError('destination_column_in_use', { details, cause: error })
  return error
}

export interface TableColumn extends Column {
  /** The property of the record. */
  readonly field: string
}

/** The columns as the table names them. Two fields whose names come to the same get different ones. */
export function tableColumns(columns: readonly Column[]): readonly TableColumn[] {
  const taken = new Set(Object.keys(ownColumns))
  return columns.map(({ name: field, kind }) => {
    let name = postgresName(field)
    for (let attempt = 2; taken.has(name); attempt++)
      name = postgresName(`${field}\u0000${String(attempt)}`)
    taken.add(name)
    return { field, name, kind }
  })
}

/** The wire's columns with what the table's columns of those names hold. */
export function loadColumns(
  columns: readonly Column[],
  layout: TableLayout,
): readonly (LoadColumn & { readonly column: string })[] {
  return tableColumns(columns).map(({ field, name, kind }) => {
    const type = layout.get(name)
    return {
      name: field,
      column: name,
      kind,
      holds: type === undefined ? undefined : (kindHeldBy(type) ?? kind),
    }
  })
}

/** The meta column comes to a table with minimal metadata when a change first needs it. */
export async function addMetaColumn(client: Client, table: TableName): Promise<void> {
  await client.query(
    `ALTER TABLE ${quoteTable(table)} ADD COLUMN IF NOT EXISTS ${metaColumn} jsonb`,
  )
}
