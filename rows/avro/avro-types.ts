import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type RecordValue,
} from '../../protocol/index.ts'
import { bigintOfBytes, decimalValue } from '../decimal-value.ts'
import { MalformedRows } from '../malformed-rows.ts'
import { clockText, dateOfDays, momentText, type TimeUnit } from '../moments.ts'
import type { AvroCursor } from './avro-cursor.ts'

export type AvroReader = (cursor: AvroCursor) => RecordValue

export interface AvroType {
  /** JSON Schema of the value. */
  readonly schema: JsonObject
  readonly read: AvroReader
}

export interface AvroRecord {
  readonly fields: readonly { readonly name: string; readonly type: AvroType }[]
}

/** The record that a file consists of. Throws `MalformedRows` if the schema is none. */
export function avroRecordOf(schema: JsonValue): AvroRecord {
  const names: Names = new Map()
  const { type, fields } = isJsonObject(schema) ? schema : {}
  if (!isJsonObject(schema) || type !== 'record' || !isJsonList(fields))
    throw new MalformedRows('has a schema that is no record')
  const scope = { names, namespace: namespaceOf(schema, '') }
  // Its own type may be a part of it.
  typeOf(schema, { names, namespace: '' })
  return { fields: fieldsOf(fields, scope) }
}

/** Named types are known from their definition on, also inside of themselves. */
type Names = Map<string, AvroType>
interface Scope {
  readonly names: Names
  readonly namespace: string
}

const nullable = (type: string, more: JsonObject = {}): JsonObject => ({
  type: ['null', type],
  ...more,
})
const noneAtAll: AvroType = { schema: { type: 'null' }, read: () => null }

const primitives: Readonly<Record<string, AvroType>> = {
  null: noneAtAll,
  boolean: { schema: nullable('boolean'), read: (cursor) => cursor.boolean() },
  int: { schema: nullable('integer'), read: (cursor) => cursor.long() },
  long: { schema: nullable('integer'), read: (cursor) => cursor.long() },
  float: { schema: nullable('number', { airbyte_type: 'double' }), read: (c) => c.float() },
  double: { schema: nullable('number', { airbyte_type: 'double' }), read: (c) => c.double() },
  bytes: {
    schema: nullable('string', { contentEncoding: 'base64' }),
    read: (cursor) => cursor.bytes(cursor.size()),
  },
  string: { schema: nullable('string'), read: (cursor) => cursor.text() },
}

function typeOf(schema: JsonValue, scope: Scope): AvroType {
  if (typeof schema === 'string') return primitives[schema] ?? namedType(schema, scope)
  if (isJsonList(schema)) return unionType(schema, scope)
  if (!isJsonObject(schema)) throw new MalformedRows('has a schema that is not valid')
  const logical = logicalType(schema)
  if (logical !== undefined) return logical
  return complexType(schema, scope)
}

function namedType(name: string, { names, namespace }: Scope): AvroType {
  const type = names.get(name) ?? names.get(`${namespace}.${name}`)
  if (type === undefined) throw new MalformedRows(`has a schema with an unknown type ${name}`)
  // Looked up again at each value: the type may be one that is still being defined.
  return { schema: type.schema, read: (cursor) => type.read(cursor) }
}

function complexType(schema: JsonObject, scope: Scope): AvroType {
  const { type = null, items = null, values = null, symbols, size } = schema
  if (typeof type !== 'string') return typeOf(type, scope)
  switch (type) {
    case 'record':
    case 'error':
      return recordType(schema, scope)
    case 'array': {
      const item = typeOf(items, scope).read
      return { schema: nullable('array'), read: (cursor) => readArray(cursor, item) }
    }
    case 'map': {
      const value = typeOf(values, scope).read
      return { schema: nullable('object'), read: (cursor) => readMap(cursor, value) }
    }
    case 'enum': {
      const texts = isJsonList(symbols) ? symbols.map(String) : []
      const read: AvroReader = (cursor) => texts[cursor.size()] ?? null
      return define(schema, { schema: nullable('string'), read }, scope)
    }
    case 'fixed':
      return define(schema, fixedType(schema, Number(size)), scope)
    default:
      return typeOf(type, scope)
  }
}

function define(schema: JsonObject, type: AvroType, { names, namespace }: Scope): AvroType {
  names.set(fullName(schema, namespace), type)
  return type
}

function namespaceOf({ name, namespace }: JsonObject, outer: string): string {
  if (typeof name === 'string' && name.includes('.')) return name.slice(0, name.lastIndexOf('.'))
  return typeof namespace === 'string' ? namespace : outer
}

function fullName(schema: JsonObject, outer: string): string {
  const name = typeof schema.name === 'string' ? schema.name : ''
  const namespace = namespaceOf(schema, outer)
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
}

function recordType(schema: JsonObject, scope: Scope): AvroType {
  const fields: AvroRecord['fields'][number][] = []
  const type = {
    schema: nullable('object'),
    read: (cursor: AvroCursor) => readRecord(cursor, fields),
  }
  define(schema, type, scope)
  const inner = { ...scope, namespace: namespaceOf(schema, scope.namespace) }
  if (isJsonList(schema.fields)) fields.push(...fieldsOf(schema.fields, inner))
  return type
}

function fieldsOf(fields: readonly JsonValue[], scope: Scope): AvroRecord['fields'][number][] {
  return fields.map((field) => {
    if (!isJsonObject(field) || typeof field.name !== 'string' || field.type === undefined)
      throw new MalformedRows('has a schema with a field that is not valid')
    return { name: field.name, type: typeOf(field.type, scope) }
  })
}

function unionType(branches: readonly JsonValue[], scope: Scope): AvroType {
  const types = branches.map((branch) => typeOf(branch, scope))
  const readers = types.map(({ read }) => read)
  const [only, ...others] = types.filter((type) => type !== noneAtAll)
  const read: AvroReader = (cursor) => {
    const branch = readers[cursor.size()]
    if (branch === undefined) throw new MalformedRows('has a value of a branch that is not there')
    return branch(cursor)
  }
  const isOne = only !== undefined && others.length === 0
  return { schema: isOne ? only.schema : {}, read }
}

function readRecord(cursor: AvroCursor, fields: AvroRecord['fields']): RecordValue {
  cursor.enter()
  const entries: [string, RecordValue][] = []
  // No functions in between: they would need a deep stack.
  for (const { name, type } of fields) entries.push([name, type.read(cursor)])
  cursor.leave()
  return Object.fromEntries(entries)
}

function readArray(cursor: AvroCursor, item: AvroReader): RecordValue {
  const list: RecordValue[] = []
  for (let count = blockCount(cursor); count > 0; count = blockCount(cursor)) {
    cursor.requirePlausible(list.length + count)
    for (let index = 0; index < count; index++) list.push(item(cursor))
  }
  return list
}

function readMap(cursor: AvroCursor, value: AvroReader): RecordValue {
  const entries: [string, RecordValue][] = []
  for (let count = blockCount(cursor); count > 0; count = blockCount(cursor))
    for (let index = 0; index < count; index++) entries.push([cursor.text(), value(cursor)])
  return Object.fromEntries(entries)
}

/** A negative count is followed by the size of the block. */
function blockCount(cursor: AvroCursor): number {
  const count = Number(cursor.long())
  if (count < 0) cursor.long()
  return Math.abs(count)
}

function fixedType({ logicalType: logical, scale }: JsonObject, size: number): AvroType {
  if (logical === 'decimal')
    return {
      schema: nullable('number'),
      read: (cursor) => decimalValue(bigintOfBytes(cursor.bytes(size)), Number(scale ?? 0)),
    }
  return {
    schema: nullable('string', { contentEncoding: 'base64' }),
    read: (cursor) => cursor.bytes(size),
  }
}

const timestampUnits: Readonly<Record<string, readonly [TimeUnit, 'Z' | '']>> = {
  'timestamp-millis': [1_000, 'Z'],
  'timestamp-micros': [1_000_000, 'Z'],
  'timestamp-nanos': [1_000_000_000, 'Z'],
  'local-timestamp-millis': [1_000, ''],
  'local-timestamp-micros': [1_000_000, ''],
  'local-timestamp-nanos': [1_000_000_000, ''],
}
const timeUnits: Readonly<Record<string, TimeUnit>> = {
  'time-millis': 1_000,
  'time-micros': 1_000_000,
}

/** A logical type that is unknown, or stands at another type than it should, is none. */
function logicalType({ type, logicalType: logical, scale }: JsonObject): AvroType | undefined {
  if (typeof logical !== 'string') return undefined
  if (type === 'bytes' && logical === 'decimal')
    return {
      schema: nullable('number'),
      read: (c) => decimalValue(bigintOfBytes(c.bytes(c.size())), Number(scale ?? 0)),
    }
  if (type === 'int' && logical === 'date')
    return {
      schema: nullable('string', { format: 'date' }),
      read: (cursor) => dateOfDays(Number(cursor.long())),
    }
  const timestamp = type === 'long' ? timestampUnits[logical] : undefined
  if (timestamp !== undefined) return timestampType(...timestamp)
  const isTime = type === (logical === 'time-millis' ? 'int' : 'long')
  const unit = isTime ? timeUnits[logical] : undefined
  if (unit === undefined) return undefined
  return {
    schema: nullable('string', { format: 'time', airbyte_type: 'time_without_timezone' }),
    read: (cursor) => clockText(BigInt(cursor.long()), unit),
  }
}

function timestampType(unit: TimeUnit, zone: 'Z' | ''): AvroType {
  const airbyteType = zone === 'Z' ? 'timestamp_with_timezone' : 'timestamp_without_timezone'
  return {
    schema: nullable('string', { format: 'date-time', airbyte_type: airbyteType }),
    read: (cursor) => momentText(BigInt(cursor.long()), unit, zone),
  }
}
