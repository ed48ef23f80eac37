import { get, keys, remove, set } from '../../value/dict.ts'
import { PythonError } from '../../value/python-error.ts'
import { typeName } from '../../value/type-name.ts'
import type { Transformation } from '../../contracts.ts'
import type { Dict } from '../../value/value.ts'

/** KeysToLower: the record's own keys in lower case, not those of objects in it. */
export function keysToLower(): Transformation {
  return { transform: lowerKeys }
}

function lowerKeys(record: Dict): Dict {
  for (const key of keys(record)) {
    if (typeof key !== 'string')
      throw new PythonError(
        'AttributeError',
        `A key is ${typeName(key)}, not text: it has no lower case.`,
      )
    const lower = key.toLowerCase()
    if (lower === key) continue
    const value = get(record, key) ?? null
    remove(record, key)
    set(record, lower, value)
  }
  return record
}
