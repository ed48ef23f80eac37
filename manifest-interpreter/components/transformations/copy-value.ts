import { isDict, set } from '../../value/dict.ts'
import { PythonError } from '../../value/python-error.ts'
import type { Dict, Value } from '../../value/value.ts'

/** Deeper values are refused, as by Python's limit of recursion. */
const maxDepth = 900

export function requireDepth(depth: number): void {
  if (depth > maxDepth)
    throw new PythonError('RuntimeError', `The value is nested deeper than ${maxDepth} levels.`)
}

/** A copy of the lists and dicts of a value; all else is immutable and shared. */
export function copyValue(value: Value, depth = 0): Value {
  if (typeof value !== 'object' || value === null) return value
  if (isDict(value)) return copyDict(value, depth)
  if (!Array.isArray(value)) return value
  requireDepth(depth)
  return value.map((item) => copyValue(item, depth + 1))
}

export function copyDict(dict: Dict, depth = 0): Dict {
  requireDepth(depth)
  if (dict instanceof Map) {
    const copied = new Map<Value, Value>()
    for (const [key, value] of dict) copied.set(key, copyValue(value, depth + 1))
    return copied
  }
  const copied = { ...dict }
  for (const key in copied) {
    const value = copied[key]
    if (typeof value === 'object' && value !== null) set(copied, key, copyValue(value, depth + 1))
  }
  return copied
}
