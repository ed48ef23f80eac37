import { parsePointer } from '../../lib/text/json-pointer.ts'
import {
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  own,
} from '../../protocol/index.ts'
import { isChosen } from './missing-secrets.ts'
import {
  expand,
  propertyOf,
  propertySchemas,
  referred,
  startWalk,
  type Schemas,
  type SecretWalk,
} from '../../manifest-interpreter/config/secret-schema.ts'

/** The pointers at which the spec has no property, in any choice. */
export function findUndeclared(spec: JsonObject, pointers: readonly string[]): readonly string[] {
  const walk = startWalk(spec)
  return pointers.filter((pointer) => !isDeclared(walk, pointer))
}

function isDeclared(walk: SecretWalk, pointer: string): boolean {
  const start = expand(walk.root, walk.root)
  return schemasAt(pointer, start, (schemas, name) => propertyOf(schemas, name, walk))
}

/**
 * Whether the pointer belongs to a choice of a `oneOf` that the constants in the configuration do not select
 * (any more).
 */
export function isOfOtherChoice(walk: SecretWalk, config: JsonObject, pointer: string): boolean {
  if (!isDeclared(walk, pointer)) return false
  const { root, patterns } = walk
  let value: JsonValue | undefined = config
  return !schemasAt(pointer, collectSchemas(root, config, root), (schemas, name) => {
    value = isJsonObject(value) ? own(value, name) : undefined
    return schemas.flatMap((schema) =>
      propertySchemas(schema, name, patterns).flatMap((property) =>
        collectSchemas(property, value, root),
      ),
    )
  })
}

function schemasAt(
  pointer: string,
  start: Schemas,
  step: (schemas: Schemas, name: string) => Schemas,
): boolean {
  return parsePointer(pointer).reduce((schemas, name) => step(schemas, name), start).length > 0
}

/** The schema with its combined schemas, without the choices that the value excludes. */
function collectSchemas(
  schema: JsonValue | undefined,
  value: JsonValue | undefined,
  root: JsonObject,
): Schemas {
  const schemas: JsonObject[] = []
  const open: (JsonValue | undefined)[] = [schema]
  while (open.length > 0) {
    const next = open.pop()
    if (!isJsonObject(next) || schemas.includes(next)) continue
    schemas.push(next)
    const choices = [next.oneOf, next.anyOf].filter(isJsonList).flat()
    const parts = isJsonList(next.allOf) ? next.allOf : []
    open.push(
      ...choices.filter((choice) => isChosen(choice, value)),
      ...parts,
      referred(next, root),
    )
  }
  return schemas
}
