import type { JsonObject, JsonValue } from '../../protocol/index.ts'
import { parsePointer } from './json-pointer.ts'
import { isChosen } from './missing-secrets.ts'
import {
  expand,
  isList,
  isObject,
  own,
  propertyOf,
  propertySchemas,
  referred,
  type Schemas,
} from '../../manifest-interpreter/config/secret-schema.ts'

/** Whether the spec has a property at the pointer, in any choice. */
export function isDeclared(spec: JsonObject, pointer: string): boolean {
  return schemasAt(pointer, expand(spec, spec), (schemas, name) => propertyOf(schemas, name, spec))
}

/** Whether the pointer belongs to a choice of a `oneOf` that the configuration, by its constants, has not taken (any more). */
export function isOfOtherChoice(spec: JsonObject, config: JsonObject, pointer: string): boolean {
  if (!isDeclared(spec, pointer)) return false
  let value: JsonValue | undefined = config
  return !schemasAt(pointer, chosen(spec, config, spec), (schemas, name) => {
    value = isObject(value) ? own(value, name) : undefined
    return schemas.flatMap((schema) =>
      propertySchemas(schema, name).flatMap((at) => chosen(at, value, spec)),
    )
  })
}

function schemasAt(
  pointer: string,
  start: Schemas,
  step: (schemas: Schemas, name: string) => Schemas,
): boolean {
  return parsePointer(pointer).reduce((at, name) => step(at, name), start).length > 0
}

/** The schema with what it is combined of, without the choices that the value excludes. */
function chosen(
  schema: JsonValue | undefined,
  value: JsonValue | undefined,
  root: JsonObject,
): Schemas {
  const found: JsonObject[] = []
  const open: (JsonValue | undefined)[] = [schema]
  while (open.length > 0) {
    const next = open.pop()
    if (!isObject(next) || found.includes(next)) continue
    found.push(next)
    const choices = [next.oneOf, next.anyOf].filter(isList).flat()
    const parts = isList(next.allOf) ? next.allOf : []
    open.push(
      ...choices.filter((choice) => isChosen(choice, value)),
      ...parts,
      referred(next, root),
    )
  }
  return found
}
