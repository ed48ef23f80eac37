import { truth } from '../../value/truth.ts'
import type { Value } from '../../value/value.ts'

/**
 * Where in a JSON document the wanted values are. A state says how much of the path led to a value; -1 is off
 * the path.
 */
export interface JsonPath {
  readonly start: number
  /** The state of the member of an object, or, with a null key, of the elements of an array. */
  step(state: number, key: string | null): number
  /** True if the elements of an array in this state are the wanted values. */
  hasElements(state: number): boolean
  /** True if a value in this state is itself wanted. */
  ends(state: number): boolean
  /** False for a wanted value (no element) that is left out all the same. */
  accepts(value: Value): boolean
}

/**
 * Keys of objects, from the root. An array at its end returns its elements; anything else there is one value,
 * unless it is false in Python.
 */
export function keyPath(keys: readonly string[]): JsonPath {
  const atEnd = (state: number) => state === keys.length
  return {
    start: 0,
    step: (state, key) => (key !== null && keys[state] === key ? state + 1 : -1),
    hasElements: atEnd,
    ends: atEnd,
    accepts: truth,
  }
}

/**
 * The elements of the array at a dotted path, as `ijson` has it: the element of an array is called `item`,
 * and so may a key be.
 */
export function dottedPath(path: string): JsonPath {
  const full = `${path}.item`
  const step = (state: number, key: string | null) => {
    const name = key ?? 'item'
    if (!full.startsWith(name, state)) return -1
    const next = state + name.length
    if (next === full.length) return next
    return full[next] === '.' ? next + 1 : -1
  }
  return {
    start: 0,
    step,
    hasElements: (state) => step(state, null) === full.length,
    ends: (state) => state === full.length,
    accepts: () => true,
  }
}
