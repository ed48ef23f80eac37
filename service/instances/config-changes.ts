import { isDeepStrictEqual } from 'node:util'
import { formatPointer } from '../../lib/text/json-pointer.ts'
import { isJsonObject, type JsonObject, type JsonValue, own } from '../../protocol/index.ts'

export interface AppliedChanges {
  readonly config: JsonObject
  /** JSON pointers of the fields that were changed or added. */
  readonly changed: readonly string[]
}

/**
 * `current` with the differences between `before` and `after`. Fields that are the same in both stay as they
 * are in `current`.
 */
export function applyChanges(
  current: JsonObject,
  { before, after }: { readonly before: JsonObject; readonly after: JsonObject },
): AppliedChanges {
  const changed: string[] = []
  const config = apply(current, { before, after, path: [], changed })
  return { config, changed }
}

function apply(
  current: JsonObject,
  step: {
    readonly before: JsonObject
    readonly after: JsonObject
    readonly path: readonly string[]
    readonly changed: string[]
  },
): JsonObject {
  const { before, after, path, changed } = step
  const result = new Map<string, JsonValue>(Object.entries(current))
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [own(before, name), own(after, name)]
    if (isDeepStrictEqual(was, is)) continue
    const fieldPath = [...path, name]
    if (is === undefined) {
      result.delete(name)
    } else if (isJsonObject(is)) {
      const here = result.get(name)
      const inner = { before: isJsonObject(was) ? was : {}, after: is, path: fieldPath, changed }
      result.set(name, apply(isJsonObject(here) ? here : {}, inner))
    } else {
      result.set(name, is)
      changed.push(formatPointer(fieldPath))
    }
  }
  return Object.fromEntries(result)
}
