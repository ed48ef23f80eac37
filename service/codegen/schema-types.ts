import { isJsonList, isJsonObject, type JsonObject, type JsonValue } from '../../protocol/index.ts'
import { arrayType, objectType } from './container-types.ts'
import { byName } from './by-name.ts'
import { stringLiteral } from './source-text.ts'
import {
  intersectionOf,
  neverType,
  nullType,
  textNode,
  unionOf,
  unknownType,
  type SchemaRole,
  type TypeNode,
} from './type-node.ts'

/** The context that a schema is read in. */
export interface SchemaContext {
  /** The type that a `$ref` names; undefined if it leads nowhere. */
  readonly reference: (ref: string) => TypeNode | undefined
  /** exact: all digits of records are kept. plain: numbers are doubles. */
  readonly numbers: 'exact' | 'plain'
  readonly role: SchemaRole
  readonly depth: number
}

/** A deeper schema is a mistake or an attack: its values are `unknown`. */
const maxDepth = 40

/**
 * The values that a JSON Schema (draft 4 to 2020-12) allows; what TypeScript cannot say (a pattern, a length)
 * is left out.
 */
export function schemaType(schema: JsonValue | undefined, context: SchemaContext): TypeNode {
  if (schema === false) return neverType
  if (!isJsonObject(schema) || context.depth > maxDepth) return unknownType
  const inner = { ...context, depth: context.depth + 1 }
  const parts: TypeNode[] = []
  if (typeof schema.$ref === 'string') parts.push(context.reference(schema.$ref) ?? unknownType)
  parts.push(baseType(schema, inner))
  for (const options of [schema.oneOf, schema.anyOf])
    if (isJsonList(options) && options.length > 0)
      parts.push(unionOf(options.map((option) => schemaType(option, inner))))
  if (isJsonList(schema.allOf)) parts.push(...schema.allOf.map((part) => schemaType(part, inner)))
  const type = intersectionOf(parts)
  return schema.nullable === true ? unionOf([type, nullType]) : type
}

/** The type that the schema itself states, without the schemas that it combines. */
function baseType(schema: JsonObject, context: SchemaContext): TypeNode {
  const types = typesOf(schema)
  const values = schema.const === undefined ? schema.enum : [schema.const]
  if (isJsonList(values) && values.length > 0) {
    // Sources write `type: [string, null]` and leave null out of the list.
    const literals = values.map((value) => literalType(value, context))
    return unionOf(types.includes('null') ? [...literals, nullType] : literals)
  }
  if (types.length === 0) return unknownType
  return unionOf(types.map((type) => typeNamed(type, schema, context)))
}

/** A schema that says nothing of its type but has properties means an object. */
function typesOf(schema: JsonObject): readonly JsonValue[] {
  if (isJsonList(schema.type)) return schema.type
  if (schema.type !== undefined) return [schema.type]
  if (isJsonObject(schema.properties) || isJsonObject(schema.additionalProperties))
    return ['object']
  return schema.items === undefined && schema.prefixItems === undefined ? [] : ['array']
}

function typeNamed(type: JsonValue, schema: JsonObject, context: SchemaContext): TypeNode {
  const make = typeof type === 'string' && Object.hasOwn(makers, type) ? makers[type] : undefined
  return make?.(schema, context) ?? unknownType
}

const makers: Readonly<Record<string, (schema: JsonObject, context: SchemaContext) => TypeNode>> = {
  null: () => nullType,
  boolean: () => textNode('boolean'),
  string: (schema) => textNode(stringType(schema)),
  integer: (schema, { numbers }) => textNode(numbers === 'plain' ? 'number' : integerType(schema)),
  number: (schema, { numbers }) => textNode(numbers === 'plain' ? 'number' : numberType(schema)),
  object: (schema, context) => objectType(schema, context, (inner) => schemaType(inner, context)),
  array: (schema, context) => arrayType(schema, context, (inner) => schemaType(inner, context)),
}

function stringType({ format, airbyte_type: airbyteType, contentEncoding }: JsonObject): string {
  if (format === 'date-time')
    return airbyteType === 'timestamp_without_timezone' ? 'IsoLocalDateTime' : 'IsoDateTime'
  if (format === 'date') return 'IsoDate'
  if (format === 'time') return 'IsoTime'
  return contentEncoding === 'base64' ? 'Base64' : 'string'
}

function integerType({ minimum, maximum, format }: JsonObject): string {
  const isBounded = isSafe(minimum) && isSafe(maximum)
  return isBounded || format === 'int32' ? 'number' : 'Integer'
}

function numberType(schema: JsonObject): string {
  const { airbyte_type: airbyteType, format } = schema
  if (airbyteType === 'integer') return integerType(schema)
  const isDouble = airbyteType === 'double' || format === 'double' || format === 'float'
  return isDouble ? 'number' : 'Decimal'
}

function isSafe(bound: JsonValue | undefined): boolean {
  return typeof bound === 'number' && Math.abs(bound) <= Number.MAX_SAFE_INTEGER
}

function literalType(value: JsonValue, context: SchemaContext): TypeNode {
  if (context.depth > maxDepth) return unknownType
  if (typeof value === 'string') return textNode(stringLiteral(value))
  // An integer beyond 2^53 that was read from JSON may have been rounded.
  if (typeof value === 'number')
    return textNode(
      Number.isInteger(value) && !Number.isSafeInteger(value) ? 'Integer' : String(value),
    )
  if (typeof value === 'boolean') return textNode(String(value))
  const inner = { ...context, depth: context.depth + 1 }
  if (isJsonList(value)) {
    const items = value.map((item) => literalType(item, inner))
    return { kind: 'tuple', items, required: items.length, rest: undefined }
  }
  if (value === null) return nullType
  const properties = Object.entries(value)
    .toSorted(byName)
    .map(([name, property]) => ({
      name,
      type: literalType(property, inner),
      isRequired: true,
      doc: '',
    }))
  return { kind: 'object', properties, others: undefined }
}
