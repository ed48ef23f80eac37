import type { SchemaElement, SchemaTree } from 'hyparquet'
import { parseExact, type JsonObject, type RecordValue } from '../../protocol/index.ts'
import { bigintOfBytes, decimalValue } from '../decimal-value.ts'
import { clockText, dateOfDays, momentText, type TimeUnit } from '../moments.ts'

/** A value as hyparquet gives it, without the conversions that would lose digits. */
type RawValue = unknown
export type ValueReader = (value: RawValue) => RecordValue

export interface ParquetType {
  /** JSON Schema of the column. */
  readonly schema: JsonObject
  readonly read: ValueReader
}

const decoder = new TextDecoder()

/** Reads values that need no change. */
const same: ValueReader = (value) => value as RecordValue
const nullable = (type: string, more: JsonObject = {}): JsonObject => ({
  type: ['null', type],
  ...more,
})
const integer: ParquetType = { schema: nullable('integer'), read: same }
const text: ParquetType = { schema: nullable('string'), read: textOf }
const bytes: ParquetType = {
  schema: nullable('string', { contentEncoding: 'base64' }),
  read: same,
}
const double: ParquetType = { schema: nullable('number', { airbyte_type: 'double' }), read: same }

/** The type of a top-level column: values with parts are JSON. */
export function parquetTypeOf(tree: SchemaTree): ParquetType {
  if (isLeaf(tree)) return leafType(tree.element)
  const isList = isRepeated(tree) || isListLike(tree)
  return { schema: nullable(isList ? 'array' : 'object'), read: nestedReader(tree) }
}

function isLeaf(tree: SchemaTree): boolean {
  return tree.children.length === 0 && !isRepeated(tree)
}

function isRepeated({ element }: SchemaTree): boolean {
  return element.repetition_type === 'REPEATED'
}

function isListLike({ element, children }: SchemaTree): boolean {
  const isList = element.converted_type === 'LIST' || element.logical_type?.type === 'LIST'
  return isList && children.length === 1
}

function isMapLike({ element, children }: SchemaTree): boolean {
  const { converted_type: converted, logical_type: logical } = element
  const isMap = converted === 'MAP' || converted === 'MAP_KEY_VALUE' || logical?.type === 'MAP'
  return isMap && children[0]?.children.length === 2
}

/** The values inside of lists, maps and structs, as hyparquet assembles them. */
function nestedReader(tree: SchemaTree): ValueReader {
  if (tree.element.logical_type?.type === 'VARIANT') return plainJson
  if (isRepeated(tree)) return listReader(elementReader(tree))
  if (isMapLike(tree)) {
    const value = tree.children[0]?.children[1]
    const read = value === undefined ? same : readerOf(value)
    return (map) => mapValues(map, () => read)
  }
  if (isListLike(tree)) {
    const [repeated] = tree.children
    return repeated === undefined ? same : listReader(itemReader(repeated))
  }
  const readers = new Map(tree.children.map((child) => [child.element.name, readerOf(child)]))
  return (struct) => mapValues(struct, (name) => readers.get(name) ?? same)
}

function readerOf(tree: SchemaTree): ValueReader {
  return isLeaf(tree) ? leafType(tree.element).read : nestedReader(tree)
}

/** A repeated field that is a list of its own. */
function elementReader(tree: SchemaTree): ValueReader {
  const { element, children } = tree
  const item = { ...tree, element: { ...element, repetition_type: 'REQUIRED' as const }, children }
  return readerOf(item)
}

/** The group in a list has one child, the element, unless it is the element itself (old writers). */
function itemReader(repeated: SchemaTree): ValueReader {
  const [only, ...others] = repeated.children
  return only !== undefined && others.length === 0 ? readerOf(only) : elementReader(repeated)
}

function listReader(read: ValueReader): ValueReader {
  return (list) =>
    Array.isArray(list) || ArrayBuffer.isView(list)
      ? Array.from(list as ArrayLike<unknown>, (value) => readOrNull(read, value))
      : null
}

function mapValues(value: RawValue, readerOfName: (name: string) => ValueReader): RecordValue {
  if (typeof value !== 'object' || value === null) return null
  const entries = Object.entries(value).map(([name, inner]: [string, unknown]) => [
    name,
    readOrNull(readerOfName(name), inner),
  ])
  return Object.fromEntries(entries) as RecordValue
}

function readOrNull(read: ValueReader, value: RawValue): RecordValue {
  return value === undefined || value === null ? null : read(value)
}

/** A VARIANT has been decoded by hyparquet. */
function plainJson(value: RawValue): RecordValue {
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map((item) => readOrNull(plainJson, item))
  if (value instanceof Uint8Array || typeof value !== 'object') return value as RecordValue
  return mapValues(value, () => plainJson)
}

function leafType(element: SchemaElement): ParquetType {
  const { type, converted_type: converted, logical_type: logical, scale = 0 } = element
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL')
    return {
      schema: nullable('number'),
      read: (value) => decimalOf(value, scaleOf(element, scale)),
    }
  if (converted === 'DATE' || logical?.type === 'DATE')
    return { schema: nullable('string', { format: 'date' }), read: (v) => dateOfDays(Number(v)) }
  return momentType(element) ?? textType(element) ?? plainTypes[type ?? 'BYTE_ARRAY']
}

function scaleOf({ logical_type: logical }: SchemaElement, scale: number): number {
  return logical?.type === 'DECIMAL' ? logical.scale : scale
}

function decimalOf(value: RawValue, scale: number): RecordValue {
  if (value instanceof Uint8Array) return decimalValue(bigintOfBytes(value), scale)
  return decimalValue(BigInt(value as number | bigint), scale)
}

const unitsOfLogical = { MILLIS: 1_000, MICROS: 1_000_000, NANOS: 1_000_000_000 } as const

function momentType(element: SchemaElement): ParquetType | undefined {
  const { type, converted_type: converted, logical_type: logical } = element
  if (logical?.type === 'TIMESTAMP')
    return timestampType(unitsOfLogical[logical.unit], logical.isAdjustedToUTC)
  if (converted === 'TIMESTAMP_MILLIS') return timestampType(1_000, true)
  if (converted === 'TIMESTAMP_MICROS') return timestampType(1_000_000, true)
  // Nanoseconds in UTC, as Spark and Impala write them.
  if (type === 'INT96') return timestampType(1_000_000_000, true)
  if (logical?.type === 'TIME') return timeType(unitsOfLogical[logical.unit])
  if (converted === 'TIME_MILLIS') return timeType(1_000)
  return converted === 'TIME_MICROS' ? timeType(1_000_000) : undefined
}

function timestampType(unit: TimeUnit, isUtc: boolean): ParquetType {
  const zone = isUtc ? 'timestamp_with_timezone' : 'timestamp_without_timezone'
  return {
    schema: nullable('string', { format: 'date-time', airbyte_type: zone }),
    read: (value) => momentText(BigInt(value as bigint | number), unit, isUtc ? 'Z' : ''),
  }
}

function timeType(unit: TimeUnit): ParquetType {
  return {
    schema: nullable('string', { format: 'time', airbyte_type: 'time_without_timezone' }),
    read: (value) => clockText(BigInt(value as bigint | number), unit),
  }
}

function textType({ type, converted_type: converted, logical_type: logical }: SchemaElement) {
  const known = textTypes[converted ?? ''] ?? textTypes[logical?.type ?? '']
  if (known !== undefined) return known
  const isUnsigned = logical?.type === 'INTEGER' && !logical.isSigned && logical.bitWidth === 64
  if (isUnsigned) return textTypes.UINT_64
  return type === undefined ? bytes : undefined
}

/** By the converted or the logical type. */
const textTypes: Readonly<Record<string, ParquetType>> = {
  UTF8: text,
  STRING: text,
  ENUM: text,
  JSON: { schema: nullable('object'), read: jsonOf },
  UUID: { schema: nullable('string'), read: uuidOf },
  FLOAT16: double,
  // The upper half of them is no BIGINT.
  UINT_64: { schema: nullable('number'), read: same },
}

const plainTypes: Readonly<Record<NonNullable<SchemaElement['type']>, ParquetType>> = {
  BOOLEAN: { schema: nullable('boolean'), read: same },
  INT32: integer,
  INT64: integer,
  INT96: integer,
  FLOAT: double,
  DOUBLE: double,
  BYTE_ARRAY: bytes,
  FIXED_LEN_BYTE_ARRAY: bytes,
}

function textOf(value: RawValue): RecordValue {
  return value instanceof Uint8Array ? decoder.decode(value) : (value as RecordValue)
}

function jsonOf(value: RawValue): RecordValue {
  const json = textOf(value)
  if (typeof json !== 'string') return json
  try {
    return parseExact(json)
  } catch (error) {
    // It is stored as the text that it is.
    if (error instanceof SyntaxError) return json
    throw error
  }
}

function uuidOf(value: RawValue): RecordValue {
  if (!(value instanceof Uint8Array)) return value as RecordValue
  const hex = Buffer.from(value).toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
