import { typeError, valueError } from '../value/python-error.ts'
import { numeric } from '../value/number.ts'
import { typeName } from '../value/type-name.ts'
import { float, PyObject, PyTuple, type Keywords, type Value } from '../value/value.ts'
import { DAYS_TO_1970 } from './calendar.ts'
import { parseIsoDateTime } from './iso-datetime.ts'
import { PyDate, PyDateTime, PyTimeDelta, zoneName, type IsoPrecision } from './py-datetime.ts'
import { strftime } from './strftime.ts'
import { strptime } from './strptime.ts'
import type { Time } from './time-arithmetic.ts'

/** What a template may read of a time and call on it; undefined for any other name. Methods are callable objects. */
export function timeAttribute(time: Time, name: string): Value | undefined {
  if (time instanceof PyDateTime) return attributeOf(time, name, dateTimeAttributes)
  if (time instanceof PyDate) return attributeOf(time, name, dateAttributes)
  return attributeOf(time, name, timeDeltaAttributes)
}

/** A method's arguments by name: positions first, then keywords. */
type Arguments = ReadonlyMap<string, Value | undefined>

type Attribute<T> =
  | { readonly read: (time: T) => Value | undefined }
  | {
      readonly call: (time: T, args: Arguments) => Value
      /** Of the parameters, in their order; a method without any takes none. */
      readonly parameters?: readonly string[]
    }
type Attributes<T> = ReadonlyMap<string, Attribute<T>>

function attributeOf<T>(time: T, name: string, attributes: Attributes<T>): Value | undefined {
  const attribute = attributes.get(name)
  if (attribute === undefined) return undefined
  if ('read' in attribute) return attribute.read(time)
  const { call, parameters = [] } = attribute
  return new PyObject({
    type: 'builtin_function_or_method',
    call: (args, keywords) => call(time, bind(name, parameters, { args, keywords })),
  })
}

function bind(
  method: string,
  parameters: readonly string[],
  {
    args,
    keywords,
  }: { readonly args: readonly (Value | undefined)[]; readonly keywords: Keywords },
): Arguments {
  if (args.length > parameters.length)
    throw typeError(
      `${method}() takes at most ${String(parameters.length)} arguments (${String(args.length)} given)`,
    )
  const bound = new Map<string, Value | undefined>()
  for (const [index, argument] of args.entries()) bound.set(parameters[index] ?? '', argument)
  for (const [name, value] of keywords ?? []) {
    if (!parameters.includes(name) || bound.has(name))
      throw typeError(`${method}() got an unexpected argument '${name}'`)
    bound.set(name, value)
  }
  return bound
}

function textArgument(args: Arguments, name: string): string {
  const value = args.get(name)
  if (typeof value === 'string') return value
  throw typeError(`${name} must be str, not ${value === undefined ? 'missing' : typeName(value)}`)
}

function intArgument(args: Arguments, name: string, otherwise: number): number {
  const value = args.get(name)
  if (value === undefined) return otherwise
  const number = numeric(value)
  if (number !== undefined && Number.isInteger(Number(number))) return Number(number)
  throw typeError(`'${typeName(value)}' object cannot be interpreted as an integer`)
}

function numberArgument(args: Arguments, name: string): number {
  const value = args.get(name)
  const number = value === undefined ? undefined : numeric(value)
  if (number === undefined) throw typeError('a number is required')
  return Number(number)
}

/** What datetime.datetime and datetime.date have in common. */
function dateFields<T extends PyDate | PyDateTime>(): [string, Attribute<T>][] {
  const dateOf = (time: T): PyDate => (time instanceof PyDateTime ? time.date() : time)
  return [
    ['year', { read: (time) => time.year }],
    ['month', { read: (time) => time.month }],
    ['day', { read: (time) => time.day }],
    [
      'strftime',
      {
        parameters: ['format'],
        call: (time, args) => strftime(time, textArgument(args, 'format')),
      },
    ],
    ['weekday', { call: (time) => dateOf(time).weekday() }],
    ['isoweekday', { call: (time) => dateOf(time).weekday() + 1 }],
    ['isocalendar', { call: (time) => isoCalendar(dateOf(time)) }],
    ['toordinal', { call: (time) => dateOf(time).days + DAYS_TO_1970 }],
    ['ctime', { call: (time) => strftime(time, '%a %b %e %H:%M:%S %Y') }],
  ]
}

function isoCalendar(date: PyDate): PyTuple {
  const { year, week } = date.isoWeek()
  return new PyTuple([year, week, date.weekday() + 1])
}

const dateAttributes: Attributes<PyDate> = new Map<string, Attribute<PyDate>>([
  ...dateFields<PyDate>(),
  ['isoformat', { call: (date) => date.isoFormat() }],
  [
    'replace',
    {
      parameters: ['year', 'month', 'day'],
      call: (date, args) =>
        new PyDate(
          intArgument(args, 'year', date.year),
          intArgument(args, 'month', date.month),
          intArgument(args, 'day', date.day),
        ),
    },
  ],
  ['timetuple', { call: (date) => timeTuple(date, [0, 0, 0]) }],
  [
    'fromisoformat',
    {
      parameters: ['date_string'],
      call: (_, args) => parseIsoDateTime(textArgument(args, 'date_string')).date(),
    },
  ],
  [
    'fromtimestamp',
    {
      parameters: ['timestamp'],
      call: (_, args) => PyDateTime.ofTimestamp(numberArgument(args, 'timestamp')).date(),
    },
  ],
])

function timeTuple(date: PyDate, clock: readonly number[]): PyTuple {
  const { year, month, day } = date
  return new PyTuple([year, month, day, ...clock, date.weekday(), date.dayOfYear(), -1])
}

const dateTimeAttributes: Attributes<PyDateTime> = new Map<string, Attribute<PyDateTime>>([
  ...dateFields<PyDateTime>(),
  ['hour', { read: (time) => time.hour }],
  ['minute', { read: (time) => time.minute }],
  ['second', { read: (time) => time.second }],
  ['microsecond', { read: (time) => time.microsecond }],
  ['fold', { read: () => 0 }],
  ['tzinfo', { read: (time) => (time.offset === null ? null : zoneObject(time.offset)) }],
  ['date', { call: (time) => time.date() }],
  ['timestamp', { call: (time) => float(time.timestamp()) }],
  [
    'isoformat',
    {
      parameters: ['sep', 'timespec'],
      call: (time, args) => time.isoFormat(separatorOf(args), precisionOf(args)),
    },
  ],
  [
    'replace',
    {
      parameters: ['year', 'month', 'day', 'hour', 'minute', 'second', 'microsecond', 'tzinfo'],
      call: replaceFields,
    },
  ],
  [
    'utcoffset',
    { call: (time) => (time.offset === null ? null : PyTimeDelta.ofSeconds(time.offset)) },
  ],
  ['tzname', { call: (time) => (time.offset === null ? null : zoneName(time.offset)) }],
  ['dst', { call: () => null }],
  [
    'astimezone',
    {
      parameters: ['tz'],
      call: (time, args) => time.atOffset(args.has('tz') ? offsetOf(args.get('tz')) : 0),
    },
  ],
  ['timetuple', { call: (time) => timeTuple(time.date(), [time.hour, time.minute, time.second]) }],
  [
    'strptime',
    {
      parameters: ['date_string', 'format'],
      call: (_, args) => strptime(textArgument(args, 'date_string'), textArgument(args, 'format')),
    },
  ],
  [
    'fromisoformat',
    {
      parameters: ['date_string'],
      call: (_, args) => parseIsoDateTime(textArgument(args, 'date_string')),
    },
  ],
  [
    'fromtimestamp',
    {
      parameters: ['timestamp', 'tz'],
      call: (_, args) => {
        const time = PyDateTime.ofTimestamp(numberArgument(args, 'timestamp'))
        const zone = args.get('tz') ?? null
        return zone === null ? time.with({ offset: null }) : time.atOffset(offsetOf(zone))
      },
    },
  ],
  [
    'utcfromtimestamp',
    {
      parameters: ['timestamp'],
      call: (_, args) =>
        PyDateTime.ofTimestamp(numberArgument(args, 'timestamp')).with({ offset: null }),
    },
  ],
])

function replaceFields(time: PyDateTime, args: Arguments): PyDateTime {
  return time.with({
    year: intArgument(args, 'year', time.year),
    month: intArgument(args, 'month', time.month),
    day: intArgument(args, 'day', time.day),
    hour: intArgument(args, 'hour', time.hour),
    minute: intArgument(args, 'minute', time.minute),
    second: intArgument(args, 'second', time.second),
    microsecond: intArgument(args, 'microsecond', time.microsecond),
    offset: replacedOffset(time, args),
  })
}

function replacedOffset(time: PyDateTime, args: Arguments): number | null {
  if (!args.has('tzinfo')) return time.offset
  const zone = args.get('tzinfo') ?? null
  return zone === null ? null : offsetOf(zone)
}

function separatorOf(args: Arguments): string {
  const separator = args.has('sep') ? textArgument(args, 'sep') : 'T'
  if (Array.from(separator).length !== 1)
    throw typeError('isoformat() needs a separator of one character')
  return separator
}

const precisions: ReadonlyMap<string, IsoPrecision> = new Map(
  (['auto', 'hours', 'minutes', 'seconds', 'milliseconds', 'microseconds'] as const).map(
    (precision) => [precision, precision],
  ),
)

function precisionOf(args: Arguments): IsoPrecision {
  if (!args.has('timespec')) return 'auto'
  const precision = precisions.get(textArgument(args, 'timespec'))
  if (precision === undefined) throw valueError('Unknown timespec value')
  return precision
}

/** `tzinfo` has nothing of use but its text, and can be handed to another time. */
function zoneObject(offset: number): PyObject {
  const zone = new PyObject({
    type: 'datetime.timezone',
    repr: () => zoneName(offset),
    attribute: (name) => (name === 'zone' ? zoneName(offset) : undefined),
  })
  offsets.set(zone, offset)
  return zone
}
const offsets = new WeakMap<PyObject, number>()

function offsetOf(zone: Value | undefined): number {
  const offset = zone instanceof PyObject ? offsets.get(zone) : undefined
  if (offset === undefined) throw typeError('tzinfo argument must be None or of a tzinfo subclass')
  return offset
}

const timeDeltaAttributes: Attributes<PyTimeDelta> = new Map<string, Attribute<PyTimeDelta>>([
  ['days', { read: (delta) => delta.days }],
  ['seconds', { read: (delta) => delta.seconds }],
  ['microseconds', { read: (delta) => delta.microseconds }],
  ['total_seconds', { call: (delta) => float(delta.totalSeconds()) }],
  ['years', { read: (delta) => calendarPart(delta, 'years') }],
  ['months', { read: (delta) => calendarPart(delta, 'months') }],
  ['tdelta', { read: (delta) => new PyTimeDelta(delta.micros) }],
])

/** Only an isodate.Duration has these. */
function calendarPart(delta: PyTimeDelta, name: 'years' | 'months'): number | undefined {
  return delta.isCalendar ? delta[name] : undefined
}
