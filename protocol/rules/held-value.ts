import { compareCodePoints } from '../../lib/text/compare-code-points.ts'
import type { ColumnKind } from '../columns.ts'
import { integralOf } from '../avro/integral-number.ts'
import { isRawJson } from '../exact-json.ts'
import type { RecordValue } from '../json.ts'
import { compareDecimals, parseDecimal } from './decimal.ts'
import { isMomentKind, momentOf } from './moments.ts'

/**
 * A value as its column holds it, in a form that can be compared: a number that a double has exactly, else
 * its decimal text; a moment as a number; a text; a boolean.
 */
export type HeldValue = boolean | number | bigint | string

const withoutOrder: ReadonlySet<ColumnKind> = new Set(['bytes', 'json'])

/** Null for NULL, for a missing field, and for a value that a column of the kind cannot hold. */
export function heldValue(kind: ColumnKind, value: RecordValue | undefined): HeldValue | null {
  if (value === undefined || value === null) return null
  if (kind === 'integer') return integerOf(value)
  if (kind === 'number') return numberOf(value)
  if (kind === 'double') return doubleOf(value)
  if (kind === 'boolean') return typeof value === 'boolean' ? value : null
  if (typeof value !== 'string' || withoutOrder.has(kind)) return null
  return isMomentKind(kind) ? (momentOf(kind, value) ?? null) : value
}

function numberOf(value: RecordValue): number | string | null {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return String(value)
  return isRawJson(value) && parseDecimal(value.rawJSON) !== undefined ? value.rawJSON : null
}

const firstInteger = -(2n ** 63n)
const lastInteger = 2n ** 63n - 1n

function integerOf(value: RecordValue): number | string | null {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  const exact = isRawJson(value) ? integralOf(value.rawJSON) : bigintOf(value)
  if (exact === undefined || exact < firstInteger || exact > lastInteger) return null
  return String(exact)
}

function bigintOf(value: RecordValue): bigint | undefined {
  if (typeof value === 'bigint') return value
  return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : undefined
}

function doubleOf(value: RecordValue): number | null {
  if (typeof value === 'number') return value
  if (typeof value !== 'bigint') return null
  const double = Number(value)
  return Number.isFinite(double) && BigInt(double) === value ? double : null
}

/**
 * Orders two values of a column: negative, zero or positive. NaN is equal to itself and above everything
 * else, as in PostgreSQL.
 */
export function compareHeld(kind: ColumnKind, left: HeldValue, right: HeldValue): number {
  if (kind === 'integer' || kind === 'number') return compareNumbers(left, right)
  if (typeof left === 'string' && typeof right === 'string') return compareCodePoints(left, right)
  return compareOrdered(left, right)
}

function compareNumbers(left: HeldValue, right: HeldValue): number {
  const isEasy =
    typeof left === 'number' &&
    typeof right === 'number' &&
    (Number.isSafeInteger(left) || !Number.isFinite(left)) &&
    (Number.isSafeInteger(right) || !Number.isFinite(right))
  if (isEasy) return compareOrdered(left, right)
  const [exactLeft, exactRight] = [parseDecimal(String(left)), parseDecimal(String(right))]
  if (exactLeft !== undefined && exactRight !== undefined)
    return compareDecimals(exactLeft, exactRight)
  // One is NaN or infinite: the digits of the other do not matter.
  return compareOrdered(Number(left), Number(right))
}

function compareOrdered(left: HeldValue, right: HeldValue): number {
  const [isLeftNaN, isRightNaN] = [Number.isNaN(left), Number.isNaN(right)]
  if (isLeftNaN || isRightNaN) return Number(isLeftNaN) - Number(isRightNaN)
  if (left < right) return -1
  return left > right ? 1 : 0
}
