import { SECONDS_A_DAY } from '../value/calendar.ts'
import { months, shortMonths, shortWeekdays, weekdays } from './names.ts'
import { limitError } from '../value/python-error.ts'
import { isoOffset, PyDateTime, zoneName, type PyDate } from '../value/py-datetime.ts'

/**
 * datetime.strftime and date.strftime of Python on Linux: glibc's directives, flags and widths in the C
 * locale.
 */
export function strftime(value: PyDate | PyDateTime, format: string): string {
  return compileStrftime(format)(value)
}

export type DateWriter = (value: PyDate | PyDateTime) => string

/** Compiled formats. A manifest has a few dozen; the bound is for formats that a template makes up. */
const compiled = new Map<string, DateWriter>()
const MAX_COMPILED = 500
/** Formats and widths of manifests are a few dozen characters: beyond these they are made to take memory. */
const MAX_FORMAT_LENGTH = 1000
const MAX_WIDTH = 1000

export function compileStrftime(format: string): DateWriter {
  const known = compiled.get(format)
  if (known !== undefined) return known
  if (format.length > MAX_FORMAT_LENGTH)
    throw limitError(`The format of a time is longer than ${MAX_FORMAT_LENGTH} characters.`)
  const parts = [...format.matchAll(pieces)].map(compilePiece)
  const writer: DateWriter = (value) => {
    const time = value instanceof PyDateTime ? value : atMidnight(value)
    let text = ''
    for (const part of parts) text += typeof part === 'string' ? part : part(time)
    return text
  }
  if (compiled.size >= MAX_COMPILED) compiled.clear()
  compiled.set(format, writer)
  return writer
}

/** Literal text, or a directive with flags, width and modifier. */
const pieces = /%([_0^#+-]*)(\d*)([EO]?)([^])|[^%]+|%/gu

type FormatPart = string | ((time: PyDateTime) => string)

function compilePiece(match: RegExpExecArray): FormatPart {
  const [whole, flags = '', width = '', , letter] = match
  if (Number(width) > MAX_WIDTH)
    throw limitError(`The format of a time has a width above ${MAX_WIDTH}.`)
  if (letter === undefined) return whole
  // Python itself writes these, and only without flags.
  if (whole === '%z') return (time) => (time.offset === 0 ? '+0000' : isoOffset(time.offset, ''))
  if (whole === '%Z') return (time) => (time.offset === null ? '' : zoneName(time.offset))
  if (whole === '%f') return (time) => sixDigits(time.microsecond)
  const number = numbers.get(letter)
  if (number !== undefined) {
    const write = numberWriter(number, flags, width === '' ? undefined : Number(width))
    return (time) => write(number.numberOf(time))
  }
  const text = texts.get(letter)
  if (text === undefined) return whole
  return (time) => padText(text(time), { flags, width: Number(width), letter })
}

interface NumberDirective {
  readonly numberOf: (time: PyDateTime) => number
  readonly width: number
  readonly pad: '0' | ' '
}

type TextDirective = (time: PyDateTime) => string

function zeroPadded(width: number, numberOf: NumberDirective['numberOf']): NumberDirective {
  return { numberOf, width, pad: '0' }
}

const numbers: ReadonlyMap<string, NumberDirective> = new Map([
  ['Y', zeroPadded(1, (time) => time.year)],
  ['C', zeroPadded(1, (time) => Math.floor(time.year / 100))],
  ['y', zeroPadded(2, (time) => time.year % 100)],
  ['G', zeroPadded(1, (time) => time.date().isoWeek().year)],
  ['g', zeroPadded(2, (time) => time.date().isoWeek().year % 100)],
  ['m', zeroPadded(2, (time) => time.month)],
  ['d', zeroPadded(2, (time) => time.day)],
  ['e', { numberOf: (time) => time.day, width: 2, pad: ' ' }],
  ['H', zeroPadded(2, (time) => time.hour)],
  ['k', { numberOf: (time) => time.hour, width: 2, pad: ' ' }],
  ['I', zeroPadded(2, twelveHour)],
  ['l', { numberOf: twelveHour, width: 2, pad: ' ' }],
  ['M', zeroPadded(2, (time) => time.minute)],
  ['S', zeroPadded(2, (time) => time.second)],
  ['j', zeroPadded(3, (time) => time.date().dayOfYear())],
  ['u', zeroPadded(1, (time) => time.date().weekday() + 1)],
  ['w', zeroPadded(1, sundayWeekday)],
  ['U', zeroPadded(2, (time) => weekOfYear(time, sundayWeekday(time)))],
  ['W', zeroPadded(2, (time) => weekOfYear(time, time.date().weekday()))],
  ['V', zeroPadded(2, (time) => time.date().isoWeek().week)],
  // The clock's own fields, whatever its zone: glibc takes them for local time, which is UTC.
  ['s', zeroPadded(1, (time) => time.epochSeconds + (time.offset ?? 0))],
])

const texts: ReadonlyMap<string, TextDirective> = new Map<string, TextDirective>([
  ['a', (time) => shortWeekdays[time.date().weekday()] ?? ''],
  ['A', (time) => weekdays[time.date().weekday()] ?? ''],
  ['b', (time) => shortMonths[time.month - 1] ?? ''],
  ['h', (time) => shortMonths[time.month - 1] ?? ''],
  ['B', (time) => months[time.month - 1] ?? ''],
  ['p', (time) => (time.hour < 12 ? 'AM' : 'PM')],
  ['P', (time) => (time.hour < 12 ? 'am' : 'pm')],
  ['c', (time) => strftime(time, '%a %b %e %H:%M:%S %Y')],
  ['D', (time) => strftime(time, '%m/%d/%y')],
  ['x', (time) => strftime(time, '%m/%d/%y')],
  ['F', (time) => strftime(time, '%Y-%m-%d')],
  ['R', (time) => strftime(time, '%H:%M')],
  ['r', (time) => strftime(time, '%I:%M:%S %p')],
  ['T', (time) => strftime(time, '%H:%M:%S')],
  ['X', (time) => strftime(time, '%H:%M:%S')],
  ['n', () => '\n'],
  ['t', () => '\t'],
  ['%', () => '%'],
  // Behind flags Python leaves these to glibc, which knows no zone for a tuple of fields.
  ['z', () => ''],
  ['Z', () => ''],
])

/** The last padding flag counts. */
function numberWriter(
  directive: NumberDirective,
  flags: string,
  givenWidth: number | undefined,
): (value: number) => string {
  const flag = /[_0+-](?=[^_0+-]*$)/.exec(flags)?.[0]
  if (flag === '-') return String
  const width = givenWidth ?? directive.width
  const isZeroPadded = flag === undefined ? directive.pad === '0' : flag !== '_'
  if (isZeroPadded && width <= 2) return width === 2 ? twoDigits : String
  const pad = isZeroPadded ? '0' : ' '
  return (value) => {
    const sign = value < 0 ? '-' : ''
    return `${sign}${String(Math.abs(value)).padStart(width - sign.length, pad)}`
  }
}

const twoDigitTexts = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, '0'))

function twoDigits(value: number): string {
  return twoDigitTexts[value] ?? String(value)
}

function sixDigits(value: number): string {
  const high = Math.floor(value / 10_000)
  const middle = Math.floor(value / 100) % 100
  return `${twoDigits(high)}${twoDigits(middle)}${twoDigits(value % 100)}`
}

function padText(
  value: string,
  layout: { readonly flags: string; readonly width: number; readonly letter: string },
): string {
  const { flags, width, letter } = layout
  const pad = flags.includes('0') ? '0' : ' '
  return changeCase(value, flags, letter).padStart(width, pad)
}

/** `^` is upper case; `#` the opposite case, which for names is upper case too. */
function changeCase(value: string, flags: string, letter: string): string {
  if (flags.includes('#') && letter === 'p') return value.toLowerCase()
  if (flags.includes('^')) return value.toUpperCase()
  return flags.includes('#') && 'aAbBh'.includes(letter) ? value.toUpperCase() : value
}

function twelveHour(time: PyDateTime): number {
  return time.hour % 12 === 0 ? 12 : time.hour % 12
}

function sundayWeekday(time: PyDateTime): number {
  return (time.date().weekday() + 1) % 7
}

/** @param weekday counted from the day on which weeks begin */
function weekOfYear(time: PyDateTime, weekday: number): number {
  return Math.floor((time.date().dayOfYear() - 1 + 7 - weekday) / 7)
}

function atMidnight(date: PyDate): PyDateTime {
  return PyDateTime.ofEpoch(date.days * SECONDS_A_DAY, 0, null)
}
