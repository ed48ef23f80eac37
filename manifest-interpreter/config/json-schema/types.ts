import { entries, get, isDict, keys, size } from '../../value/dict.ts'
import { isFloat, isInt, numeric } from '../../value/number.ts'
import { ConfigError } from '../config-error.ts'
import type { Value } from '../../value/value.ts'

const tests: ReadonlyMap<Value, (value: Value) => boolean> = new Map([
  ['null', (value: Value) => value === null],
  ['boolean', (value: Value) => typeof value === 'boolean'],
  ['string', (value: Value) => typeof value === 'string'],
  ['object', (value: Value) => isDict(value)],
  ['array', (value: Value) => Array.isArray(value)],
  ['number', isNumber],
  ['integer', isInteger],
])

/**
 * Whether a value is of a type of JSON Schema. A float without a fraction is an integer; a bool is not a
 * number.
 */
export function isOfType(value: Value, type: Value): boolean {
  const test = tests.get(type)
  if (test === undefined) {
    throw new ConfigError('A JSON schema of the manifest names a type that there is not.')
  }
  return test(value)
}

function isInteger(value: Value): boolean {
  return isInt(value) || (isFloat(value) && Number.isInteger(numeric(value)))
}

export function isNumber(value: Value): boolean {
  return isInt(value) || isFloat(value)
}

/** Equality of JSON: 1 and 1.0 are equal, 1 and true are not. */
export function sameJson(left: Value, right: Value): boolean {
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length) return false
    return left.every((item, i) => sameJson(item, right[i] ?? null))
  }
  if (isDict(left)) {
    if (!isDict(right) || size(left) !== size(right)) return false
    return entries(left).every(([key, item]) => {
      const other = get(right, key)
      return other !== undefined && sameJson(item, other)
    })
  }
  if (isNumber(left)) return isNumber(right) && compareNumbers(left, right) === 0
  return left === right
}

/** Below zero if left is the smaller one; NaN if they cannot be compared. Exact across int and float. */
export function compareNumbers(left: Value, right: Value): number {
  const a = numeric(left)
  const b = numeric(right)
  if (a === undefined || b === undefined) return NaN
  if (a < b) return -1
  if (a > b) return 1
  return a >= b ? 0 : NaN
}

/** The keys of an object that are text. */
export function textKeys(value: Value): string[] {
  return isDict(value) ? keys(value).filter((key) => typeof key === 'string') : []
}
