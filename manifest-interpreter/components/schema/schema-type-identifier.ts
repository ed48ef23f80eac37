import { field, list, optionalText, parametersOf } from '../../definition.ts'
import { get, isPlainDict } from '../../value/dict.ts'
import { equals } from '../../value/equality.ts'
import { PythonError } from '../../value/python-error.ts'
import { truth } from '../../value/truth.ts'
import { typeName } from '../../value/type-name.ts'
import { compileGlob, find } from '../transformations/dpath.ts'
import type { Builder } from '../../component.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/** SchemaTypeIdentifier: how the properties of a schema are read from a record that describes them. */
export interface SchemaTypeIdentifier {
  /** The descriptions of the properties in a record. */
  descriptions(record: Dict): Iterable<Value>
  name(description: Value): string
  schema(description: Value): PlainDict
}

export function schemaTypeIdentifier(
  definition: PlainDict,
  builder: Builder,
): SchemaTypeIdentifier {
  const parameters = parametersOf(definition)
  const pointer = (name: string) => compilePointer(list(definition, name), { builder, parameters })
  const schemaAt = pointer('schema_pointer')
  const nameAt = pointer('key_pointer')
  const typeAt = list(definition, 'type_pointer').length > 0 ? pointer('type_pointer') : undefined
  const mapType = compileTypesMap(list(definition, 'types_mapping'), builder)
  return {
    descriptions: (record) => iterate(schemaAt(record) ?? null),
    name(description) {
      const name = nameAt(description) ?? null
      if (typeof name === 'string') return name
      throw new PythonError(
        'ValueError',
        `Expected the name of a property to be text, not ${typeName(name)}. Check key_pointer.`,
      )
    },
    schema(description) {
      const type = typeAt === undefined ? 'string' : (typeAt(description) ?? 'string')
      return mapType(type, description)
    },
  }
}

type Pointer = (value: Value) => Value | undefined

function compilePointer(
  segments: readonly Value[],
  { builder, parameters }: { readonly builder: Builder; readonly parameters: Dict },
): Pointer {
  const compiled = segments.map((segment) => builder.templates.string(segment, { parameters }))
  return (value) =>
    find(value, compileGlob(compiled.map((evaluate) => evaluate({ config: builder.config }))))
}

/**
 * Compiles the schema for a type: that of the first entry whose type and condition match, or of the type
 * itself if no entry matches.
 */
function compileTypesMap(
  definitions: readonly Value[],
  builder: Builder,
): (type: Value, description: Value) => PlainDict {
  const typesMap = definitions.filter(isPlainDict).map((definition) => {
    const target = field(definition, 'target_type') ?? null
    requireItemsOfArraysOnly(target)
    return {
      current: field(definition, 'current_type') ?? null,
      target,
      condition: builder.templates.boolean(optionalText(definition, 'condition') ?? 'True', {}),
    }
  })
  return (type, description) => {
    for (const { current, target, condition } of typesMap) {
      const applies = condition({ config: builder.config, raw_schema: description })
      if (applies && equals(type, current))
        return isPlainDict(target) ? complexSchema(target) : schemaOf(target)
    }
    return schemaOf(type)
  }
}

function requireItemsOfArraysOnly(target: Value): void {
  if (!isPlainDict(target)) return
  const items = field(target, 'items') ?? null
  if (truth(items) && get(target, 'field_type') !== 'array')
    throw new PythonError('ValueError', "'items' can only be used when 'field_type' is an array.")
  requireItemsOfArraysOnly(items)
}

/**
 * A ComplexFieldType can only come from the manifest: a response that gives such an object as a type is
 * refused.
 */
function schemaOf(type: Value): PlainDict {
  if (typeof type === 'string') return schemaOfType(type)
  if (Array.isArray(type) && type.length === 2 && type.every((item) => typeof item === 'string'))
    return { oneOf: type.map(schemaOfType) }
  throw new PythonError(
    'ValueError',
    `Invalid data type. Available string or two items list of string. Got ${typeName(type)}.`,
  )
}

function complexSchema(type: PlainDict): PlainDict {
  const schema = schemaOfType(field(type, 'field_type') ?? null)
  const items = field(type, 'items') ?? null
  if (!truth(items)) return schema
  return { ...schema, items: isPlainDict(items) ? complexSchema(items) : schemaOfType(items) }
}

/** Iteration as Python has it: the keys of a dict, the characters of a text. */
function iterate(value: Value): Iterable<Value> {
  if (Array.isArray(value) || typeof value === 'string') return value
  if (value instanceof Map) return value.keys()
  if (isPlainDict(value)) return Object.keys(value)
  throw new PythonError(
    'TypeError',
    `Expected a list of properties, got ${typeName(value)}. Check schema_pointer.`,
  )
}

/** The JSON schemas of the types that a DynamicSchemaLoader may name. */
const types: Readonly<
  Record<
    string,
    { readonly type: string; readonly format?: string; readonly airbyte_type?: string }
  >
> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  date: { type: 'string', format: 'date' },
  timestamp_without_timezone: {
    type: 'string',
    format: 'date-time',
    airbyte_type: 'timestamp_without_timezone',
  },
  timestamp_with_timezone: { type: 'string', format: 'date-time' },
  time_without_timezone: { type: 'string', format: 'time', airbyte_type: 'time_without_timezone' },
  time_with_timezone: { type: 'string', format: 'time', airbyte_type: 'time_with_timezone' },
  integer: { type: 'integer' },
  number: { type: 'number' },
  array: { type: 'array' },
  object: { type: 'object' },
}

/** A new schema of a type, which may be null. */
function schemaOfType(name: Value): PlainDict {
  if (typeof name !== 'string' || !Object.hasOwn(types, name))
    throw new PythonError(
      'ValueError',
      `Invalid Airbyte data type: ${typeof name === 'string' ? name : typeName(name)}. Map it to one of ${Object.keys(types).join(', ')} in types_mapping.`,
    )
  const { type, ...rest } = types[name] ?? { type: 'string' }
  return { type: ['null', type], ...rest }
}
