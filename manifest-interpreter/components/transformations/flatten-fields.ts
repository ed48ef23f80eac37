import { flag } from '../../definition.ts'
import { dictOf, entries, isDict } from '../../value/dict.ts'
import { str } from '../../value/text.ts'
import type { Transformation } from '../../contracts.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/** FlattenFields: the values of objects (and of lists) become fields of the record. */
export function flattenFields(definition: PlainDict): Transformation {
  const flattensLists = flag(definition, 'flatten_lists', true)
  return {
    transform(record) {
      return flatten(record, flattensLists)
    },
  }
}

/**
 * Goes through the record from its last value to its first. A name that is taken, and any name from the first list item
 * on, is prefixed by the path to it. Empty objects and lists vanish.
 */
function flatten(record: Dict, flattensLists: boolean): Dict {
  const flat = new Map<string, Value>()
  const pending: [Value, string][] = [[record, '_']]
  let alwaysPrefix = false
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [value, path] = next
    if (isDict(value)) {
      for (const [key, child] of entries(value)) {
        const name = str(key)
        pending.push([child, alwaysPrefix || flat.has(name) ? `${path}.${name}` : name])
      }
    } else if (Array.isArray(value) && flattensLists) {
      for (const [i, item] of value.entries()) pending.push([item, `${path}.${i}`])
      if (value.length > 0) alwaysPrefix = true
    } else flat.set(path, value)
  }
  return dictOf(flat)
}
