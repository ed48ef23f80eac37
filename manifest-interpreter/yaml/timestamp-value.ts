import { PyDate, PyDateTime } from '../value/py-datetime.ts'
import { PythonError } from '../value/python-error.ts'

const form =
  /^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(Z|([-+])(\d\d?)(?::(\d\d))?))?)?$/

/** A date, or a time with the zone that it names. Throws a RangeError for what is neither. */
export function timestampValue(text: string): PyDate | PyDateTime {
  const match = form.exec(text)
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
