import { formatPointer } from '../../../lib/text/json-pointer.ts'
import { isJsonObject, type JsonObject } from '../../../protocol/index.ts'
import { expand, isSecret } from '../../../manifest-interpreter/config/secret-schema.ts'

/** A spec may refer to itself. */
const maxDepth = 8

/**
 * The secret fields of a spec as JSON pointers, sorted; those inside lists, which have no fixed place, are
 * left out.
 */
export function secretFieldsOf(spec: JsonObject): readonly string[] {
  const pointers = new Set<string>()
  const walk = (schema: JsonObject, path: readonly string[]): void => {
    for (const part of expand(schema, spec)) {
      if (!isJsonObject(part.properties)) continue
      for (const [name, property] of Object.entries(part.properties)) {
        const fieldPath = [...path, name]
        if (isSecret(expand(property, spec))) pointers.add(formatPointer(fieldPath))
        else if (isJsonObject(property) && fieldPath.length < maxDepth) walk(property, fieldPath)
      }
    }
  }
  walk(spec, [])
  return [...pointers].sort()
}
