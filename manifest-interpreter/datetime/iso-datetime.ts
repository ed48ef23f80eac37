import { daysFromCivil, isLeapYear, weekdayOf } from '../value/calendar.ts'
import { valueError } from '../value/python-error.ts'
import { PyDate, PyDateTime, PyTimeDelta } from '../value/py-datetime.ts'
import { addToDateTime } from '../value/time-arithmetic.ts'

/** Only a whole date may have a time. */
const date =
  /^(?<year>\d{4})(?:$|-(?<lastMonth>\d\d)$|-(?<month>\d\d)-(?<day>\d\d)|(?<plainMonth>\d\d)(?<plainDay>\d\d))/
const uncommonDate =
  /^(?<year>\d{4})(?:(?<dash>-?)W(?<week>\d\d)(?:\k<dash>(?<weekday>\d))?|-?(?<dayOfYear>\d{3}))/
/** A last single digit is read, as the reference does. */
const time =
  /^(?<hour>\d\d)(?:(?<colon>:?)(?<minute>\d\d|\d$)(?:\k<colon>(?<second>\d\d|\d$)(?:[.,](?<fraction>\d+))?)?)?(?<zone>[zZ]|[+-]\d\d(?::?\d\d)?)?$/

/** dateutil.parser.isoparse: ISO 8601 dates and times; naive if the text has no zone. Throws a ValueError. */
export function parseIsoDateTime(text: string): PyDateTime {
  const start = readDate(text, date, civilDate) ?? readDate(text, uncommonDate, ordinalDate)
  if (start === undefined) throw valueError('String contains unknown ISO components')
  const { day, rest } = start
  const midnight = new PyDateTime({ ...fieldsOf(day), ...noTime })
  // Any character may stand between date and time.
  return rest === '' ? midnight : withTime(midnight, rest.slice(1))
}

const noTime = { hour: 0, minute: 0, second: 0, microsecond: 0, offset: null }

type Groups = Readonly<Record<string, string | undefined>>

function readDate(
  text: string,
  pattern: RegExp,
  read: (groups: Groups) => PyDate,
): { readonly day: PyDate; readonly rest: string } | undefined {
  const match = pattern.exec(text)
  if (match?.groups === undefined) return undefined
  return { day: read(match.groups), rest: text.slice(match[0].length) }
}

function fieldsOf(day: PyDate): { year: number; month: number; day: number } {
  return { year: day.year, month: day.month, day: day.day }
}

function civilDate(groups: Groups): PyDate {
  const month = groups.month ?? groups.lastMonth ?? groups.plainMonth ?? '1'
  const day = groups.day ?? groups.plainDay ?? '1'
  return new PyDate(Number(groups.year), Number(month), Number(day))
}

function ordinalDate(groups: Groups): PyDate {
  const year = Number(groups.year)
  if (groups.dayOfYear !== undefined) {
    const day = Number(groups.dayOfYear)
    if (day < 1 || day > (isLeapYear(year) ? 366 : 365))
      throw valueError(`Invalid ordinal day ${String(day)} for year ${String(year)}`)
    return PyDate.ofDays(daysFromCivil(year, 1, 1) + day - 1)
  }
  const week = Number(groups.week)
  const weekday = Number(groups.weekday ?? '1')
  if (week < 1 || week > 53) throw valueError(`Invalid week: ${String(week)}`)
  if (weekday < 1 || weekday > 7) throw valueError(`Invalid weekday: ${String(weekday)}`)
  const january4 = daysFromCivil(year, 1, 4)
  return PyDate.ofDays(january4 - weekdayOf(january4) + (week - 1) * 7 + weekday - 1)
}

function withTime(midnight: PyDateTime, text: string): PyDateTime {
  const groups = time.exec(text)?.groups
  if (groups === undefined) throw valueError('Unused components in ISO string')
  const hour = Number(groups.hour)
  const minute = Number(groups.minute ?? '0')
  const second = Number(groups.second ?? '0')
  const fraction = groups.fraction ?? '0'
  const microsecond = Number(fraction.slice(0, 6).padEnd(6, '0'))
  const offset = readZone(groups.zone)
  if (hour !== 24) return midnight.with({ hour, minute, second, microsecond, offset })
  if (minute !== 0 || second !== 0 || microsecond !== 0)
    throw valueError('Hour may only be 24 at 24:00:00.000')
  return addToDateTime(midnight.with({ offset }), PyTimeDelta.ofDays(1))
}

function readZone(text: string | undefined): number | null {
  if (text === undefined) return null
  if (text === 'Z' || text === 'z') return 0
  const hours = Number(text.slice(1, 3))
  const minutes = Number(text.slice(3).replace(':', '') || '0')
  if (minutes > 59) throw valueError('Invalid minutes in time zone offset')
  if (hours > 23) throw valueError('Invalid hours in time zone offset')
  const seconds = hours * 3600 + minutes * 60
  return text.startsWith('-') ? 0 - seconds : seconds
}
