import { dictOf, entries, isDict, keys, remove, set } from '../../value/dict.ts'
import { PythonError } from '../../value/python-error.ts'
import { typeName } from '../../value/type-name.ts'
import type { Dict, Value } from '../../value/value.ts'
import { requireDepth } from './copy-value.ts'

/** Puts other entries in the place of all entries of a record. */
export function replaceEntries(
  record: Dict,
  replacement: readonly (readonly [Value, Value])[],
): void {
  clear(record)
  for (const [key, value] of replacement) set(record, key, value)
}

export function clear(record: Dict): void {
  if (record instanceof Map) record.clear()
  // From the last key on: V8 keeps an object fast that loses the key it got last.
  else for (const key of keys(record).reverse()) remove(record, key)
}

/** Renames the keys of a record and of the dicts in it, not of those in lists. Of equal names the last entry stays. */
export function renameKeys(record: Dict, rename: (key: string) => string): void {
  replaceEntries(record, renamed(record, rename, 0))
}

function renamed(dict: Dict, rename: (key: string) => string, depth: number): [Value, Value][] {
  requireDepth(depth)
  return entries(dict).map(([key, value]) => {
    if (typeof key !== 'string')
      throw new PythonError(
        'AttributeError',
        `A key is ${typeName(key)}, not text: it cannot be renamed.`,
      )
    return [rename(key), isDict(value) ? renamedDict(value, rename, depth + 1) : value]
  })
}

function renamedDict(dict: Dict, rename: (key: string) => string, depth: number): Dict {
  return dictOf(renamed(dict, rename, depth))
}

/** Names are kept once they are made: the records of a stream have the same keys. */
export function remembered(rename: (key: string) => string): (key: string) => string {
  const names = new Map<string, string>()
  return (key) => {
    let name = names.get(key)
    if (name === undefined) {
      name = rename(key)
      if (names.size < maxNames) names.set(key, name)
    }
    return name
  }
}
/** Where keys are data, they do not fill the memory. */
const maxNames = 10_000
