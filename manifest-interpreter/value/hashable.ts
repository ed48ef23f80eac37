import { timesEqual } from './time-arithmetic.ts'
import { numeric } from './number.ts'
import { typeError } from './python-error.ts'
import { isTime } from './time.ts'
import { typeName } from './type-name.ts'
import { PyObject, PyTuple, type Value } from './value.ts'

/** Whether it can be a key of a dict or a member of a set: lists, dicts and sets cannot. */
export function isHashable(value: Value): boolean {
  if (typeof value !== 'object' || value === null || isTime(value)) return true
  if (value instanceof PyTuple) return value.items.every(isHashable)
  if (value instanceof PyObject) return value.traits.mapping === undefined
  return value instanceof Uint8Array || numeric(value) !== undefined
}

export function requireHashable(value: Value): void {
  if (!isHashable(value)) throw typeError(`unhashable type: '${typeName(value)}'`)
}

/** Equality of values that can be keys; undefined if one of them is a list, a dict or a set. */
export function scalarsEqual(left: Value, right: Value): boolean | undefined {
  if (left === right) return !Number.isNaN(left)
  const a = numeric(left)
  if (a !== undefined) {
    const b = numeric(right)
    // Across bigint and number, exactly.
    return b !== undefined && a <= b && a >= b
  }
  const text = textOf(left)
  if (text !== undefined) return text === textOf(right)
  return left === null || right === null ? false : otherScalarsEqual(left, right)
}

function otherScalarsEqual(left: Value, right: Value): boolean | undefined {
  if (left instanceof Uint8Array) {
    return right instanceof Uint8Array && Buffer.compare(left, right) === 0
  }
  if (isTime(left)) return isTime(right) && timesEqual(left, right)
  if (!(left instanceof PyObject) || left.traits.mapping !== undefined) return undefined
  // An undefined entry equals any other.
  return isUndefinedEntry(left) && isUndefinedEntry(right)
}

function isUndefinedEntry(value: Value): boolean {
  return value instanceof PyObject && value.traits.type === 'Undefined'
}

/** The text of a str, be it marked up. */
export function textOf(value: Value | undefined): string | undefined {
  if (typeof value === 'string') return value
  return value instanceof PyObject ? value.traits.text : undefined
}
