import { dictOf, set } from '../value/dict.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'

/**
 * The dict with what `change` makes of its values, without the keys for which that is undefined. A new one where anything
 * changes: most parts of a manifest stay as they are.
 */
export function mapValues(
  dict: Dict,
  change: (value: Value, key: Value) => Value | undefined,
): Dict {
  if (dict instanceof Map) return mapEntries(dict, change)
  const keys = Object.keys(dict)
  let result: PlainDict | undefined
  for (const [at, key] of keys.entries()) {
    const value = dict[key] ?? null
    const changed = change(value, key)
    if (result === undefined) {
      if (changed === value) continue
      result = {}
      for (const before of keys.slice(0, at)) set(result, before, dict[before] ?? null)
    }
    if (changed !== undefined) set(result, key, changed)
  }
  return result ?? dict
}

function mapEntries(
  dict: Map<Value, Value>,
  change: (value: Value, key: Value) => Value | undefined,
): Dict {
  const items: [Value, Value][] = []
  for (const [key, value] of dict) {
    const changed = change(value, key)
    if (changed !== undefined) items.push([key, changed])
  }
  return dictOf(items)
}

/** The list with what `change` makes of its items; the same one where nothing changes. */
export function mapItems(items: Value[], change: (item: Value) => Value): Value[] {
  let result: Value[] | undefined
  for (const [at, item] of items.entries()) {
    const changed = change(item)
    if (result === undefined && changed !== item) result = items.slice(0, at)
    result?.push(changed)
  }
  return result ?? items
}
