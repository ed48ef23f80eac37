import { civilFromDays, daysFromCivil, weekdayOf } from '../value/calendar.ts'
import { limitError, PythonError, valueError } from '../value/python-error.ts'
import { reprText } from '../value/text.ts'
import { months, shortMonths, shortWeekdays, weekdays } from './names.ts'
import { checkDate, checkDays } from '../value/py-date.ts'
import { PyDateTime } from '../value/py-datetime.ts'
import { compileFixedLayout } from './fixed-layout.ts'

/**
 * datetime.strptime of Python in the C locale with the zone UTC. Throws a ValueError if the text does not
 * match.
 */
export function strptime(text: string, format: string): PyDateTime {
  return compileStrptime(format).read(text)
}

export interface DateReader {
  /** Throws a ValueError if the text does not match, or is no valid time. */
  read(text: string): PyDateTime
  /** Undefined if the text does not match: cheaper than an error. Throws a ValueError for an invalid time. */
  match(text: string): PyDateTime | undefined
}

const compiled = new Map<string, DateReader>()
const MAX_COMPILED = 500

/** @param naiveOffset of what is read without one: null, or 0 */
export function compileStrptime(format: string, naiveOffset: 0 | null = null): DateReader {
  const key = `${String(naiveOffset)} ${format}`
  const known = compiled.get(key)
  if (known !== undefined) return known
  const reader = makeReader(format, naiveOffset)
  if (compiled.size >= MAX_COMPILED) compiled.clear()
  compiled.set(key, reader)
  return reader
}

function makeReader(format: string, naiveOffset: 0 | null): DateReader {
  const pattern = compilePattern(format)
  if (pattern instanceof PythonError) return unreadable(pattern)
  const fixed = compileFixedLayout(format, naiveOffset)
  const { regex, letters } = pattern
  const match = (text: string): PyDateTime | undefined => {
    const quick = fixed?.(text)
    if (quick !== undefined) return quick
    const found = regex.exec(text)
    if (found?.[0].length !== text.length) return undefined
    const time = fromFields(
      new Map(letters.map((letter, index) => [letter, found[index + 1] ?? ''])),
    )
    return time.offset === null ? time.with({ offset: naiveOffset }) : time
  }
  const read = (text: string): PyDateTime => {
    const time = match(text)
    if (time !== undefined) return time
    const matched = regex.exec(text)?.[0]
    throw valueError(
      matched === undefined
        ? `The time does not match the format ${reprText(format)}.`
        : `The time continues after what the format ${reprText(format)} reads.`,
    )
  }
  return { match, read }
}

/** A faulty format is an error each time that it is used, not when it is compiled. */
function unreadable({ kind, message }: PythonError): DateReader {
  const fail = (): never => {
    throw new PythonError(kind, message)
  }
  return { match: fail, read: fail }
}

function alternatives(names: readonly string[]): string {
  return [...names].sort((left, right) => right.length - left.length).join('|')
}

const MAX_FORMAT_LENGTH = 1000

/** The pattern of each directive. `%c`, `%x` and `%X` stand for several. */
const patterns: ReadonlyMap<string, string> = new Map([
  ['d', '3[0-1]|[1-2]\\d|0[1-9]|[1-9]| [1-9]'],
  ['f', '[0-9]{1,6}'],
  ['H', '2[0-3]|[0-1]\\d|\\d'],
  ['I', '1[0-2]|0[1-9]|[1-9]'],
  ['G', '\\d\\d\\d\\d'],
  ['j', '36[0-6]|3[0-5]\\d|[1-2]\\d\\d|0[1-9]\\d|00[1-9]|[1-9]\\d|0[1-9]|[1-9]'],
  ['m', '1[0-2]|0[1-9]|[1-9]'],
  ['M', '[0-5]\\d|\\d'],
  ['S', '6[0-1]|[0-5]\\d|\\d'],
  ['U', '5[0-3]|[0-4]\\d|\\d'],
  ['W', '5[0-3]|[0-4]\\d|\\d'],
  ['w', '[0-6]'],
  ['u', '[1-7]'],
  ['V', '5[0-3]|0[1-9]|[1-4]\\d|\\d'],
  ['y', '\\d\\d'],
  ['Y', '\\d\\d\\d\\d'],
  ['z', '[+-]\\d\\d:?[0-5]\\d(?::?[0-5]\\d(?:\\.\\d{1,6})?)?|(?-i:Z)'],
  ['A', alternatives(weekdays)],
  ['a', alternatives(shortWeekdays)],
  ['B', alternatives(months)],
  ['b', alternatives(shortMonths)],
  ['p', 'am|pm'],
  ['Z', 'utc|gmt'],
])
const composed: ReadonlyMap<string, string> = new Map([
  ['c', '%a %b %d %H:%M:%S %Y'],
  ['x', '%m/%d/%y'],
  ['X', '%H:%M:%S'],
])

interface Pattern {
  readonly regex: RegExp
  readonly letters: readonly string[]
}

function compilePattern(format: string): Pattern | PythonError {
  if (format.length > MAX_FORMAT_LENGTH)
    return limitError(`The format of a time is longer than ${MAX_FORMAT_LENGTH} characters.`)
  const letters: string[] = []
  let source = ''
  for (const [piece] of expand(format).matchAll(/%[^]?|\s+|[^%\s]+/gu)) {
    const part = compilePiece(piece, format)
    if (part instanceof PythonError) return part
    source += part.source
    if (part.letter === undefined) continue
    if (letters.includes(part.letter))
      return new PythonError('TypeError', `The format '${format}' has %${part.letter} twice.`)
    letters.push(part.letter)
  }
  return { regex: new RegExp(`^(?:${source})`, 'i'), letters }
}

function expand(format: string): string {
  return format.replace(/%(%|[cxX])/g, (whole, letter: string) => composed.get(letter) ?? whole)
}

function compilePiece(
  piece: string,
  format: string,
): { readonly source: string; readonly letter?: string } | PythonError {
  if (piece === '%%') return { source: '%' }
  if (piece === '%') return valueError(`stray % in format '${format}'`)
  if (piece.startsWith('%')) {
    const letter = piece.slice(1)
    const pattern = patterns.get(letter)
    if (pattern !== undefined) return { source: `(${pattern})`, letter }
    return valueError(
      `'${letter.trim() === '' ? '%' : letter}' is a bad directive in format '${format}'`,
    )
  }
  return { source: piece.trim() === '' ? '\\s+' : piece.replace(/[\\.^$*+?(){}[\]|/]/g, '\\$&') }
}

type FieldTexts = ReadonlyMap<string, string>

function fromFields(found: FieldTexts): PyDateTime {
  const date = readDate(found)
  return new PyDateTime({
    ...date,
    hour: readHour(found),
    minute: numberOf(found, 'M') ?? 0,
    second: numberOf(found, 'S') ?? 0,
    microsecond: Number((found.get('f') ?? '0').padEnd(6, '0')),
    offset: readOffset(found.get('z')),
  })
}

function numberOf(found: FieldTexts, letter: string): number | undefined {
  const text = found.get(letter)
  return text === undefined ? undefined : Number(text)
}

function indexOf(names: readonly string[], name: string | undefined): number | undefined {
  if (name === undefined) return undefined
  return names.findIndex((known) => known.toLowerCase() === name.toLowerCase())
}

function readHour(found: FieldTexts): number {
  const twelve = numberOf(found, 'I')
  if (twelve === undefined) return numberOf(found, 'H') ?? 0
  const afternoon = found.get('p')?.toLowerCase() === 'pm'
  return (twelve % 12) + (afternoon ? 12 : 0)
}

function readOffset(text: string | undefined): number | null {
  if (text === undefined) return null
  if (text === 'Z') return 0
  const colonAfterHours = text.charAt(3) === ':'
  const rest = text.slice(colonAfterHours ? 4 : 3)
  if (colonAfterHours && rest.length > 2 && rest.charAt(2) !== ':')
    throw valueError('The offset of the time uses : in part only.')
  const digits = `${text.slice(1, 3)}${rest.replace(':', '')}`
  const seconds =
    Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2, 4)) * 60 + Number(digits.slice(4, 6))
  if (seconds >= 86_400)
    throw valueError('offset must be a timedelta strictly between a day back and a day ahead')
  return text.startsWith('-') ? 0 - seconds : seconds
}

interface CivilDate {
  readonly year: number
  readonly month: number
  readonly day: number
}

function readDate(found: FieldTexts): CivilDate {
  const weekday = readWeekday(found)
  const year = readYear(found, weekday)
  const month = readMonth(found)
  const day = numberOf(found, 'd') ?? 1
  const start = ordinalStart(found, year ?? 1900, weekday)
  if (start !== undefined) {
    checkDays(start)
    return civilFromDays(start)
  }
  // A leap day without a year is valid: 1900 has none, the check is made in 1904 and the date then fails in
  // 1900.
  const checkedYear = year ?? (month === 2 && day === 29 ? 1904 : 1900)
  checkDate(checkedYear, month, day)
  return { year: year ?? 1900, month, day }
}

function readYear(found: FieldTexts, weekday: number | undefined): number | undefined {
  checkIsoYear(found, weekday)
  const year = numberOf(found, 'Y')
  if (year !== undefined) return year
  const short = numberOf(found, 'y')
  return short === undefined ? undefined : short + (short <= 68 ? 2000 : 1900)
}

/** ISO years and weeks are valid only together, with a day of the week. */
function checkIsoYear(found: FieldTexts, weekday: number | undefined): void {
  const hasYear = found.has('Y') || found.has('y')
  if (!hasYear && found.has('G')) {
    if (!found.has('V') || weekday === undefined)
      throw valueError(`ISO year directive '%G' ${withWeek}`)
    if (found.has('j'))
      throw valueError(
        "Day of the year directive '%j' is not compatible with ISO year directive '%G'. Use '%Y' instead.",
      )
    return
  }
  if (!found.has('V') || found.has('U') || found.has('W')) return
  throw valueError(
    weekday === undefined
      ? `ISO week directive '%V' ${withWeek}`
      : "ISO week directive '%V' is incompatible with the year directive '%Y'. Use the ISO year '%G' instead.",
  )
}
const withWeek = "must be used with '%G', '%V' and a weekday directive ('%A', '%a', '%w', or '%u')."

function readMonth(found: FieldTexts): number {
  const named = indexOf(months, found.get('B')) ?? indexOf(shortMonths, found.get('b'))
  return named === undefined ? (numberOf(found, 'm') ?? 1) : named + 1
}

/** Monday is 0. */
function readWeekday(found: FieldTexts): number | undefined {
  const named = indexOf(weekdays, found.get('A')) ?? indexOf(shortWeekdays, found.get('a'))
  if (named !== undefined) return named
  const fromSunday = numberOf(found, 'w')
  if (fromSunday !== undefined) return (fromSunday + 6) % 7
  const fromMonday = numberOf(found, 'u')
  return fromMonday === undefined ? undefined : fromMonday - 1
}

/**
 * Days since 1970 if the text gives a day of the year, or a week and its day; they win over month and day.
 */
function ordinalStart(
  found: FieldTexts,
  year: number,
  weekday: number | undefined,
): number | undefined {
  const dayOfYear = numberOf(found, 'j')
  if (dayOfYear !== undefined) return daysFromCivil(year, 1, 1) + dayOfYear - 1
  if (weekday === undefined) return undefined
  const mondayWeek = numberOf(found, 'W')
  if (mondayWeek !== undefined) return weekStart(year, mondayWeek, 0) + weekday
  const sundayWeek = numberOf(found, 'U')
  if (sundayWeek !== undefined) return weekStart(year, sundayWeek, 6) + ((weekday + 1) % 7)
  const isoWeek = numberOf(found, 'V')
  const isoYear = numberOf(found, 'G')
  if (isoWeek === undefined || isoYear === undefined) return undefined
  const january4 = daysFromCivil(isoYear, 1, 4)
  return january4 - weekdayOf(january4) + (isoWeek - 1) * 7 + weekday
}

/** The first day of a week of the year; week 0 begins before January 1st, or on it. */
function weekStart(year: number, week: number, firstWeekday: number): number {
  const january1 = daysFromCivil(year, 1, 1)
  const sinceFirst = (weekdayOf(january1) - firstWeekday + 7) % 7
  if (week === 0) return january1 - sinceFirst
  return january1 + ((7 - sinceFirst) % 7) + (week - 1) * 7
}
