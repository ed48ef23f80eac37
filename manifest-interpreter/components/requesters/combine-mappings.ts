import { entries, get, has, isDict, isEmpty, set } from '../../value/dict.ts'
import { equals } from '../../value/equality.ts'
import { valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import type { Dict, Value } from '../../value/value.ts'

/**
 * One mapping of what several components add to a part of a request. Two of them may not add the same key,
 * except to a JSON body (`nested`), where dicts are merged and equal values agree. A text stands alone.
 */
export function combineMappings(
  mappings: readonly (Dict | string | null | undefined)[],
  options: { readonly nested: boolean },
): Dict | string {
  const texts = mappings.filter((mapping) => typeof mapping === 'string')
  const dicts = mappings.filter((mapping) => isDict(mapping) && !isEmpty(mapping))
  const [text] = texts
  if (texts.length > 1) throw valueError('Cannot combine multiple string options')
  if (text !== undefined) {
    if (dicts.length > 0) throw valueError('Cannot combine multiple options if one is a string')
    return text
  }
  const [only] = dicts
  if (dicts.length === 1 && isDict(only)) return only
  const result = newDict()
  for (const dict of dicts) if (isDict(dict)) merge(result, dict, { ...options, path: [] })
  return result
}

/** The same if a text is a fault. `part` names it in the error. */
export function combineDicts(
  mappings: readonly (Dict | string | null | undefined)[],
  options: { readonly nested: boolean; readonly part: string },
): Dict {
  const combined = combineMappings(mappings, options)
  if (typeof combined === 'string') throw valueError(`Request ${options.part} cannot be a string`)
  return combined
}

function merge(
  target: Dict,
  source: Dict,
  options: { readonly nested: boolean; readonly path: readonly string[] },
): void {
  for (const [key, value] of entries(source)) {
    const path = [...options.path, str(key)]
    const present = get(target, key)
    if (present === undefined && !has(target, key)) set(target, key, copyDicts(value))
    else if (options.nested && isDict(present) && isDict(value))
      merge(present, value, { nested: true, path })
    else if (!options.nested || !equals(present ?? null, value))
      throw valueError(
        `Request body collision, duplicate keys detected at key path: ${path.join('.')}. Please ensure that all keys in the request are unique.`,
      )
  }
}

/** Merging changes dicts in place: the sources must stay as they are. */
function copyDicts(value: Value): Value {
  if (!isDict(value)) return value
  const copied = newDict()
  for (const [key, item] of entries(value)) set(copied, key, copyDicts(item))
  return copied
}

/** A Map, for the order of the keys. */
function newDict(): Dict {
  return new Map<Value, Value>()
}
