import { z } from 'zod'
import { parseDigits, stringifyExact, type RecordValue } from '../../protocol/index.ts'
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../../postgres/quote.ts'

/** A database that responds. */
export interface Database {
  readonly query: (sql: string) => Promise<readonly Record<string, unknown>[]>
}

export interface TableName {
  readonly schema: string
  readonly name: string
}

/** Columns of the destination that are not in the topic. */
const ownColumns = new Set(['_airbyte_raw_id', '_airbyte_meta', '_airbyte_generation_id'])

/** How a value of a type is printed, in SQL. */
const expressions: Readonly<Record<string, (column: string) => string>> = {
  date: (column) => finite(column, `to_char(${column}, 'YYYY-MM-DD')`),
  'timestamp with time zone': (column) =>
    finite(column, `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`),
  'timestamp without time zone': (column) =>
    finite(column, `to_char(${column}, 'YYYY-MM-DD"T"HH24:MI:SS.US')`),
  'time without time zone': (column) =>
    `lpad(extract(hour FROM ${column})::text, 2, '0') || to_char(${column}, ':MI:SS.US')`,
  bytea: (column) => `encode(${column}, 'hex')`,
}

/** Types whose values are not texts in JSON. */
const jsonTypes = new Set(['smallint', 'integer', 'bigint', 'double precision', 'boolean'])

function finite(column: string, text: string): string {
  return `CASE WHEN isfinite(${column}) THEN ${text} ELSE ${column}::text END`
}

/** The rows of a table as a consumer prints them, one JSON object each. */
export async function printedRows(
  database: Database,
  { schema, name }: TableName,
): Promise<readonly string[]> {
  const found = await database.query(`
    SELECT column_name AS name, data_type AS type FROM information_schema.columns
     WHERE table_schema = ${quoteLiteral(schema)} AND table_name = ${quoteLiteral(name)} ORDER BY ordinal_position`)
  const columns = found
    .map((row) => z.object({ name: z.string(), type: z.string() }).parse(row))
    .filter((column) => !ownColumns.has(column.name))
  const pairs = columns.map(({ name: columnName, type }) => {
    const column = quoteIdentifier(columnName)
    const value = expressions[type]?.(column) ?? (jsonTypes.has(type) ? column : `${column}::text`)
    return `${quoteLiteral(columnName)}, ${value}`
  })
  const rows = await database.query(
    `SELECT json_build_object(${pairs.join(', ')})::text AS row FROM ${quoteQualified(schema, name)}`,
  )
  const documents = columns.filter(({ type }) => type === 'jsonb').map((column) => column.name)
  return rows.map(({ row }) => withoutSpaces(String(row), documents))
}

/** jsonb comes with spaces, which the topics leave out. */
function withoutSpaces(line: string, documents: readonly string[]): string {
  if (documents.length === 0) return line
  const row = z.record(z.string(), z.custom<RecordValue>()).parse(parseDigits(line))
  for (const name of documents) {
    const value = row[name]
    if (typeof value === 'string') row[name] = JSON.stringify(JSON.parse(value))
  }
  return stringifyExact(row)
}

/** Rows as texts that can be compared, sorted: fields in one order, and without nulls. */
export function comparableRows(lines: readonly string[]): readonly string[] {
  return lines.map(comparable).toSorted()
}

function comparable(line: string): string {
  const row = z.record(z.string(), z.unknown()).parse(JSON.parse(line, digits))
  const fields = Object.entries(row).filter(([, value]) => value !== null)
  const texts = fields.map(([name, value]) => [name, String(value)] as const)
  return JSON.stringify(texts.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Integers keep all of their digits, as texts. */
function digits(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source ?? ''
  return typeof value === 'number' && /^-?\d+$/.test(source) ? source : value
}

/** Rows that only one side has; none if they are equal. */
export function differences(
  expected: readonly string[],
  actual: readonly string[],
): readonly string[] {
  const counts = new Map<string, number>()
  for (const row of expected) counts.set(row, (counts.get(row) ?? 0) + 1)
  for (const row of actual) counts.set(row, (counts.get(row) ?? 0) - 1)
  return [...counts].flatMap(([row, count]) => {
    if (count === 0) return []
    return [`${count > 0 ? 'missing' : 'too much'} (${Math.abs(count)}): ${row}`]
  })
}
