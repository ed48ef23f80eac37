import { complex } from './complex.ts'
import { isFloat, numeric } from './number.ts'
import { PythonError, limitError } from './python-error.ts'
import { float, int, type Value } from './value.ts'

/** Division and powers, where ints and floats of Python differ most from JavaScript's numbers. */

/** An int result with more bits is refused: `9 ** 9 ** 9` would never end. */
const maxBits = 100_000

export function divisionByZero(message: string): PythonError {
  return new PythonError('ZeroDivisionError', message)
}

/** Rounds to negative infinity. */
export function floorDivide(a: bigint, b: bigint): bigint {
  if (b === 0n) throw divisionByZero('integer division or modulo by zero')
  const quotient = a / b
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient
}

/** Has the sign of the divisor. */
export function modulo(a: bigint, b: bigint): bigint {
  return a - floorDivide(a, b) * b
}

/** `a / b` of ints: the nearest float of the exact quotient. */
export function trueDivide(a: number | bigint, b: number | bigint): Value {
  if (b === 0 || b === 0n) throw divisionByZero('division by zero')
  if (typeof a === 'number' && typeof b === 'number') return float(a / b)
  const quotient = nearestQuotient(BigInt(a), BigInt(b))
  if (!Number.isFinite(quotient)) {
    throw new PythonError('OverflowError', 'integer division result too large for a float')
  }
  return float(quotient)
}

function nearestQuotient(a: bigint, b: bigint): number {
  const negative = a < 0n !== b < 0n
  const dividend = a < 0n ? -a : a
  const divisor = b < 0n ? -b : b
  // 66 bits of quotient and one bit for the remainder: Number() rounds those to the nearest.
  const shift = Math.max(0, 66 - (bits(dividend) - bits(divisor)))
  const shifted = dividend << BigInt(shift)
  const quotient = (shifted / divisor) | (shifted % divisor === 0n ? 0n : 1n)
  const size = Number(quotient) / 2 ** Math.min(shift, 1000) / 2 ** Math.max(0, shift - 1000)
  return negative ? -size : size
}

function bits(value: bigint): number {
  return value.toString(16).length * 4
}

/** `/`, `//` and `%` of floats. */
export function divideFloats(operator: '/' | '//' | '%', a: number, b: number): Value {
  if (b === 0) {
    const messages = {
      '/': 'float division by zero',
      '//': 'float floor division by zero',
      '%': 'float modulo',
    }
    throw divisionByZero(messages[operator])
  }
  if (operator === '/') return float(a / b)
  let remainder = a % b
  if (remainder !== 0 && remainder < 0 !== b < 0) remainder += b
  if (operator === '%') return float(remainder === 0 ? withSign(0, b) : remainder)
  const quotient = (a - remainder) / b
  return float(quotient === 0 ? withSign(0, a / b) : Math.round(quotient))
}

function withSign(size: number, signed: number): number {
  return signed < 0 || Object.is(signed, -0) ? -size : size
}

/** `base ** exponent`: an int for ints, unless the exponent is negative. */
export function power(base: Value, exponent: Value): Value {
  const a = numeric(base)
  const b = numeric(exponent)
  if (a === undefined || b === undefined) throw new PythonError('TypeError', 'not a number')
  if (isFloat(base) || isFloat(exponent) || b < 0) return floatPower(Number(a), Number(b))
  if (
    bits(BigInt(a) < 0n ? -BigInt(a) : BigInt(a)) * Number(b) > maxBits &&
    a !== 1 &&
    a !== -1 &&
    a !== 0
  ) {
    throw limitError('The power is too large.')
  }
  return int(smallPower(BigInt(a), BigInt(b)))
}

function smallPower(base: bigint, exponent: bigint): bigint {
  // Exponents of 0, 1 and -1 may be huge.
  if (base === 0n || base === 1n) return exponent === 0n ? 1n : base
  if (base === -1n) return exponent % 2n === 0n ? 1n : -1n
  return base ** exponent
}

function floatPower(a: number, b: number): Value {
  if (a === 0 && b < 0) throw divisionByZero('0.0 cannot be raised to a negative power')
  const isFinite = Number.isFinite(a) && Number.isFinite(b)
  if (isFinite && a < 0 && !Number.isInteger(b)) {
    const size = Math.abs(a) ** b
    return complex(size * Math.cos(Math.PI * b), size * Math.sin(Math.PI * b))
  }
  const result = isAlwaysOne(a, b) ? 1 : a ** b
  if (isFinite && !Number.isFinite(result)) {
    throw new PythonError('OverflowError', 'Numerical result out of range')
  }
  return float(result)
}

/** Unlike JavaScript: 1 ** NaN and 1 ** Infinity are 1, so is (-1) ** Infinity. */
function isAlwaysOne(a: number, b: number): boolean {
  return a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY)
}
