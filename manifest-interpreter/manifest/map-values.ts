import { dictOf, set } from '../value/dict.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'

/** A new dict with the same keys; those for which `change` gives undefined are left out. */
export function mapValues(
  dict: Dict,
  change: (value: Value, key: Value) => Value | undefined,
): Dict {
  if (dict instanceof Map) {
    const items: [Value, Value][] = []
    for (const [key, value] of dict) {
      const changed = change(value, key)
      if (changed !== undefined) items.push([key, changed])
    }
    return dictOf(items)
  }
  const result: PlainDict = {}
  for (const [key, value] of Object.entries(dict)) {
    const changed = change(value, key)
    if (changed !== undefined) set(result, key, changed)
  }
  return result
}
