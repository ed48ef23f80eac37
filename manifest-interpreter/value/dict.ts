import { isHashable, scalarsEqual } from './hashable.ts'
import { typeError } from './python-error.ts'
import { PyTuple, type Dict, type PlainDict, type Value } from './value.ts'

/** The operations of dict, on both of its forms. Only own properties are entries. */

const NINE = 57
const arrayIndex = /^(?:0|[1-9]\d{0,9})$/

/** True for a key that a plain object would move to the front. */
export function isIndexLike(key: string): boolean {
  // Most keys begin with a letter: a look at the first character costs a tenth of the expression.
  return key.charCodeAt(0) <= NINE && arrayIndex.test(key) && Number(key) < 4_294_967_295
}

/** An empty dict for text keys. */
export function emptyDict(): PlainDict {
  return {}
}

export function isDict(value: unknown): value is Dict {
  return value instanceof Map || isPlainDict(value)
}

export function isPlainDict(value: unknown): value is PlainDict {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** The value under a key, undefined if there is none. */
export function get(dict: Dict, key: Value): Value | undefined {
  if (dict instanceof Map) return dict.get(storedKey(dict, key))
  return typeof key === 'string' && Object.hasOwn(dict, key) ? dict[key] : undefined
}

/** The value at the end of a path of names and indexes; undefined if the path leads to nothing. */
export function valueInside(root: Value, path: readonly string[]): Value | undefined {
  return path.reduce<Value | undefined>((value, name) => {
    if (Array.isArray(value)) return value[Number(name)]
    return value !== undefined && isDict(value) ? get(value, name) : undefined
  }, root)
}

export function has(dict: Dict, key: Value): boolean {
  if (dict instanceof Map) return dict.has(storedKey(dict, key))
  return typeof key === 'string' && Object.hasOwn(dict, key)
}

/**
 * Sets in place. A plain object cannot hold a key that is not text: it becomes text there. A new index-like
 * key of a plain object comes first in its order, not last: `dictOf` preserves the order.
 */
export function set(dict: Dict, key: Value, value: Value): void {
  if (dict instanceof Map) {
    dict.set(storedKey(dict, key), value)
    return
  }
  const name = textKey(key)
  if (name === '__proto__') {
    Object.defineProperty(dict, name, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    })
  } else dict[name] = value
}

function textKey(key: Value): string {
  if (typeof key === 'string') return key
  if (typeof key === 'object' && key !== null) throw typeError('This dict accepts only text keys.')
  return String(key)
}

/** True if there was such a key. */
export function remove(dict: Dict, key: Value): boolean {
  if (dict instanceof Map) return dict.delete(storedKey(dict, key))
  if (typeof key !== 'string' || !Object.hasOwn(dict, key)) return false
  return Reflect.deleteProperty(dict, key)
}

export function size(dict: Dict): number {
  return dict instanceof Map ? dict.size : Object.keys(dict).length
}

export function isEmpty(dict: Dict): boolean {
  if (dict instanceof Map) return dict.size === 0
  for (const key in dict) if (Object.hasOwn(dict, key)) return false
  return true
}

export function keys(dict: Dict): Value[] {
  return dict instanceof Map ? [...dict.keys()] : Object.keys(dict)
}

export function values(dict: Dict): Value[] {
  return dict instanceof Map ? [...dict.values()] : Object.values(dict)
}

export function entries(dict: Dict): [Value, Value][] {
  return dict instanceof Map ? [...dict.entries()] : Object.entries(dict)
}

/** The entries of a dict whose keys are text, as a configuration's are: other keys are left out. */
export function textEntries(dict: Dict): [string, Value][] {
  if (!(dict instanceof Map)) return Object.entries(dict)
  const found: [string, Value][] = []
  for (const [key, value] of dict) if (typeof key === 'string') found.push([key, value])
  return found
}

/**
 * A new dict with these entries, in the form that preserves their order; the last of equal keys wins, the
 * first decides the place.
 */
export function dictOf(items: Iterable<readonly [Value, Value]>): Dict {
  const list = [...items]
  const plain = list.every(([key]) => typeof key === 'string' && !isIndexLike(key))
  const dict: Dict = plain ? emptyDict() : new Map<Value, Value>()
  for (const [key, value] of list) set(dict, key, value)
  return dict
}

export function copy(dict: Dict): Dict {
  if (dict instanceof Map) return new Map(dict)
  return keepsOrder(dict) ? { ...dict } : dictOf(Object.entries(dict))
}

/** `left | right`: a new dict. */
export function merged(left: Dict, right: Dict): Dict {
  if (keepsOrder(left) && keepsOrder(right)) return { ...left, ...right }
  return dictOf([...entries(left), ...entries(right)])
}

/** A plain dict that `dictOf` would make plain again. */
function keepsOrder(dict: Dict): dict is PlainDict {
  return !(dict instanceof Map) && !Object.keys(dict).some(isIndexLike)
}

/**
 * Python's keys are equal if their values are: 1, 1.0 and True are one key. Text, the usual key, is found at
 * once.
 */
function storedKey(dict: Map<Value, Value>, key: Value): Value {
  if (typeof key === 'string' || dict.has(key) || !isHashable(key)) return key
  for (const candidate of dict.keys()) {
    if (typeof candidate !== 'string' && keysEqual(candidate, key)) return candidate
  }
  return key
}

function keysEqual(left: Value, right: Value): boolean {
  if (left instanceof PyTuple) {
    return (
      right instanceof PyTuple &&
      left.items.length === right.items.length &&
      left.items.every((item, i) => {
        const other = right.items[i]
        return other !== undefined && keysEqual(item, other)
      })
    )
  }
  return scalarsEqual(left, right) === true
}
