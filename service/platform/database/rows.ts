import type { z } from 'zod'
import { snakeCase } from '../../../lib/text/snake-case.ts'
import type { Resource } from '../wire.ts'
import type { Row } from './database.ts'

/** The fields of a resource as columns: `id, created_at`, or `c.id, c.created_at` of the table `c`. */
export function selectColumns(
  schema: z.ZodObject,
  table = '',
  without: readonly string[] = [],
): string {
  const prefix = table === '' ? '' : `${table}.`
  return Object.keys(schema.shape)
    .filter((field) => !without.includes(field))
    .map((field) => `${prefix}${snakeCase(field)}`)
    .join(', ')
}

/**
 * Converts a row to its resource. Columns have the names of the fields in snake_case; times become ISO 8601, JSON stays as it is. `more`:
 * fields without a column of their own. The tables are ours, so the values are not validated again.
 */
export function resourceOf<Schema extends z.ZodObject>(
  schema: Schema,
  row: Row,
  more: Partial<Resource<Schema>> = {},
): Resource<Schema> {
  const resource: Record<string, unknown> = {}
  for (const [field, column] of columnsOf(schema)) {
    const value = row[column]
    resource[field] = value instanceof Date ? value.toISOString() : value
  }
  return Object.assign(resource, more) as Resource<Schema>
}

const knownColumns = new WeakMap<z.ZodObject, readonly (readonly [string, string])[]>()

/** The fields of a schema, each with its column. Cached: a page of 200 rows has 2,800 of them, and naming them took longer than all else. */
function columnsOf(schema: z.ZodObject): readonly (readonly [string, string])[] {
  const known = knownColumns.get(schema)
  if (known !== undefined) return known
  const columns = Object.keys(schema.shape).map((field) => [field, snakeCase(field)] as const)
  knownColumns.set(schema, columns)
  return columns
}

export interface Assignments {
  readonly columns: readonly string[]
  /** `$3`, in the order of the columns. */
  readonly places: readonly string[]
  readonly values: readonly unknown[]
}

/**
 * The assignments of the fields to write, which are those that are not undefined. Objects and lists are JSON. `first`: number of the first
 * placeholder.
 */
export function assignments(fields: object, first = 1): Assignments {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  return {
    columns: entries.map(([field]) => columnName(field)),
    places: entries.map((_, place) => `$${String(first + place)}`),
    values: entries.map(([, value]): unknown => (isJson(value) ? JSON.stringify(value) : value)),
  }
}

/** `name = $3, config = $4`, with a comma at the end unless there is none. */
export function setClause({ columns, places }: Assignments): string {
  return columns.map((column, place) => `${column} = ${places[place] ?? ''}, `).join('')
}

function isJson(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array)
}

/** It becomes part of the text of a statement, so it is validated although only schemas name fields. */
function columnName(field: string): string {
  if (/^[a-z][A-Za-z0-9]*$/.test(field)) return snakeCase(field)
  throw new TypeError(`${field} is no name of a field`)
}
