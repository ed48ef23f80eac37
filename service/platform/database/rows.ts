import { z } from 'zod'
import { snakeCase } from '../../../lib/text/snake-case.ts'
import type { Resource } from '../wire.ts'
import type { Row } from './database.ts'
import { readTime } from './read-time.ts'

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

/** The fields as arguments of `json_build_object`: an object with the names of the schema. */
export function jsonFields(schema: z.ZodObject): string {
  return Object.keys(schema.shape)
    .map((field) => `'${field}', ${columnName(field)}`)
    .join(', ')
}

/**
 * Converts a row to its resource. Columns have the names of the fields in snake_case; times become ISO 8601,
 * counts (`bigint`, which the driver returns as text) become numbers, JSON stays as it is. `more`: fields
 * without a column of their own. The tables are ours, so the values are not validated again.
 */
export function resourceOf<Schema extends z.ZodObject>(
  schema: Schema,
  row: Row,
  more: Partial<Resource<Schema>> = {},
): Resource<Schema> {
  const resource: Record<string, unknown> = {}
  for (const { field, column, read } of columnsOf(schema)) resource[field] = read(row[column])
  return Object.assign(resource, more) as Resource<Schema>
}

interface Column {
  readonly field: string
  readonly column: string
  readonly read: (value: unknown) => unknown
}

const knownColumns = new WeakMap<z.ZodObject, readonly Column[]>()

/**
 * The fields of a schema, each with its column. Cached: a page of 200 rows has 2,800 of them, and naming them
 * took longer than all else.
 */
function columnsOf(schema: z.ZodObject): readonly Column[] {
  const known = knownColumns.get(schema)
  if (known !== undefined) return known
  const columns = Object.entries<z.core.$ZodType>(schema.shape).map(([field, type]) => {
    return { field, column: snakeCase(field), read: readerOf(type) }
  })
  knownColumns.set(schema, columns)
  return columns
}

function readerOf(type: z.core.$ZodType): (value: unknown) => unknown {
  if (type instanceof z.ZodNullable) return readerOf(type.unwrap())
  if (type instanceof z.ZodNumber) return readNumber
  return type instanceof z.ZodString && type.meta()?.format === 'date-time' ? readText : readAsIs
}

/** The driver has read a column by then, but not a row inside a JSON document. */
function readText(value: unknown): unknown {
  return typeof value === 'string' && !value.endsWith('Z') ? readTime(value) : value
}

function readNumber(value: unknown): unknown {
  return typeof value === 'string' ? Number(value) : value
}

function readAsIs(value: unknown): unknown {
  return value
}

export interface Assignments {
  readonly columns: readonly string[]
  /** `$3`, in the order of the columns. */
  readonly places: readonly string[]
  readonly values: readonly unknown[]
}

/**
 * The assignments of the fields to write, which are those that are not undefined. Objects and lists are JSON.
 * `first`: number of the first placeholder.
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
