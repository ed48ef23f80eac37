import { PyDate, PyDateTime, PyTimeDelta } from './py-datetime.ts'
import type { Time } from './time-arithmetic.ts'
import { isFloat, numeric } from './number.ts'
import { PythonError } from './python-error.ts'
import { float, int, type Value } from './value.ts'

export function isTime(value: unknown): value is Time {
  return value instanceof PyDateTime || value instanceof PyDate || value instanceof PyTimeDelta
}

/** `*`, `/`, `//` and `%` with a timedelta; undefined if it is not defined. */
export function multiplyTime(
  operator: '*' | '/' | '//' | '%',
  left: Value,
  right: Value,
): Value | undefined {
  if (!(left instanceof PyTimeDelta)) {
    const isProduct = operator === '*' && right instanceof PyTimeDelta
    return isProduct ? multiplyTime('*', right, left) : undefined
  }
  if (right instanceof PyTimeDelta) {
    return operator === '*' ? undefined : quotient(operator, left, right)
  }
  const factor = numeric(right)
  if (factor === undefined || operator === '%') return undefined
  if (operator === '*') return product(left, right, factor)
  if (Number(factor) === 0) throw divisionByZero()
  if (operator === '/') return PyTimeDelta.ofMicros(Number(left.micros) / Number(factor))
  return isFloat(right) ? undefined : new PyTimeDelta(floorOf(left.micros, BigInt(factor)))
}

function product(time: PyTimeDelta, by: Value, factor: number | bigint): PyTimeDelta | undefined {
  if (!isFloat(by)) {
    const times = Number(factor)
    return new PyTimeDelta(time.micros * BigInt(factor), {
      years: time.years * times,
      months: time.months * times,
    })
  }
  return time.isCalendar ? undefined : PyTimeDelta.ofMicros(Number(time.micros) * Number(factor))
}

function quotient(operator: '/' | '//' | '%', left: PyTimeDelta, right: PyTimeDelta): Value {
  if (right.micros === 0n) throw divisionByZero()
  if (operator === '/') return float(Number(left.micros) / Number(right.micros))
  const whole = floorOf(left.micros, right.micros)
  return operator === '//' ? int(whole) : new PyTimeDelta(left.micros - whole * right.micros)
}

function floorOf(a: bigint, b: bigint): bigint {
  if (b === 0n) throw divisionByZero()
  const whole = a / b
  return a % b !== 0n && a < 0n !== b < 0n ? whole - 1n : whole
}

function divisionByZero(): PythonError {
  return new PythonError('ZeroDivisionError', 'integer division or modulo by zero')
}
