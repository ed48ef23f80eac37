import { PyFloat, type Value } from './value.ts'

/** Numbers of Python. A bool is an int there. */

/** The numeric value; undefined if the value is not a number. */
export function numeric(value: Value): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  return value instanceof PyFloat ? value.value : undefined
}

/** An int, not a bool. */
export function isInt(value: Value | undefined): value is number | bigint {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))
}

export function isFloat(value: Value | undefined): value is number | PyFloat {
  return value instanceof PyFloat || (typeof value === 'number' && !Number.isInteger(value))
}

/** An int or a bool, as a JavaScript number: for counts and indexes. Undefined for other values. */
export function index(value: Value | undefined): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0
  return isInt(value) ? Number(value) : undefined
}
