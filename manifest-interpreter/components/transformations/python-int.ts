import { int } from '../../value/value.ts'

/** Python refuses to read an int with more digits. */
const maxDigits = 4300

/** `int(text)`; undefined if Python raises a ValueError. */
export function parseInteger(text: string): number | bigint | undefined {
  const match = /^([+-]?)(\p{Nd}+(?:_\p{Nd}+)*)$/u.exec(trim(text))
  if (match === null) return undefined
  const [, sign = '', digits = ''] = match
  const plain = asciiDigits(digits).replaceAll('_', '')
  if (plain.length > maxDigits) return undefined
  const value = BigInt(plain)
  return int(sign === '-' ? -value : value)
}

const digits = String.raw`\d+(?:_\d+)*`
const floatForm = new RegExp(
  String.raw`^[+-]?(?:${digits}\.?(?:${digits})?|\.${digits})(?:[eE][+-]?${digits})?$`,
)

/** `float(text)`; undefined if Python raises a ValueError. */
export function parseFloatText(text: string): number | undefined {
  const trimmed = asciiDigits(trim(text))
  const special = /^([+-]?)(?:(inf|infinity)|nan)$/i.exec(trimmed)
  if (special !== null) {
    if (special[2] === undefined) return NaN
    return special[1] === '-' ? -Infinity : Infinity
  }
  return floatForm.test(trimmed) ? Number(trimmed.replaceAll('_', '')) : undefined
}

// The characters that str.strip removes; JavaScript's \s differs.
const space = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+`
const outerSpace = new RegExp(`^${space}|${space}$`, 'g')

/** `text.strip()` */
export function trim(text: string): string {
  return text.replaceAll(outerSpace, '')
}

/** Decimal digits of other scripts as ASCII: their blocks of ten begin with zero. */
function asciiDigits(text: string): string {
  return /^[\0-\x7f]*$/.test(text)
    ? text
    : text.replaceAll(/\p{Nd}/gu, (digit) => String(digitValue(digit)))
}

function digitValue(digit: string): number {
  const code = digit.codePointAt(0) ?? 0
  let before = 0
  while (/\p{Nd}/u.test(String.fromCodePoint(code - before - 1))) before++
  return before % 10
}
