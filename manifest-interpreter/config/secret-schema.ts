import { compileRegex } from '../jinja/python-regex.ts'
import type { JsonObject, JsonValue } from '../../protocol/index.ts'

/**
 * The JSON Schemas of one place in a configuration. There are several where the spec offers choices (`oneOf`) or adds up
 * (`allOf`): what is secret in any of them is secret.
 */
export type Schemas = readonly JsonObject[]

/** The schema with all that it refers to and is combined of, by the root that `$ref` starts from. */
export function expand(schema: JsonValue | undefined, root: JsonObject): Schemas {
  const found: JsonObject[] = []
  const seen = new Set<JsonObject>()
  const open: (JsonValue | undefined)[] = [schema]
  while (open.length > 0) {
    const next = open.pop()
    if (!isObject(next) || seen.has(next)) continue
    seen.add(next)
    found.push(next)
    open.push(...combined(next), referred(next, root))
  }
  return found
}

export function isSecret(schemas: Schemas): boolean {
  return schemas.some((schema) => schema.airbyte_secret === true)
}

/** The schemas of a property. */
export function propertyOf(schemas: Schemas, name: string, root: JsonObject): Schemas {
  return schemas.flatMap((schema) =>
    propertySchemas(schema, name).flatMap((at) => expand(at, root)),
  )
}

/** The schemas of a list's item. */
export function itemOf(schemas: Schemas, index: number, root: JsonObject): Schemas {
  return schemas.flatMap((schema) => itemSchemas(schema, index).flatMap((at) => expand(at, root)))
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isList(value: unknown): value is readonly JsonValue[] {
  return Array.isArray(value)
}

/** The own property: a name such as `constructor` finds nothing that is not there. */
export function own(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

function combined(schema: JsonObject): JsonValue[] {
  const lists = [schema.oneOf, schema.anyOf, schema.allOf]
  const dependent = [schema.dependentSchemas, schema.dependencies].flatMap((schemas) =>
    isObject(schemas) ? Object.values(schemas) : [],
  )
  return [...lists.flatMap((list) => (isList(list) ? list : [])), ...dependent].concat(
    [schema.if, schema.then, schema.else].filter((branch) => branch !== undefined),
  )
}

/** `#/definitions/x` of the same document; others are nothing that a spec may use. */
export function referred(schema: JsonObject, root: JsonObject): JsonValue | undefined {
  if (typeof schema.$ref !== 'string' || !schema.$ref.startsWith('#')) return undefined
  let at: JsonValue | undefined = root
  for (const token of schema.$ref.slice(1).split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (isList(at)) at = at[Number(name)]
    else at = isObject(at) ? own(at, name) : undefined
  }
  return at
}

/** What the schema itself says of a property; `true` and undefined are no schemas. */
export function propertySchemas(schema: JsonObject, name: string): (JsonValue | undefined)[] {
  const declared = isObject(schema.properties) ? own(schema.properties, name) : undefined
  const patterns = isObject(schema.patternProperties)
    ? Object.entries(schema.patternProperties)
        .filter(([pattern]) => matches(pattern, name))
        .map(([, found]) => found)
    : []
  if (declared !== undefined || patterns.length > 0) return [declared, ...patterns]
  return [schema.additionalProperties]
}

function matches(pattern: string, name: string): boolean {
  try {
    return compileRegex(pattern).test(name)
  } catch {
    return true // a pattern that cannot be read, or takes too long: its secrets stay secret
  }
}

function itemSchemas(schema: JsonObject, index: number): (JsonValue | undefined)[] {
  const places = isList(schema.prefixItems) ? schema.prefixItems : schema.items
  const items = isList(places) ? [places[index]] : [schema.items]
  const rest = isList(schema.prefixItems) ? schema.items : schema.additionalItems
  return isList(rest) ? items : [...items, rest]
}
