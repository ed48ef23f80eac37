import { float, int, type Value } from '../value/value.ts'
import { timestampValue } from './timestamp-value.ts'

/** Builds the value of a scalar of a tag of YAML's own. Throws a RangeError that says what it is not. */
export function scalarValue(type: string, text: string): Value | undefined {
  switch (type) {
    case 'str':
      return text
    case 'null':
      return null
    case 'bool':
      return boolValue(text)
    case 'int':
      return intValue(text)
    case 'float':
      return floatValue(text)
    case 'binary':
      return binaryValue(text)
    case 'timestamp':
      return timestampValue(text)
    default:
      return undefined
  }
}

const truths = new Map([
  ['yes', true],
  ['no', false],
  ['true', true],
  ['false', false],
  ['on', true],
  ['off', false],
])

function boolValue(text: string): boolean {
  const value = truths.get(text.toLowerCase())
  if (value === undefined) throw new RangeError('Expected true or false')
  return value
}

function intValue(text: string): number | bigint {
  const { negative, digits } = signed(text.replaceAll('_', ''))
  const value = digits.includes(':') ? sexagesimal(digits) : plainInt(digits)
  return int(negative ? -value : value)
}

function plainInt(digits: string): bigint {
  // BigInt reads an empty text as 0.
  if (/^0b[01]+$/.test(digits) || /^0x[\da-f]+$/i.test(digits) || /^\d+$/.test(digits)) {
    const octal = digits.length > 1 && /^0\d/.test(digits)
    if (!octal) return BigInt(digits)
    if (/^[0-7]+$/.test(digits)) return BigInt(`0o${digits}`)
  }
  throw new RangeError('Expected an integer')
}

function sexagesimal(digits: string): bigint {
  return digits.split(':').reduce((value, part) => value * 60n + plainDecimal(part), 0n)
}

function plainDecimal(part: string): bigint {
  if (!/^\d+$/.test(part)) throw new RangeError('Expected an integer')
  return BigInt(part)
}

function floatValue(text: string): Value {
  const { negative, digits } = signed(text.replaceAll('_', '').toLowerCase())
  const value = digits.includes(':') ? sexagesimalFloat(digits) : plainFloat(digits)
  return float(negative ? -value : value)
}

/** From the smallest place up, as the reference adds them: another order rounds otherwise. */
function sexagesimalFloat(digits: string): number {
  let base = 1
  let value = 0
  for (const part of digits.split(':').toReversed()) {
    value += plainFloat(part) * base
    base *= 60
  }
  return value
}

function plainFloat(digits: string): number {
  if (/^(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/.test(digits)) return Number(digits)
  if (/^(?:\.inf|inf|infinity)$/.test(digits)) return Infinity
  if (/^\.?nan$/.test(digits)) return NaN
  throw new RangeError('Expected a number')
}

function signed(text: string): { readonly negative: boolean; readonly digits: string } {
  const sign = text.charAt(0)
  return { negative: sign === '-', digits: sign === '-' || sign === '+' ? text.slice(1) : text }
}

function binaryValue(text: string): Uint8Array {
  const letters = text.replaceAll(/[^A-Za-z\d+/=]/g, '')
  if (letters.length % 4 !== 0) throw new RangeError('Expected base64 text')
  return new Uint8Array(Buffer.from(letters, 'base64'))
}
