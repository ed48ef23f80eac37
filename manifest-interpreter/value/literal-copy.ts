import { dictOf, entries, isDict } from './dict.ts'
import { numeric } from './number.ts'
import { PySet, PyTuple, type Value } from './value.ts'

/**
 * The result of ast.literal_eval for repr(value): an equal value that shares nothing with it. Undefined if
 * its repr is not a literal, as for a datetime or NaN, or may be a special one.
 */
export function literalCopy(value: Value): Value | undefined {
  return copied(value, 0)
}

/** Python's parser refuses deeper brackets: beyond this depth the text itself decides. */
const maxNesting = 90

function copied(value: Value, depth: number): Value | undefined {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'string') return value.isWellFormed() ? value : undefined
  const number = numeric(value)
  if (number === undefined) return depth > maxNesting ? undefined : copiedContainer(value, depth)
  // The digits of an int may be too many.
  return typeof number === 'number' && Number.isFinite(number) ? value : undefined
}

function copiedContainer(value: Value, depth: number): Value | undefined {
  if (Array.isArray(value)) return copiedItems(value, depth)
  if (value instanceof PyTuple || value instanceof PySet) {
    const items = copiedItems(value.items, depth)
    if (items === undefined) return undefined
    return value instanceof PyTuple ? new PyTuple(items) : new PySet(items)
  }
  return isDict(value) ? copiedDict(entries(value), depth) : undefined
}

function copiedItems(items: readonly Value[], depth: number): Value[] | undefined {
  const copies: Value[] = []
  for (const item of items) {
    const copy = copied(item, depth + 1)
    if (copy === undefined) return undefined
    copies.push(copy)
  }
  return copies
}

function copiedDict(items: readonly (readonly [Value, Value])[], depth: number): Value | undefined {
  const copies: [Value, Value][] = []
  for (const [key, item] of items) {
    const keyCopy = copied(key, depth + 1)
    const copy = copied(item, depth + 1)
    if (keyCopy === undefined || copy === undefined) return undefined
    copies.push([keyCopy, copy])
  }
  return dictOf(copies)
}
