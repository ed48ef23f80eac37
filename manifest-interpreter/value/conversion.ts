import { textOf } from './hashable.ts'
import { isFloat, numeric } from './number.ts'
import { PythonError, typeError, valueError } from './python-error.ts'
import { typeName } from './type-name.ts'
import type { PyFloat } from './value.ts'
import { float, int, type Value } from './value.ts'

/** int(value) and float(value). */

const spaceAround =
  /^[\t-\r\x1c-\x20\x85\xa0\u2000-\u200a\u2028\u2029\u3000]+|[\t-\r\x1c-\x20\x85\xa0\u2000-\u200a\u2028\u2029\u3000]+$/g
const digitsOf: Readonly<Record<number, RegExp>> = {
  2: /^(?:0[bB]_?)?[01]+(?:_[01]+)*$/,
  8: /^(?:0[oO]_?)?[0-7]+(?:_[0-7]+)*$/,
  10: /^[0-9]+(?:_[0-9]+)*$/,
  16: /^(?:0[xX]_?)?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*$/,
}
/** Python refuses to read more. */
const maxDigits = 4300

export function toInt(value: Value, base = 10): number | bigint {
  const text = textOf(value)
  if (text !== undefined) return parseInteger(text, base)
  const number = numeric(value)
  if (number === undefined) {
    throw typeError(
      `int() argument must be a string, a bytes-like object or a real number, not '${typeName(value)}'`,
    )
  }
  if (!isFloat(value)) return number
  const size = Number(number)
  if (Number.isNaN(size)) throw valueError('cannot convert float NaN to integer')
  if (!Number.isFinite(size)) {
    throw new PythonError('OverflowError', 'cannot convert float infinity to integer')
  }
  return int(BigInt(Math.trunc(size)))
}

function parseInteger(source: string, base: number): number | bigint {
  const text = asciiDigits(source.replace(spaceAround, ''))
  const unsigned = text.replace(/^[+-]/, '')
  const radix = base === 0 ? radixOf(unsigned) : base
  const pattern = digitsOf[radix]
  const digits = unsigned.replaceAll('_', '')
  if (base === 0 && radix === 10 && /^0+[1-9]/.test(digits)) throw invalidInteger(source, base)
  const magnitude =
    pattern === undefined
      ? otherRadix(digits, radix)
      : withRadix(digits, radix, pattern.test(unsigned))
  if (magnitude === undefined) throw invalidInteger(source, base)
  return int(text.startsWith('-') ? -magnitude : magnitude)
}

function radixOf(digits: string): number {
  const prefixes = { '0x': 16, '0o': 8, '0b': 2 } as const
  const prefix = digits.slice(0, 2).toLowerCase()
  return prefix === '0x' || prefix === '0o' || prefix === '0b' ? prefixes[prefix] : 10
}

function withRadix(digits: string, radix: number, isValid: boolean): bigint | undefined {
  if (!isValid) return undefined
  if (radix !== 10) {
    const prefix = { 2: '0b', 8: '0o', 16: '0x' }[radix] ?? ''
    return BigInt(prefix + digits.replace(/^0[xXoObB]/, ''))
  }
  if (digits.length > maxDigits) throw valueError('Exceeds the limit for integer string conversion')
  return BigInt(digits)
}

function otherRadix(digits: string, radix: number): bigint | undefined {
  if (radix < 2 || radix > 36) throw valueError('int() base must be >= 2 and <= 36, or 0')
  if (digits === '' || digits.length > maxDigits) return undefined
  let total = 0n
  for (const char of digits) {
    const digit = Number.parseInt(char, 36)
    if (Number.isNaN(digit) || digit >= radix) return undefined
    total = total * BigInt(radix) + BigInt(digit)
  }
  return total
}

function invalidInteger(source: string, base: number): PythonError {
  const inBase = base === 10 || base === 0 ? '' : ` in base ${base}`
  return valueError(`${named(source)} is not a whole number${inBase}.`)
}

const maxNamed = 60

/** Whole, or not at all: a part of a secret could not be found, to be masked. */
function named(text: string): string {
  return text.length > maxNamed ? `A text of ${text.length} characters` : `"${text}"`
}

/** Digits of all scripts count. */
function asciiDigits(text: string): string {
  return text.replace(/[^\x00-\x7f]/gu, (char) => (/\p{Nd}/u.test(char) ? digitOf(char) : char))
}

/** The decimal digits of a script follow each other from a code point that Unicode aligns on its zero. */
function digitOf(char: string): string {
  const code = char.codePointAt(0) ?? 0
  let zero = code
  while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--
  return String(code - zero)
}

const floatText =
  /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?$/
const special = /^([+-]?)(inf|infinity|nan)$/i

export function toFloat(value: Value): number | PyFloat {
  const text = textOf(value)
  if (text !== undefined) return float(parseFloatText(text))
  const number = numeric(value)
  if (number === undefined) {
    throw typeError(`float() argument must be a string or a real number, not '${typeName(value)}'`)
  }
  const size = Number(number)
  if (!isFloat(value) && !Number.isFinite(size)) {
    throw new PythonError('OverflowError', 'int too large to convert to float')
  }
  return float(size)
}

function parseFloatText(source: string): number {
  const text = asciiDigits(source.replace(spaceAround, ''))
  const match = special.exec(text)
  if (match !== null) {
    if (match[2]?.toLowerCase() === 'nan') return Number.NaN
    return match[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  }
  if (!floatText.test(text)) throw valueError(`${named(source)} is not a number.`)
  return Number(text.replaceAll('_', ''))
}
