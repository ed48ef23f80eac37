import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/index.ts'

export interface SchemaToDeclare {
  readonly schema: JsonObject
  /** Fields in which no record had a value: their type is not known, and they are left out. */
  readonly untyped: readonly string[]
}

/**
 * The schema to write into a manifest: the types that were found, and the declared ones of fields that were
 * not found. A field that had a value in all records that were read may be null in others, except for a key.
 */
export function schemaToDeclare(
  declared: JsonObject,
  found: JsonObject,
  key: readonly string[],
): SchemaToDeclare {
  const { properties: known, ...others } = declared
  const properties = new Map(isJsonObject(known) ? Object.entries(known) : [])
  const untyped: string[] = []
  const { properties: seen } = found
  for (const [name, property] of isJsonObject(seen) ? Object.entries(seen) : []) {
    const before = properties.get(name)
    const types = typesOf(property)
    if (types.length > 0 && isJsonObject(property)) {
      const type = key.includes(name) ? keyType(types) : [...types, 'null']
      properties.set(name, { ...property, type, ...textsOf(before) })
    } else if (before === undefined) untyped.push(name)
  }
  const schema = { ...others, type: 'object', properties: Object.fromEntries(properties) }
  return { schema, untyped }
}

function typesOf(property: JsonValue): readonly JsonValue[] {
  const { type = null } = isJsonObject(property) ? property : {}
  return [type].flat().filter((name) => name !== null && name !== 'null')
}

function keyType(types: readonly JsonValue[]): JsonValue {
  const [only = null] = types
  return types.length === 1 ? only : [...types]
}

function textsOf(before: JsonValue | undefined): JsonObject {
  const { title, description } = isJsonObject(before) ? before : {}
  return {
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
  }
}
