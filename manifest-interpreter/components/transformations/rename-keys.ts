import { isIndexLike, dictOf, entries, isDict } from '../../value/dict.ts'
import { PythonError } from '../../value/python-error.ts'
import { typeName } from '../../value/type-name.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'
import { requireDepth } from './copy-value.ts'

export interface NewName {
  readonly name: string
  /** True for a name that a plain object would put out of order, or not take. */
  readonly isUnusual: boolean
}

/**
 * A record with renamed keys, in it and in the dicts inside it, but not in dicts inside lists. If names are
 * equal, the last entry stays.
 */
export function renameKeys(dict: Dict, rename: (key: string) => NewName, depth = 0): Dict {
  requireDepth(depth)
  if (dict instanceof Map) return renamedEntries(dict, rename, depth)
  const renamed: PlainDict = {}
  for (const key in dict) {
    const { name, isUnusual } = rename(key)
    if (isUnusual) return renamedEntries(dict, rename, depth)
    renamed[name] = renamedValue(dict[key] ?? null, rename, depth)
  }
  return renamed
}

function renamedEntries(dict: Dict, rename: (key: string) => NewName, depth: number): Dict {
  return dictOf(
    entries(dict).map(([key, value]) => {
      if (typeof key !== 'string')
        throw new PythonError(
          'AttributeError',
          `A key is ${typeName(key)}, not text: it cannot be renamed.`,
        )
      return [rename(key).name, renamedValue(value, rename, depth)]
    }),
  )
}

function renamedValue(value: Value, rename: (key: string) => NewName, depth: number): Value {
  return isDict(value) ? renameKeys(value, rename, depth + 1) : value
}

/** Caches the new names: the records of a stream have the same keys. */
export function remembered(rename: (key: string) => string): (key: string) => NewName {
  const names = new Map<string, NewName>()
  return (key) => {
    let found = names.get(key)
    if (found === undefined) {
      const name = rename(key)
      found = { name, isUnusual: isIndexLike(name) || name === '__proto__' }
      if (names.size < maxNames) names.set(key, found)
    }
    return found
  }
}
/** A limit, so that keys which are data do not fill the memory. */
const maxNames = 10_000
