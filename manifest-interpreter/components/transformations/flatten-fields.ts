import { flag } from '../../definition.ts'
import { dictOf, get, isDict, keys } from '../../value/dict.ts'
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
 * Goes through the record from its last value to its first. A name that is taken, and any name from the first
 * list item on, is prefixed by the path to it. Empty objects and lists vanish.
 */
function flatten(record: Dict, flattensLists: boolean): Dict {
  const flat = new Map<string, Value>()
  // Two stacks rather than one of pairs: a record pushes some dozens.
  const values: Value[] = [record]
  const paths: string[] = ['_']
  let alwaysPrefix = false
  for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
    const value = values.pop() ?? null
    if (isDict(value)) {
      for (const key of keys(value)) {
        const name = str(key)
        values.push(get(value, key) ?? null)
        paths.push(alwaysPrefix || flat.has(name) ? `${path}.${name}` : name)
      }
    } else if (Array.isArray(value) && flattensLists) {
      for (const [i, item] of value.entries()) {
        values.push(item)
        paths.push(`${path}.${i}`)
      }
      alwaysPrefix ||= value.length > 0
    } else flat.set(path, value)
  }
  return dictOf(flat)
}
