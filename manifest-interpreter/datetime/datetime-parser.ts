import { numeric } from '../value/number.ts'
import { PythonError, typeError, valueError } from '../value/python-error.ts'
import { floatText, str } from '../value/text.ts'
import { typeName } from '../value/type-name.ts'
import { PyFloat, type Value } from '../value/value.ts'
import { PyDateTime } from './py-datetime.ts'
import { compileStrftime } from './strftime.ts'
import { compileStrptime } from './strptime.ts'

/**
 * Airbyte's DatetimeParser: strptime and strftime with `%s` (seconds since 1970), `%s_as_float`, `%ms`,
 * `%epoch_microseconds`, and `%_ms` for milliseconds inside of a format. What it reads without a zone is in UTC.
 */
export interface DatetimeFormat {
  readonly format: string
  /** Throws a ValueError where the value does not match, a TypeError where it is no text or number. */
  parse(value: Value): PyDateTime
  write(time: PyDateTime): string
}

export function datetimeFormat(format: string): DatetimeFormat {
  const epoch = epochFormats.get(format)
  if (epoch !== undefined) return { format, ...epoch }
  const read = compileStrptime(format.replaceAll('%_ms', '%f'))
  return {
    format,
    parse: (value) => {
      const time = read(str(value))
      return time.offset === null ? time.with({ offset: 0 }) : time
    },
    write: format.includes('%_ms') ? milliseconds(format) : compileStrftime(format),
  }
}

const epochFormats: ReadonlyMap<string, Pick<DatetimeFormat, 'parse' | 'write'>> = new Map([
  [
    '%s',
    {
      parse: (value: Value) => PyDateTime.ofTimestamp(Number(toInt(value))),
      write: (time: PyDateTime) => String(Math.trunc(time.timestamp())),
    },
  ],
  [
    '%s_as_float',
    {
      parse: (value: Value) => PyDateTime.ofTimestamp(toFloat(value)),
      write: (time: PyDateTime) => floatText(time.timestamp()),
    },
  ],
  [
    '%epoch_microseconds',
    {
      parse: (value: Value) => PyDateTime.ofEpochMicros(toInt(value)),
      write: (time: PyDateTime) => String(Math.trunc(time.timestamp() * 1e6)),
    },
  ],
  [
    '%ms',
    {
      parse: (value: Value) => PyDateTime.ofEpochMicros(toInt(value) * 1000n),
      write: (time: PyDateTime) => String(Math.trunc(time.timestamp() * 1000)),
    },
  ],
])

/** Writes the microseconds, and puts milliseconds in place of whatever looks like them. */
function milliseconds(format: string): (time: PyDateTime) => string {
  const write = compileStrftime(format.replaceAll('%_ms', '%f'))
  return (time) => {
    const micros = String(time.microsecond).padStart(6, '0')
    return write(time).replaceAll(micros, micros.slice(0, 3))
  }
}

/** Python's int(value). */
function toInt(value: Value): bigint {
  if (typeof value === 'string') {
    const text = value.trim()
    if (!/^[+-]?\d+(?:_\d+)*$/.test(text))
      throw valueError('invalid literal for int() with base 10')
    const digits = text.replaceAll('_', '')
    return BigInt(digits.startsWith('+') ? digits.slice(1) : digits)
  }
  const number = numeric(value)
  if (number === undefined)
    throw typeError(`int() argument must be a string or a real number, not '${typeName(value)}'`)
  if (typeof number === 'bigint') return number
  if (Number.isNaN(number)) throw valueError('cannot convert float NaN to integer')
  if (!Number.isFinite(number))
    throw new PythonError('OverflowError', 'cannot convert float infinity to integer')
  return BigInt(Math.trunc(number))
}

/** Python's float(value). */
function toFloat(value: Value): number {
  if (value instanceof PyFloat) return value.value
  if (typeof value === 'string') {
    const text = value.trim().replaceAll(/(?<=\d)_(?=\d)/g, '')
    if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) return Number(text)
    if (/^[+-]?nan$/i.test(text)) return Number.NaN
    if (/^[+-]?inf(?:inity)?$/i.test(text))
      return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
    throw valueError('could not convert string to float')
  }
  const number = numeric(value)
  if (number === undefined)
    throw typeError(`float() argument must be a string or a real number, not '${typeName(value)}'`)
  return Number(number)
}
