import { float, int, type Value } from '../value/value.ts'
import { PyDate, PyDateTime } from '../value/py-datetime.ts'
import { PythonError } from '../value/python-error.ts'

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

const timestampForm =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d\d?)(?::(\d\d))?))?)?$/

/** A date, or a time with the zone that it names. Throws a RangeError for other texts. */
function timestampValue(text: string): PyDate | PyDateTime {
  const match = timestampForm.exec(text)
  if (match === null) throw new RangeError('Expected a date or a time')
  const [, year, month, day, hour, minute, second, fraction, zone] = match
  const date = { year: Number(year), month: Number(month), day: Number(day) }
  try {
    if (hour === undefined) return new PyDate(date.year, date.month, date.day)
    return new PyDateTime({
      ...date,
      hour: Number(hour),
      minute: Number(minute),
      second: Number(second),
      microsecond: Number((fraction ?? '').slice(0, 6).padEnd(6, '0')),
      offset: zone === undefined ? null : offsetOf(match),
    })
  } catch (error) {
    if (error instanceof PythonError) {
      throw new RangeError(`No such date or time: ${error.message}`, { cause: error })
    }
    throw error
  }
}

function offsetOf(match: RegExpExecArray): number {
  const [, , , , , , , , , sign, hours, minutes] = match
  if (sign === undefined) return 0
  const seconds = Number(hours) * 3600 + Number(minutes ?? 0) * 60
  if (seconds >= 86_400) throw new RangeError('Expected a zone of less than 24 hours')
  return sign === '-' ? -seconds : seconds
}
