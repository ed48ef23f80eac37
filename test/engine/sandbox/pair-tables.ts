import type { SinkStream, SyncMode } from '../../../sinks/sink.ts'
import type { Row, TestDatabase } from '../../support/postgres.ts'
import type { Pair, PairRow } from './pairs.ts'

export const sourceSchema = 'shop'
export const destinationSchema = 'dest'

/** Makes the source's table as it is in this version. */
export async function makeSource(
  source: TestDatabase,
  { name, pair, version }: { name: string; pair: Pair; version: 'first' | 'second' },
): Promise<void> {
  const columns = pair.columns.flatMap((column, index) =>
    column.in === 'both' || column.in === version ? [{ ...column, index }] : [],
  )
  const id = { primary: 'id bigint PRIMARY KEY, ', loose: 'k integer, ', none: '' }[pair.key]
  const types = columns.map(({ index, type, changed }) => {
    return `c${index} ${version === 'second' && changed ? changed.type : type}`
  })
  const table = `${sourceSchema}.${name}`
  await source.query(`DROP TABLE IF EXISTS ${table}`)
  await source.query(
    `CREATE TABLE ${table} (${id}u bigint, ${types.join(', ')})`.replace(', )', ')'),
  )
  const rows = pair.rows.flatMap((row, index) => {
    if (row.fate === (version === 'first' ? 'comes' : 'goes')) return []
    const keys = { primary: [String(index)], loose: [String(row.loose ?? 'NULL')], none: [] }
    const cells = columns.map((column) => cell(row, column, version))
    return [[...keys[pair.key], String(cursor(pair, { row, index, version })), ...cells]]
  })
  for (const row of rows) await source.query(`INSERT INTO ${table} VALUES (${row.join(', ')})`)
}

function cell(
  row: PairRow,
  column: Pair['columns'][number] & { readonly index: number },
  version: 'first' | 'second',
): string {
  const first = `(${row.first[column.index] ?? 'NULL'})::${column.type}`
  if (version === 'first') return first
  if (row.fate !== 'stays' || column.in === 'second') return row.second[column.index] ?? 'NULL'
  return column.changed === undefined ? first : `(${first})${column.changed.cast}`
}

function cursor(
  { key }: Pair,
  { row, index, version }: { row: PairRow; index: number; version: 'first' | 'second' },
): number {
  const base = key === 'primary' ? index : (row.loose ?? 0)
  if (version === 'first') return base
  return base + { stays: 0, 'changes unseen': 0, goes: 0, changes: 100, comes: 200 }[row.fate]
}

/** The discovered stream as the pair says that it is synced. */
export function streamOf(discovered: SinkStream, pair: Pair, mode: SyncMode): SinkStream {
  const key = { primary: [['id']], loose: [['k']], none: [] }[pair.key]
  return {
    ...discovered,
    mode,
    metadata: pair.metadata,
    stream: {
      stream: discovered.stream.stream,
      sync_mode: pair.syncMode,
      destination_sync_mode: mode === 'overwrite_dedup' ? 'append_dedup' : mode,
      primary_key: key,
      ...(pair.syncMode === 'incremental' && { cursor_field: ['u'] }),
    },
  }
}

export async function columnsOf(
  database: TestDatabase,
  table: string,
): Promise<readonly { name: string; type: string }[]> {
  const rows = await database.query(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
      WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [table],
  )
  return rows.map(({ name, type }) => ({ name: String(name), type: String(type) }))
}

/**
 * Rows of a table as texts of these types, the newest of each key last if `newest` is given (a mode with a
 * key had none).
 */
export async function rowsAs(
  database: TestDatabase,
  table: string,
  columns: readonly { readonly name: string; readonly type: string }[],
): Promise<readonly Row[]> {
  const own = await columnsOf(database, table)
  const values = columns.map(({ name, type }) => {
    const from = own.find((column) => column.name === name)?.type
    return `${text(from === undefined ? 'NULL' : converted(`"${name}"`, from, type), type)} AS "${name}"`
  })
  const order = own.some(({ name }) => name === 'u') ? 'u NULLS FIRST, ' : ''
  const cursor = own.some(({ name }) => name === 'u') ? 'u' : 'NULL'
  // A table without metadata has no versions of a row.
  const time = own.some(({ name }) => name === '_airbyte_extracted_at')
    ? '_airbyte_extracted_at, '
    : ''
  return database.query(
    `SELECT ${values.join(', ')}${values.length > 0 ? ', ' : ''}${cursor} AS _u
       FROM ${table} ORDER BY ${order}${time}ctid`,
  )
}

function converted(column: string, from: string, to: string): string {
  if (from === to) return column
  if (to === 'jsonb') return `to_jsonb(${column})`
  if (from === 'date' && to.includes('with time zone'))
    return `${column}::timestamp AT TIME ZONE 'UTC'`
  if (from.includes('with time zone') && to === 'text')
    return `regexp_replace((${column} AT TIME ZONE 'UTC')::text || '+00', ' ', ' ')`
  return `${column}::${to}`
}

function text(value: string, type: string): string {
  return type === 'numeric' ? `trim_scale(${value}::numeric)::text` : `(${value})::text`
}
