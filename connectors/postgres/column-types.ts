import {
  isJsonList,
  parsePostgresType,
  postgresTypeMark,
  type Column,
  type JsonObject,
  type PostgresType,
} from '../../protocol/index.ts'
import { quoteIdentifier, quoteLiteral, quoteQualified } from '../../postgres/quote.ts'
import { operatorIn } from '../../postgres/search-path.ts'

/** The type of an array's elements, or of a field of a composite. */
export interface InnerType {
  readonly schema: string
  readonly name: string
  /** pg_type.typtype: b base, c composite, d domain, e enum, r range, m multirange, p pseudo. */
  readonly kind: string
  readonly isArray: boolean
  /** The labels of an enum. */
  readonly labels?: readonly string[] | null
}

/** The type that a column is made of: its own, or that of its elements in an array. */
export interface UnitType {
  readonly schema: string
  readonly name: string
  readonly kind: string
  /** As `format_type` writes it, and the part of that which is the modifier: `(3)`. */
  readonly formatted: string
  readonly modifier: string
  /** The labels of an enum in an array. */
  readonly labels?: readonly string[] | null
  readonly extension?: string | null
}

/** The type of a column after its domains were resolved. */
export interface ColumnType extends InnerType {
  /** Undefined for a column that the table no longer has. */
  readonly unit?: UnitType
  /** The element type of an array that is not declared with several dimensions. */
  readonly element?: InnerType | null
  /** The fields of a composite. */
  readonly fields?: readonly { readonly name: string; readonly type: InnerType }[] | null
  /** As the database prints it, with length, precision, and a collation that is not the type's own. */
  readonly declared: string
  readonly isDeterministic: boolean
  readonly isOrderable: boolean
  /** The schema of the operators that compare its values, in the order that an index has. */
  readonly operators: string
}

const nullable = (type: string, more: JsonObject = {}): JsonObject => ({
  type: ['null', type],
  ...more,
})
const integer = nullable('integer')
const boundedInteger = (bits: number): JsonObject =>
  nullable('integer', { minimum: -(2 ** (bits - 1)), maximum: 2 ** (bits - 1) - 1 })
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
  ['int2', boundedInteger(16)],
  ['int4', boundedInteger(32)],
  ['int8', integer],
  ['oid', nullable('integer', { minimum: 0, maximum: 2 ** 32 - 1 })],
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

/** The JSON Schema of a column, with everything that the database knows about its values, and its type. */
export function jsonSchemaOf(column: { type: ColumnType; notNull: boolean }): JsonObject {
  const mark = postgresTypeOfColumn(column.type)
  const schema = plainJsonSchemaOf(column)
  return mark === undefined ? schema : { ...schema, [postgresTypeMark]: { ...mark } }
}

/**
 * The type of the column, if another server has it too: not composites, types that a user made (but enums),
 * and types whose text names objects of this database (`regclass`).
 */
export function postgresTypeOfColumn(type: ColumnType): PostgresType | undefined {
  const { unit, isArray } = type
  // The text of money in an array is that of the server's lc_monetary; vectors of the catalog are not arrays
  // of SQL.
  if (unit === undefined || (isArray && (isMoney(unit) || isVector(type)))) return undefined
  const array = isArray ? { array: true } : {}
  const { name, formatted, modifier, extension } = unit
  if (unit.kind === 'e') {
    const labels = isArray ? unit.labels : type.labels
    return parsePostgresType({ name, labels, ...array })
  }
  if (typeof extension === 'string') {
    return parsePostgresType({ name, extension, ...(modifier !== '' && { modifier }), ...array })
  }
  return unit.schema === 'pg_catalog' ? parsePostgresType({ name: formatted, ...array }) : undefined
}

function plainJsonSchemaOf({ type, notNull }: { type: ColumnType; notNull: boolean }): JsonObject {
  const schema = nullableSchemaOf(type)
  // A value of `jsonb` may be JSON's null, which is not NULL.
  if (!notNull || schema === anyJson) return schema
  const { type: types, enum: values, ...more } = schema
  const real = isJsonList(types) ? types.filter((name) => name !== 'null') : [types ?? null]
  return {
    type: real.length === 1 && real[0] !== undefined ? real[0] : real,
    ...(isJsonList(values) && { enum: values.filter((value) => value !== null) }),
    ...more,
  }
}

function nullableSchemaOf(type: ColumnType): JsonObject {
  const { element, fields } = type
  if (type.isArray) return arraySchemaOf(type, element ? { items: innerSchemaOf(element) } : {})
  if (fields) {
    const properties = fields.map((field) => [field.name, innerSchemaOf(field.type)] as const)
    const required = fields.map(({ name }) => name)
    return nullable('object', { properties: Object.fromEntries(properties), required })
  }
  if (isObjectType(type)) return nullable('object', { additionalProperties: string })
  return plainSchemaOf(type)
}

/** An array whose bounds do not begin at 1 is its text (`arrayExpression`). */
function arraySchemaOf(type: ColumnType, items: JsonObject): JsonObject {
  return isVector(type) ? nullable('array', items) : { type: ['null', 'array', 'string'], ...items }
}

/**
 * The schema of a value inside JSON that `to_json` makes: NaN and infinities are strings there; bytes and
 * money are their text there. The base type of a domain is not looked up.
 */
function innerSchemaOf(type: InnerType): JsonObject {
  if (type.kind === 'd') return {}
  if (type.isArray) return nullable('array')
  if (isObjectType(type)) return nullable('object')
  if (isMoney(type) || isBytes(type)) return string
  const schema = plainSchemaOf(type)
  const isNumber = isJsonList(schema.type) && schema.type.includes('number') && schema !== anyJson
  return isNumber ? { ...schema, type: ['null', 'number', 'string'] } : schema
}

function plainSchemaOf({ schema, name, labels }: InnerType): JsonObject {
  if (labels) return nullable('string', { enum: [...labels, null] })
  return (schema === 'pg_catalog' ? schemas.get(name) : undefined) ?? string
}

/**
 * The expression that is selected for a column, so that its COPY text has the configured kind. Arrays,
 * composites and hstore become JSON by `to_json`: numbers keep their digits, NaN and infinities (of dates
 * too) become strings. Money becomes its exact amount, for any lc_monetary. A column that is configured as
 * its own text is selected as it is.
 */
export function selectExpression(name: string, type: ColumnType, configured: Column): string {
  const column = quoteIdentifier(name)
  if (isMoney(type)) return `${column}::pg_catalog.numeric::pg_catalog.text`
  if (isOwnText(configured)) return column
  if (type.isArray) return arrayExpression(column, type)
  const isJson = type.schema === 'pg_catalog' && (type.name === 'json' || type.name === 'jsonb')
  // The configuration may still call JSON what has become a plain type.
  const toJson = hasOwnText(type) ? configured.kind === 'json' && !isJson : true
  return toJson ? `pg_catalog.to_json(${column})` : column
}

/** The values arrive as PostgreSQL's own text, whatever JSON could be made of them. */
export function isOwnText({ kind, postgres_type }: Column): boolean {
  return kind === 'string' && postgres_type !== undefined
}

/**
 * JSON has no array bounds: an array whose bounds do not all begin at 1 is a different value, and becomes its
 * text.
 */
function arrayExpression(column: string, type: ColumnType): string {
  // Vectors of the catalog begin at 0, always.
  if (isVector(type)) return `pg_catalog.to_json(${column})`
  const isOfMoney = type.schema === 'pg_catalog' && type.name === '_money'
  const array = isOfMoney ? `${column}::pg_catalog.numeric[]::pg_catalog.text[]` : column
  const otherBounds = `pg_catalog.strpos(pg_catalog.replace(pg_catalog.array_dims(${column}), '[1:', ''), '[') OPERATOR(pg_catalog.>) 0`
  return `CASE WHEN ${otherBounds} THEN pg_catalog.to_json((${array})::pg_catalog.text) ELSE pg_catalog.to_json(${array}) END`
}

/** True if COPY writes the type's own text, which the database reads back as the same value. */
export function hasOwnText(type: ColumnType): boolean {
  return !type.isArray && !isObjectType(type) && !isMoney(type)
}

/** True if the column can order an incremental read or a key. */
export function isCursorType(type: ColumnType): boolean {
  return type.isOrderable && hasOwnText(type)
}

/**
 * A value from its text, as SQL: compared as the column's own type. The internal name carries no length, so
 * nothing is cut.
 */
export function typedLiteral(text: string, type: ColumnType): string {
  return `${quoteLiteral(text)}::${quoteQualified(type.schema, type.name)}`
}

/**
 * `operator` of the type, for any search path: in another schema another user may have defined an operator
 * that fits as well.
 */
export function operatorOf({ operators }: ColumnType, operator: string): string {
  return operatorIn(quoteIdentifier(operators), operator)
}

/**
 * How equal values of a type are recognised by their text: a function that returns equal texts for equal
 * values, or undefined if only the database can decide (citext, interval, char(n), collations that ignore
 * case).
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

/**
 * True if no ordinary value is greater: NaN, positive infinity, the greatest integer. `text` is as COPY
 * writes it. Always false for types whose last value is an ordinary one, such as bool and enums.
 */
export function isGreatest(text: string, type: ColumnType): boolean {
  return type.schema === 'pg_catalog' && (greatest.get(type.name)?.includes(text) ?? false)
}

const notFinite = ['Infinity', 'NaN']
const greatest: ReadonlyMap<string, readonly string[]> = new Map([
  ['int2', ['32767']],
  ['int4', ['2147483647']],
  ['int8', ['9223372036854775807']],
  ['oid', ['4294967295']],
  ['numeric', notFinite],
  ['float4', notFinite],
  ['float8', notFinite],
  ['date', ['infinity']],
  ['timestamp', ['infinity']],
  ['timestamptz', ['infinity']],
  ['interval', ['infinity']],
])

function isBytes(type: InnerType): boolean {
  return type.schema === 'pg_catalog' && type.name === 'bytea'
}

function isObjectType(type: InnerType): boolean {
  return type.kind === 'c' || (type.kind === 'b' && type.name === 'hstore')
}

function isVector(type: InnerType): boolean {
  return type.schema === 'pg_catalog' && type.name.endsWith('vector')
}

function isMoney(type: Pick<InnerType, 'schema' | 'name'>): boolean {
  return type.schema === 'pg_catalog' && type.name === 'money'
}
