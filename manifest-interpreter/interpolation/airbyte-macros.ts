import { datetimeFormat } from '../datetime/datetime-parser.ts'
import { parseIsoDateTime } from '../datetime/iso-datetime.ts'
import { parseIsoDuration } from '../datetime/iso-duration.ts'
import { PyDate, PyDateTime, PyTimeDelta } from '../value/py-datetime.ts'
import { strftime } from '../datetime/strftime.ts'
import { strptime } from '../datetime/strptime.ts'
import { addToDateTime } from '../value/time-arithmetic.ts'
import type { Budget } from '../jinja/budget.ts'
import type { GlobalFunction } from '../jinja/globals.ts'
import { lengthOf, toList } from '../jinja/iterate.ts'
import { textArgument } from '../jinja/methods/string-methods.ts'
import { quotePlus } from '../jinja/text-filters.ts'
import { defined, entryOf, operandOf, type Operand } from '../jinja/operand.ts'
import { toInt } from '../value/conversion.ts'
import { textOf } from '../value/hashable.ts'
import { isInt, numeric } from '../value/number.ts'
import { compare } from '../value/ordering.ts'
import { PythonError, typeError, valueError } from '../value/python-error.ts'
import { truth } from '../value/truth.ts'
import { float, type Value } from '../value/value.ts'

/** The inputs that macros take from outside. */
export interface MacroSource {
  /** Microseconds since 1970. */
  nowMicros(): number | bigint
  uuid(): string
}

/** The functions that Airbyte adds to Jinja's. */
export function airbyteMacros(source: MacroSource): ReadonlyMap<string, GlobalFunction> {
  const now = (): PyDateTime => PyDateTime.ofEpochMicros(BigInt(source.nowMicros()), 0)
  return new Map<string, GlobalFunction>([
    ['now_utc', { run: now }],
    ['today_utc', { run: () => now().date() }],
    [
      'today_with_timezone',
      { required: ['timezone'], run: ([zone]) => dateIn(textArgument(zone), now()) },
    ],
    ['timestamp', { required: ['dt'], run: ([time]) => timestamp(time) }],
    ['str_to_datetime', { required: ['s'], run: ([text]) => parseTime(text) }],
    ['max', { rest: true, run: (args, budget) => extreme('>', args, budget) }],
    ['min', { rest: true, run: (args, budget) => extreme('<', args, budget) }],
    [
      'day_delta',
      {
        required: ['num_days'],
        optional: { format: '%Y-%m-%dT%H:%M:%S.%f%z' },
        run: ([days, format]) => dayDelta(now(), days, format),
      },
    ],
    ['duration', { required: ['datestring'], run: ([text]) => duration(text) }],
    [
      'format_datetime',
      {
        required: ['dt', 'format'],
        optional: { input_format: null },
        run: formatTime,
      },
    ],
    ['sanitize_url', { required: ['value'], run: ([value]) => sanitizeUrl(value) }],
    [
      'camel_case_to_snake_case',
      { required: ['value'], run: ([value]) => macroSnakeCase(textArgument(value)) },
    ],
    ['generate_uuid', { run: () => source.uuid() }],
  ])
}

function dateIn(zone: string, now: PyDateTime): PyDate {
  // Intl knows offsets, too, which are no zones of Python.
  if (!/^[A-Za-z]/.test(zone)) throw unknownZone()
  const parts = zoneFormat(zone).formatToParts(now.epochSeconds * 1000)
  const field = (type: string): number =>
    Number(parts.find((part) => part.type === type)?.value ?? Number.NaN)
  return new PyDate(field('year'), field('month'), field('day'))
}

function zoneFormat(zone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
    })
  } catch (error) {
    if (error instanceof RangeError) throw unknownZone()
    throw error
  }
}

function unknownZone(): PythonError {
  return new PythonError('KeyError', 'The time zone is unknown: give a name such as Europe/Paris.')
}

function timestamp(time: Operand): Value {
  const value = defined(time)
  if (numeric(value) !== undefined) return toInt(value)
  return float(parseTime(value).timestamp())
}

/** In UTC, which is taken for the zone if the text has none. */
function parseTime(source: Operand): PyDateTime {
  const value = defined(source)
  const text = textOf(value)
  if (text === undefined) throw noTime(value)
  const time = parseIsoDateTime(text)
  return time.offset === null ? time.with({ offset: 0 }) : time.atOffset(0)
}

/**
 * A short value, such as an empty list in the place of a time, is a fault of the data. Any other value makes
 * the template plain text.
 */
function noTime(value: Value): PythonError {
  const size = lengthOf(value)
  return size !== undefined && size < 4
    ? valueError('ISO string too short')
    : typeError('A time must be given as a text.')
}

/**
 * The greatest or least item of a single argument, else the greatest or least argument. The first of equals
 * wins.
 */
function extreme(operator: '<' | '>', args: readonly Operand[], budget: Budget): Operand {
  const items = args.length === 1 ? toList(args[0], budget) : args.map(entryOf)
  const [first, ...rest] = items
  if (args.length === 0) throw typeError('max and min want an argument')
  if (first === undefined) throw valueError('max() or min() arg is an empty sequence')
  let best = first
  for (const item of rest) if (compare(operator, item, best)) best = item
  return operandOf(best)
}

function dayDelta(now: PyDateTime, days: Operand, format: Operand): string {
  const count = numeric(entryOf(days))
  if (count === undefined) throw typeError('day_delta wants a number of days')
  return strftime(addToDateTime(now, PyTimeDelta.ofDays(Number(count))), textArgument(format))
}

function duration(text: Operand): PyTimeDelta {
  const source = textOf(text)
  if (source === undefined) throw typeError('Expecting a string')
  return parseIsoDuration(source)
}

function formatTime([time, format, inputFormat]: readonly Operand[]): string {
  const pattern = textArgument(format)
  if (time instanceof PyDateTime) return strftime(time, pattern)
  const parsed = readTime(time, inputFormat)
  const aware = parsed.offset === null ? parsed.with({ offset: 0 }) : parsed
  return datetimeFormat(pattern).write(aware)
}

function readTime(time: Operand, inputFormat: Operand): PyDateTime {
  const format = truth(inputFormat) ? textArgument(inputFormat) : undefined
  if (isInt(time) || typeof time === 'boolean') return datetimeFormat(format ?? '%s').parse(time)
  return format === undefined ? parseTime(time) : strptime(textArgument(time), format)
}

function sanitizeUrl(value: Operand): string {
  if (textOf(value) === undefined && !(value instanceof Uint8Array)) {
    throw typeError('quote_from_bytes() expected bytes')
  }
  return quotePlus(value)
}

function macroSnakeCase(text: string): string {
  return text.replace(/(?<!^)(?=[A-Z])/g, '_').toLowerCase()
}
