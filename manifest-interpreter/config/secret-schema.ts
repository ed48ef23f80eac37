import { parseLocalReference } from '../../lib/text/json-pointer.ts'
import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  own,
  valueAt,
} from '../../protocol/json.ts'
import { SchemaPatterns } from './schema-patterns.ts'

/**
 * The JSON Schemas of one place in a configuration. There are several if the spec offers choices (`oneOf`) or
 * combines schemas (`allOf`): a value that is secret in any of them is secret.
 */
export type Schemas = readonly JsonObject[]

/**
 * One walk through a schema: the root of its `$ref`s, and its patterns, which get a limited time for the
 * whole walk.
 */
export interface SecretWalk {
  readonly root: JsonObject
  readonly patterns: SchemaPatterns
}

export function startWalk(root: JsonObject): SecretWalk {
  return { root, patterns: new SchemaPatterns() }
}

/** The schema with all that it refers to and is combined of, by the root that `$ref` starts from. */
export function expand(schema: JsonValue | undefined, root: JsonObject): Schemas {
  const found: JsonObject[] = []
  const seen = new Set<JsonObject>()
  const open: (JsonValue | undefined)[] = [schema]
  while (open.length > 0) {
    const next = open.pop()
    if (!isJsonObject(next) || seen.has(next)) continue
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
export function propertyOf(
  schemas: Schemas,
  name: string,
  { root, patterns }: SecretWalk,
): Schemas {
  return schemas.flatMap((schema) =>
    propertySchemas(schema, name, patterns).flatMap((found) => expand(found, root)),
  )
}

/** The schemas of a list's item. */
export function itemOf(schemas: Schemas, index: number, root: JsonObject): Schemas {
  return schemas.flatMap((schema) =>
    itemSchemas(schema, index).flatMap((found) => expand(found, root)),
  )
}

function combined(schema: JsonObject): JsonValue[] {
  const lists = [schema.oneOf, schema.anyOf, schema.allOf]
  const dependent = [schema.dependentSchemas, schema.dependencies].flatMap((schemas) =>
    isJsonObject(schemas) ? Object.values(schemas) : [],
  )
  return [...lists.flatMap((list) => (isJsonList(list) ? list : [])), ...dependent].concat(
    [schema.if, schema.then, schema.else].filter((branch) => branch !== undefined),
  )
}

/** `#/definitions/x` of the same document; others are nothing that a spec may use. */
export function referred(schema: JsonObject, root: JsonObject): JsonValue | undefined {
  const path = typeof schema.$ref === 'string' ? parseLocalReference(schema.$ref) : undefined
  return path === undefined ? undefined : valueAt(root, path)
}

/** The schemas that the schema itself has for a property; `true` and undefined are no schemas. */
export function propertySchemas(
  schema: JsonObject,
  name: string,
  patterns: SchemaPatterns,
): (JsonValue | undefined)[] {
  const declared = isJsonObject(schema.properties) ? own(schema.properties, name) : undefined
  const matching = isJsonObject(schema.patternProperties)
    ? Object.entries(schema.patternProperties)
        .filter(([pattern]) => mayMatch(patterns, pattern, name))
        .map(([, found]) => found)
    : []
  if (declared !== undefined || matching.length > 0) return [declared, ...matching]
  return [schema.additionalProperties]
}

function mayMatch(patterns: SchemaPatterns, pattern: string, name: string): boolean {
  try {
    return patterns.isFound(pattern, name)
  } catch {
    return true // a pattern that cannot be read, or takes too long: its secrets stay secret
  }
}

function itemSchemas(schema: JsonObject, index: number): (JsonValue | undefined)[] {
  const places = isJsonList(schema.prefixItems) ? schema.prefixItems : schema.items
  const items = isJsonList(places) ? [places[index]] : [schema.items]
  const rest = isJsonList(schema.prefixItems) ? schema.items : schema.additionalItems
  return isJsonList(rest) ? items : [...items, rest]
}
