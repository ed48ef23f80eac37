import type { Column, JsonObject } from '../../protocol/index.ts'
import { quoteIdentifier, quoteLiteral, quoteQualified } from './identifiers.ts'

/** The type of a column after its domains were resolved. */
export interface ColumnType {
  readonly schema: string
  readonly name: string
  /** pg_type.typtype: b base, c composite, e enum, r range, m multirange, p pseudo. */
  readonly kind: string
  readonly isArray: boolean
  readonly isDeterministic: boolean
  readonly isOrderable: boolean
}

const nullable = (type: string, more: JsonObject = {}): JsonObject => ({
  type: ['null', type],
  ...more,
})
const integer = nullable('integer')
const double = nullable('number', { airbyte_type: 'double' })
const string = nullable('string')
const anyJson: JsonObject = { type: ['null', 'object', 'array', 'string', 'number', 'boolean'] }
const dateTime = (zone: string): JsonObject =>
  nullable('string', { format: 'date-time', airbyte_type: `timestamp_${zone}_timezone` })
const time = (zone: string): JsonObject =>
  nullable('string', { format: 'time', airbyte_type: `time_${zone}_timezone` })

/** Types of pg_catalog that are not text to the reader; every other type is its text. */
const schemas: ReadonlyMap<string, JsonObject> = new Map([
  ['bool', nullable('boolean')],
  ['int2', integer],
  ['int4', integer],
  ['int8', integer],
  ['oid', integer],
  ['numeric', nullable('number')],
  ['float4', double],
  ['float8', double],
  ['date', nullable('string', { format: 'date' })],
  ['timestamp', dateTime('without')],
  ['timestamptz', dateTime('with')],
  ['time', time('without')],
  ['timetz', time('with')],
  ['bytea', nullable('string', { contentEncoding: 'base64' })],
  ['json', anyJson],
  ['jsonb', anyJson],
])

/** The JSON Schema of a column. */
export function jsonSchemaOf(type: ColumnType): JsonObject {
  if (type.isArray) return nullable('array')
  if (isObject(type)) return nullable('object')
  return (type.schema === 'pg_catalog' ? schemas.get(type.name) : undefined) ?? string
}

/**
 * What is selected for a column, so that its COPY text is what the configured kind says. Arrays, composites and hstore
 * become JSON by `to_json`: numbers keep their digits, NaN and infinities (of dates too) become strings. Money becomes
 * its exact amount, whatever lc_monetary says.
 */
export function selectExpression(name: string, type: ColumnType, configured: Column): string {
  const column = quoteIdentifier(name)
  if (isMoney(type)) return `${column}::pg_catalog.numeric::pg_catalog.text`
  if (type.isArray) return arrayExpression(column, type)
  const isJson = type.schema === 'pg_catalog' && (type.name === 'json' || type.name === 'jsonb')
  // The configuration may still call JSON what has become a plain type.
  const toJson = hasOwnText(type) ? configured.kind === 'json' && !isJson : true
  return toJson ? `pg_catalog.to_json(${column})` : column
}

/** JSON has no bounds: an array that does not begin at 1 everywhere is another value than one that does, and becomes its text. */
function arrayExpression(column: string, type: ColumnType): string {
  const isOfCatalog = type.schema === 'pg_catalog'
  // Vectors of the catalog begin at 0, always.
  if (isOfCatalog && type.name.endsWith('vector')) return `pg_catalog.to_json(${column})`
  const isOfMoney = isOfCatalog && type.name === '_money'
  const array = isOfMoney ? `${column}::pg_catalog.numeric[]::pg_catalog.text[]` : column
  const otherBounds = `pg_catalog.strpos(pg_catalog.replace(pg_catalog.array_dims(${column}), '[1:', ''), '[') > 0`
  return `CASE WHEN ${otherBounds} THEN pg_catalog.to_json((${array})::pg_catalog.text) ELSE pg_catalog.to_json(${array}) END`
}

/** True where COPY writes the type's own text, which the database reads back as the same value. */
export function hasOwnText(type: ColumnType): boolean {
  return !type.isArray && !isObject(type) && !isMoney(type)
}

/** True where the column can order an incremental read or a key. */
export function isCursorType(type: ColumnType): boolean {
  return type.isOrderable && hasOwnText(type)
}

/** A value from its text, as SQL: compared as the column's own type. The internal name carries no length, so nothing is cut. */
export function typedLiteral(text: string, type: ColumnType): string {
  return `${quoteLiteral(text)}::${quoteQualified(type.schema, type.name)}`
}

/**
 * How equal values of a type are recognised by their text: a function that gives equal texts for equal values, or
 * undefined where only the database can tell (citext, interval, char(n), collations that ignore case).
 */
export function groupTextOf(type: ColumnType): ((text: string) => string) | undefined {
  if (!type.isDeterministic) return undefined
  if (type.kind === 'e') return asItIs
  return type.schema === 'pg_catalog' ? groupTexts.get(type.name) : undefined
}

const asItIs = (text: string): string => text
const groupTexts: ReadonlyMap<string, (text: string) => string> = new Map([
  ...['bool', 'int2', 'int4', 'int8', 'oid', 'text', 'varchar', 'name', 'uuid', 'bytea'].map(
    (name) => [name, asItIs] as const,
  ),
  ...['date', 'timestamp', 'timestamptz', 'time', 'macaddr', 'macaddr8', 'pg_lsn', 'xid8'].map(
    (name) => [name, asItIs] as const,
  ),
  ['numeric', (text) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)],
  ['float4', (text) => (text === '-0' ? '0' : text)],
  ['float8', (text) => (text === '-0' ? '0' : text)],
])

function isObject(type: ColumnType): boolean {
  return type.kind === 'c' || (type.kind === 'b' && type.name === 'hstore')
}

function isMoney(type: ColumnType): boolean {
  return type.schema === 'pg_catalog' && type.name === 'money'
}
