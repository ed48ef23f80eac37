import { isValueError } from './datetime-error.ts'
import { toFloat, toInt } from '../value/conversion.ts'
import { numeric } from '../value/number.ts'
import { floatText, str } from '../value/text.ts'
import type { Value } from '../value/value.ts'
import { PythonError } from '../value/python-error.ts'
import { PyDateTime } from '../value/py-datetime.ts'
import { compileStrftime } from './strftime.ts'
import { compileStrptime } from './strptime.ts'

/**
 * Airbyte's DatetimeParser: strptime and strftime with `%s` (seconds since 1970), `%s_as_float`, `%ms`,
 * `%epoch_microseconds`, and `%_ms` for milliseconds inside of a format. A time without a zone is read as
 * UTC.
 */
export interface DatetimeFormat {
  readonly format: string
  /** Throws a ValueError if the value does not match, a TypeError if it is not text or number. */
  parse(value: Value): PyDateTime
  /** The same, but undefined in place of a ValueError: for values that may have other formats. */
  match(value: Value): PyDateTime | undefined
  write(time: PyDateTime): string
}

export function datetimeFormat(format: string): DatetimeFormat {
  const epoch = epochFormats.get(format)
  if (epoch !== undefined) return { format, ...epoch, match: (value) => quietly(epoch, value) }
  const reader = compileStrptime(format.replaceAll('%_ms', '%f'), 0)
  const matcher = { parse: (value: Value) => reader.match(str(value)) }
  return {
    format,
    parse: (value) => reader.read(str(value)),
    match: (value) => quietly(matcher, value),
    write: format.includes('%_ms') ? milliseconds(format) : compileStrftime(format),
  }
}

function quietly(
  format: { readonly parse: (value: Value) => PyDateTime | undefined },
  value: Value,
): PyDateTime | undefined {
  try {
    return format.parse(value)
  } catch (error) {
    if (isValueError(error)) return undefined
    throw error
  }
}

interface EpochFormat {
  readonly parse: (value: Value) => PyDateTime
  readonly write: (time: PyDateTime) => string
}

const epochFormats: ReadonlyMap<string, EpochFormat> = new Map<string, EpochFormat>([
  [
    '%s',
    {
      parse: (value) => PyDateTime.ofTimestamp(Number(toInt(value))),
      write: (time) => String(Math.trunc(time.timestamp())),
    },
  ],
  [
    '%s_as_float',
    {
      parse: (value) => PyDateTime.ofTimestamp(Number(numeric(toFloat(value)))),
      write: (time) => floatText(time.timestamp()),
    },
  ],
  [
    '%epoch_microseconds',
    {
      parse: (value) => PyDateTime.ofEpochMicros(BigInt(toInt(value))),
      write: (time) => String(Math.trunc(time.timestamp() * 1e6)),
    },
  ],
  [
    '%ms',
    {
      parse: (value) => PyDateTime.ofEpochMicros(BigInt(toInt(value)) * 1000n),
      write: (time) => String(Math.trunc(time.timestamp() * 1000)),
    },
  ],
])

/** Writes the microseconds, and puts milliseconds in place of any text that looks like them. */
function milliseconds(format: string): (time: PyDateTime) => string {
  const write = compileStrftime(format.replaceAll('%_ms', '%f'))
  return (time) => {
    const micros = String(time.microsecond).padStart(6, '0')
    return write(time).replaceAll(micros, micros.slice(0, 3))
  }
}

/** False also if no time can be in the format. */
export function isTime(text: string, format: string): boolean {
  try {
    return datetimeFormat(format).match(text) !== undefined
  } catch (error) {
    if (error instanceof PythonError) return false
    throw error
  }
}
