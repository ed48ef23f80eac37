import { get, isDict, size, entries } from './dict.ts'
import { scalarsEqual } from './hashable.ts'
import { PyObject, PySet, PyTuple, type Dict, type Value } from './value.ts'

/** `left == right`: 1, 1.0 and True are equal, a list and a tuple are not. */
export function equals(left: Value, right: Value): boolean {
  if (typeof left === 'string' && typeof right === 'string') return left === right
  if (Array.isArray(left)) return Array.isArray(right) && sequencesEqual(left, right)
  if (left instanceof PyTuple) {
    return right instanceof PyTuple && sequencesEqual(left.items, right.items)
  }
  if (left instanceof PySet) return right instanceof PySet && setsEqual(left.items, right.items)
  const scalar = scalarsEqual(left, right)
  if (scalar !== undefined) return scalar
  const a = asDict(left)
  const b = asDict(right)
  return a !== undefined && b !== undefined && dictsEqual(a, b)
}

/** `value in items`, for a list, tuple or set. */
export function contains(items: readonly Value[], value: Value): boolean {
  return items.some((item) => item === value || equals(item, value))
}

function asDict(value: Value): Dict | undefined {
  if (value instanceof PyObject) return value.traits.mapping?.()
  return isDict(value) ? value : undefined
}

function sequencesEqual(left: readonly Value[], right: readonly Value[]): boolean {
  if (left.length !== right.length) return false
  return left.every((item, i) => {
    const other = right[i]
    return other !== undefined && (item === other || equals(item, other))
  })
}

function setsEqual(left: readonly Value[], right: readonly Value[]): boolean {
  return left.length === right.length && left.every((item) => contains(right, item))
}

function dictsEqual(left: Dict, right: Dict): boolean {
  if (size(left) !== size(right)) return false
  return entries(left).every(([key, value]) => {
    const other = get(right, key)
    return other !== undefined && (value === other || equals(value, other))
  })
}
