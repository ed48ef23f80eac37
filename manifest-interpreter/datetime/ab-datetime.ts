import { valueError } from '../value/python-error.ts'
import { isInt } from '../value/number.ts'
import type { Value } from '../value/value.ts'
import { shortMonths } from './names.ts'
import { PyDateTime } from '../value/py-datetime.ts'

/**
 * Airbyte's ab_datetime_parse: seconds since 1970 as a number or text, a date, or a date and a time in the
 * usual layouts. Without a zone, or with one that it does not know, it is UTC. Throws a ValueError.
 */
export function abDatetimeParse(value: Value): PyDateTime {
  if (isInt(value)) return ofTimestamp(String(value))
  if (typeof value !== 'string') throw unreadable()
  if (/^-?\d+$/.test(value)) return ofTimestamp(value)
  const dashes = value.split('-').length - 1
  const slashes = value.split('/').length - 1
  if (value.includes(':')) {
    if (dashes < 2 && slashes < 2) throw valueError('Missing date part in datetime string')
  } else if (dashes === 2 && slashes === 0) {
    return dateOnly(value)
  }
  return dateAndTime(value)
}

function unreadable(): Error {
  return valueError('Could not parse datetime string')
}

function ofTimestamp(digits: string): PyDateTime {
  const seconds = Number(digits)
  if (seconds < 0) throw valueError('Timestamp cannot be negative')
  if (String(Math.abs(seconds)).length > 10) throw valueError('Timestamp value too large')
  return PyDateTime.ofEpoch(seconds, 0, 0)
}

function dateOnly(text: string): PyDateTime {
  const match = /^\s*(\d+)\s*-\s*(\d+)\s*-\s*(\d+)\s*$/.exec(text)
  if (match === null) throw valueError('Invalid date format')
  const [, year, month, day] = match.map(Number)
  return atUtc({ year: year ?? 0, month: month ?? 0, day: day ?? 0 }, noTime)
}

const noTime = { hour: 0, minute: 0, second: 0, microsecond: 0, offset: 0 }

function atUtc(date: CivilDate, time: typeof noTime): PyDateTime {
  return new PyDateTime({ ...date, ...time })
}

interface CivilDate {
  readonly year: number
  readonly month: number
  readonly day: number
}

const layout =
  /^\s*(?:[A-Za-z]{3,9},?\s+)?(?<date>\d{1,4}[-/.](?:\d{1,2}|[A-Za-z]{3,9})[-/.]\d{1,4}|\d{8}|\d{1,2}\s+[A-Za-z]{3,9},?\s+\d{4}|[A-Za-z]{3,9}\s+\d{1,2},?\s+\d{4})(?:(?:\s*T\s*|,?\s+)(?<time>\d.*?))?\s*$/
const clock =
  /^(?<hour>\d{1,2})(?:(?<colon>:?)(?<minute>\d\d?)(?:\k<colon>(?<second>\d\d?)(?:[.,](?<fraction>\d+))?)?)?\s*(?:(?<half>[AaPp])\.?[Mm]?\.?)?\s*(?:[zZ]|[A-Z]{3,5})?\s*(?<offset>[+-]\d{1,2}(?::?\d\d)?)?$/

function dateAndTime(text: string): PyDateTime {
  const parts = layout.exec(text)?.groups
  if (parts === undefined) throw unreadable()
  return atUtc(readDate(parts.date ?? ''), readClock(parts.time))
}

/**
 * Year first if it has four digits or cannot be a day; else month first, as in the USA, if it can be a month.
 */
function readDate(text: string): CivilDate {
  if (/^\d{8}$/.test(text)) return civil(text.slice(0, 4), text.slice(4, 6), text.slice(6, 8))
  const [first = '', second = '', third = ''] = text.split(/[-/.,\s]+/)
  if (/^[A-Za-z]/.test(first)) return civil(third, first, second)
  if (/^[A-Za-z]/.test(second))
    return first.length > 2 || Number(first) > 31
      ? civil(first, second, third)
      : civil(third, second, first)
  if (first.length > 2 || Number(first) > 31) return civil(first, second, third)
  return Number(first) > 12 ? civil(third, second, first) : civil(third, first, second)
}

function civil(year: string, month: string, day: string): CivilDate {
  const named = shortMonths.findIndex(
    (name) => name.toLowerCase() === month.slice(0, 3).toLowerCase(),
  )
  return {
    year: year.length > 2 ? Number(year) : fullYear(Number(year)),
    month: named < 0 ? Number(month) : named + 1,
    day: Number(day),
  }
}

/** Within 50 years of now. */
function fullYear(year: number): number {
  const present = new Date().getUTCFullYear()
  const near = year + Math.floor(present / 100) * 100
  if (near >= present + 50) return near - 100
  return near < present - 50 ? near + 100 : near
}

function readClock(text: string | undefined): typeof noTime {
  if (text === undefined) return noTime
  const parts = clock.exec(text)?.groups
  if (parts === undefined) throw unreadable()
  const { hour, half, minute = '0', second = '0', fraction = '', offset } = parts
  return {
    hour: readHour(Number(hour), half?.toLowerCase()),
    minute: Number(minute),
    second: Number(second),
    microsecond: Number(fraction.slice(0, 6).padEnd(6, '0')),
    offset: readOffset(offset),
  }
}

function readHour(hour: number, half: string | undefined): number {
  if (half === undefined) return hour
  if (hour > 12) throw unreadable()
  return (hour % 12) + (half === 'p' ? 12 : 0)
}

function readOffset(text: string | undefined): number {
  if (text === undefined) return 0
  const digits = text.slice(1).replace(':', '')
  const hours = Number(digits.length > 2 ? digits.slice(0, -2) : digits)
  const minutes = digits.length > 2 ? Number(digits.slice(-2)) : 0
  const seconds = hours * 3600 + minutes * 60
  if (seconds >= 86_400) throw unreadable()
  return text.startsWith('-') ? 0 - seconds : seconds
}
