import { compareCodePoints } from '../../lib/text/compare-code-points.ts'
import type { ColumnKind } from '../columns.ts'
import { integralOf } from '../avro/integral-number.ts'
import { isRawJson, stringifyExact } from '../exact-json.ts'
import type { RecordValue } from '../json.ts'
import { integerOfText, isNumberText, notFiniteOfText } from '../number-text.ts'
import { compareDecimals, parseDecimal } from './decimal.ts'
import { heldMoment, type MomentKind } from './moments.ts'

/**
 * A value as its column holds it, in a form that can be compared: a number that a double has exactly, else
 * its decimal text; a moment as a number; a text; a boolean.
 */
export type HeldValue = boolean | number | bigint | string

/**
 * Null for NULL, for a missing field, and for a value that a column of the kind cannot hold. A value of
 * another JSON type is what the destination makes of it: `"250.00"` is a number in a column of numbers, and
 * 1001 is a text in one of texts.
 */
export function heldValue(kind: ColumnKind, value: RecordValue | undefined): HeldValue | null {
  return value === undefined || value === null ? null : readers[kind](value)
}

type Reader = (value: Exclude<RecordValue, null>) => HeldValue | null

const textOf: Reader = (value) => (typeof value === 'string' ? value : stringifyExact(value))
const momentsOf =
  (kind: MomentKind): Reader =>
  (value) =>
    typeof value === 'string' ? (heldMoment(kind, value) ?? null) : null

const readers: Readonly<Record<ColumnKind, Reader>> = {
  integer: integerOf,
  number: numberOf,
  double: doubleOf,
  boolean: (value) => (typeof value === 'boolean' ? value : null),
  string: textOf,
  json: textOf,
  timetz: textOf,
  bytes: bytesOf,
  date: momentsOf('date'),
  time: momentsOf('time'),
  timestamp: momentsOf('timestamp'),
  timestamptz: momentsOf('timestamptz'),
}

function numberOf(value: RecordValue): number | string | null {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return String(value)
  const text = isRawJson(value) ? value.rawJSON : value
  if (typeof text !== 'string' || !isNumberText(text)) return null
  return notFiniteOfText(text) ?? text
}

const firstInteger = -(2n ** 63n)
const lastInteger = 2n ** 63n - 1n

function integerOf(value: RecordValue): number | string | null {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  const exact = exactIntegerOf(value)
  if (exact === undefined || exact < firstInteger || exact > lastInteger) return null
  return String(exact)
}

function exactIntegerOf(value: RecordValue): bigint | undefined {
  if (typeof value === 'string') return integerOfText(value)
  if (isRawJson(value)) return integralOf(value.rawJSON)
  if (typeof value === 'bigint') return value
  return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : undefined
}

/** The nearest double. */
function doubleOf(value: RecordValue): number | null {
  const number = numberOf(value)
  return number === null ? null : Number(number)
}

/** Base64, or bytes. */
function bytesOf(value: RecordValue): string | null {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  const isBase64 = typeof value === 'string' && value.length % 4 === 0 && base64.test(value)
  return isBase64 ? value : null
}

const base64 = /^[A-Za-z0-9+/]*={0,2}$/
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
