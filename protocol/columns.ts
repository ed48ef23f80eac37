import { isJsonList, isJsonObject, type JsonObject, type JsonValue } from './json.ts'
import { postgresTypeOf, type PostgresType } from './postgres-type.ts'

/**
 * The kinds of columns, on every path: the JSON Schema of a stream is reduced to these kinds once
 * (`columnsOf`), and the wire (Avro), the source's COPY text and the destination's column type all follow
 * from the kind.
 *
 * | kind      | JSON Schema                                                   | Avro                          | Postgres    |
 * |-----------|---------------------------------------------------------------|-------------------------------|-------------|
 * | boolean   | boolean                                                       | boolean                       | BOOLEAN     |
 * | integer   | integer, or number with airbyte_type integer                  | long                          | BIGINT      |
 * | number    | number                                                        | string (the exact digits)     | NUMERIC     |
 * | double    | number with airbyte_type double (the source's type is one)    | double                        | NUMERIC     |
 * | string    | string, and any unknown string format                         | string                        | TEXT        |
 * | date      | string, format date                                           | int, logical date             | DATE        |
 * | timestamptz | string, format date-time (airbyte_type timestamp_with_timezone or none) | long, timestamp-micros | TIMESTAMPTZ |
 * | timestamp | string, format date-time, airbyte_type timestamp_without_timezone | long, local-timestamp-micros | TIMESTAMP |
 * | timetz    | string, format time, airbyte_type time_with_timezone or none  | string                        | TIMETZ      |
 * | time      | string, format time, airbyte_type time_without_timezone       | long, time-micros             | TIME        |
 * | bytes     | string, contentEncoding base64                                | bytes                         | BYTEA       |
 * | json      | object, array, oneOf/anyOf/several types, anything else       | string, logical json          | JSONB       |
 */
export const columnKinds = [
  'boolean',
  'integer',
  'number',
  'double',
  'string',
  'date',
  'timestamptz',
  'timestamp',
  'timetz',
  'time',
  'bytes',
  'json',
] as const
/** The kind of value that a column holds: one of `columnKinds`. */
export type ColumnKind = (typeof columnKinds)[number]

/** One top-level property of a stream. Every column is nullable on the wire. */
export interface Column {
  readonly name: string
  readonly kind: ColumnKind
  /** The type of a column of a PostgreSQL source. It is not part of what drift and fingerprints compare. */
  readonly postgres_type?: PostgresType | undefined
}

/**
 * `true` at a property that is still declared, but that the source no longer has: it is NULL in every record.
 * A connector that requests properties by name does not request this one.
 */
export const absentMark = 'reactor_absent'

/** The names of the properties that are marked as absent. */
export function absentColumns({ properties }: JsonObject): ReadonlySet<string> {
  if (!isJsonObject(properties)) return new Set()
  const marked = Object.entries(properties).filter(
    ([, schema]) => isJsonObject(schema) && schema[absentMark] === true,
  )
  return new Set(marked.map(([name]) => name))
}

/** The properties that the source declares as never null. */
export function neverNullFields({ properties }: JsonObject): ReadonlySet<string> {
  if (!isJsonObject(properties)) return new Set()
  const fields = Object.entries(properties).filter(([, schema]) => !mayBeNull(schema))
  return new Set(fields.map(([name]) => name))
}

/** Also of a schema without a type. */
function mayBeNull(schema: JsonValue): boolean {
  if (!isJsonObject(schema) || schema.type === undefined) return true
  const types = isJsonList(schema.type) ? schema.type : [schema.type]
  return types.includes('null')
}

/**
 * The columns of a stream, from its `json_schema`: every path (COPY text, objects, wire, table) has them in
 * this order, which is JavaScript's order of the properties (names like `7` come first, whatever the document
 * says).
 */
export function columnsOf(jsonSchema: JsonObject): Column[] {
  const { properties } = jsonSchema
  if (!isJsonObject(properties)) return []
  return Object.entries(properties).map(([name, schema]) => {
    const type = postgresTypeOf(schema)
    return { name, kind: kindOf(schema), ...(type !== undefined && { postgres_type: type }) }
  })
}

function kindOf(schema: JsonValue): ColumnKind {
  if (!isJsonObject(schema)) return 'json'
  const { type, oneOf, anyOf } = schema
  if (type === undefined) return kindOfUnion(oneOf ?? anyOf)
  const real = findOnlyType(type)
  if (real === 'boolean' || real === 'integer') return real
  if (real === 'number') return kindOfNumber(schema)
  if (real === 'string') return kindOfString(schema)
  return 'json'
}

function kindOfUnion(options: JsonValue | undefined): ColumnKind {
  if (!isJsonList(options)) return 'json'
  const [only, ...others] = options.filter((option) => !isNullSchema(option))
  return only !== undefined && others.length === 0 ? kindOf(only) : 'json'
}

/** The only type beside `null`; undefined if there is none, or several. */
function findOnlyType(type: JsonValue): JsonValue | undefined {
  const types = new Set(isJsonList(type) ? type : [type])
  types.delete('null')
  return types.size === 1 ? [...types][0] : undefined
}

function kindOfNumber({ airbyte_type: airbyteType }: JsonObject): ColumnKind {
  return airbyteType === 'integer' || airbyteType === 'double' ? airbyteType : 'number'
}

function kindOfString({ format, airbyte_type, contentEncoding }: JsonObject): ColumnKind {
  if (format === 'date') return 'date'
  if (format === 'date-time') {
    return airbyte_type === 'timestamp_without_timezone' ? 'timestamp' : 'timestamptz'
  }
  if (format === 'time') return airbyte_type === 'time_without_timezone' ? 'time' : 'timetz'
  return contentEncoding === 'base64' ? 'bytes' : 'string'
}

function isNullSchema(schema: JsonValue): boolean {
  if (!isJsonObject(schema)) return false
  const types = isJsonList(schema.type) ? schema.type : [schema.type]
  return types.every((type) => type === 'null')
}
