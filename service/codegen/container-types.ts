import { isJsonList, isJsonObject, type JsonObject, type JsonValue } from '../../protocol/index.ts'
import { byName } from './by-name.ts'
import {
  anyObject,
  isText,
  neverType,
  textNode,
  unionOf,
  unknownType,
  type PropertyNode,
  type SchemaRole,
  type TypeNode,
} from './type-node.ts'

/** The type of a schema inside of this one. */
type Convert = (schema: JsonValue | undefined) => TypeNode

/** A longer tuple becomes an array of anything. */
const maxTupleLength = 100

/** Properties are sorted by name: sources and caches give them in any order. */
export function objectType(
  schema: JsonObject,
  { role }: { readonly role: SchemaRole },
  convert: Convert,
): TypeNode {
  const required = new Set(isJsonList(schema.required) ? schema.required : [])
  const declared = isJsonObject(schema.properties) ? Object.entries(schema.properties) : []
  const properties = declared.toSorted(byName).map(([name, property]) => ({
    name,
    type: convert(property),
    isRequired: required.has(name),
    doc: docOf(property),
  }))
  const others = otherProperties(schema, convert)
  if (properties.length === 0)
    return others === undefined ? anyObject : { kind: 'object', properties, others }
  if (others === undefined || isText(others, 'never'))
    return { kind: 'object', properties, others: undefined }
  // The type of a record or an input accepts other properties without them, and finds a misspelt one. An
  // output is only read.
  if (isText(others, 'unknown'))
    return { kind: 'object', properties, others: role === 'output' ? unknownType : undefined }
  return { kind: 'object', properties, others: withOwn(others, properties) }
}

/**
 * The type of properties that `properties` does not name; undefined if the schema says nothing about them.
 */
function otherProperties(schema: JsonObject, convert: Convert): TypeNode | undefined {
  const { additionalProperties: additional, patternProperties: patterns } = schema
  const byPattern = isJsonObject(patterns) ? Object.entries(patterns).toSorted(byName) : []
  if (byPattern.length === 0) return additional === undefined ? undefined : convert(additional)
  return unionOf([...byPattern.map(([, pattern]) => convert(pattern)), convert(additional)])
}

/** TypeScript's index signature applies to all properties, including named ones. */
function withOwn(others: TypeNode, properties: readonly PropertyNode[]): TypeNode {
  const own = properties.map(({ type }) => type)
  const isPartial = properties.some(({ isRequired }) => !isRequired)
  return unionOf([others, ...own, ...(isPartial ? [textNode('undefined')] : [])])
}

export function docOf(schema: JsonValue): string {
  if (!isJsonObject(schema)) return ''
  const { description, format } = schema
  const lines = [
    typeof description === 'string' ? description.slice(0, 2000) : '',
    typeof format === 'string' && !saidByType.has(format) ? `Format: ${format.slice(0, 100)}.` : '',
  ]
  return lines.filter((line) => line !== '').join('\n')
}

const saidByType = new Set(['date-time', 'date', 'time', 'int32', 'double', 'float'])

export function arrayType(
  schema: JsonObject,
  { role }: { readonly role: SchemaRole },
  convert: Convert,
): TypeNode {
  const { prefixItems, items } = schema
  if (isJsonList(prefixItems))
    return tupleType({ schema, items: prefixItems, rest: items }, convert)
  if (isJsonList(items)) return tupleType({ schema, items, rest: schema.additionalItems }, convert)
  const item = items === undefined ? unknownType : convert(items)
  // An output belongs to its caller, and `Array.isArray` cannot distinguish an object from a readonly array.
  return { kind: 'array', item, isReadonly: role !== 'output' }
}

interface TupleSchema {
  readonly schema: JsonObject
  readonly items: readonly JsonValue[]
  readonly rest: JsonValue | undefined
}

function tupleType({ schema, items, rest }: TupleSchema, convert: Convert): TypeNode {
  if (items.length > maxTupleLength) return { kind: 'array', item: unknownType, isReadonly: true }
  const most = countOf(schema.maxItems) ?? Number.POSITIVE_INFINITY
  const itemTypes = items.slice(0, most).map(convert)
  const restType = rest === false || most <= items.length ? neverType : convert(rest)
  return {
    kind: 'tuple',
    items: itemTypes,
    required: Math.min(countOf(schema.minItems) ?? 0, itemTypes.length),
    rest: isText(restType, 'never') ? undefined : restType,
  }
}

function countOf(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' && value >= 0 ? Math.floor(value) : undefined
}
