import { daysInMonth, type CivilDate } from './calendar.ts'
import { typeError, valueError } from './python-error.ts'
import { compareDateTimes, PyDate, PyDateTime, PyTimeDelta } from './py-datetime.ts'

/** The results of Python's operators for times; undefined if the operands do not fit (its NotImplemented). */
export type Time = PyDateTime | PyDate | PyTimeDelta

/** A time later by `delta`, which may have years and months. A day that the month lacks becomes its last. */
export function plusDelta(moment: PyDate | PyDateTime, delta: PyTimeDelta): PyDate | PyDateTime {
  if (moment instanceof PyDateTime) return addToDateTime(moment, delta)
  // A date knows whole days only, rounded down.
  const shifted = datePlusMonths(moment, delta)
  return PyDate.ofDays(shifted.days + delta.days)
}

/** Not the same as adding the opposite: a date drops the part of a day on this side of zero. */
export function minusDelta(moment: PyDate | PyDateTime, delta: PyTimeDelta): PyDate | PyDateTime {
  if (moment instanceof PyDateTime) return plusDelta(moment, delta.negated())
  const shifted = datePlusMonths(moment, delta.negated())
  return PyDate.ofDays(shifted.days - delta.days)
}

export function addToDateTime(moment: PyDateTime, delta: PyTimeDelta): PyDateTime {
  const shifted = delta.isCalendar ? moment.with(plusMonths(moment, delta)) : moment
  return delta.micros === 0n
    ? shifted
    : PyDateTime.ofEpochMicros(shifted.epochMicros + delta.micros, shifted.offset)
}

export function subtractFromDateTime(moment: PyDateTime, delta: PyTimeDelta): PyDateTime {
  return addToDateTime(moment, delta.negated())
}

/** The length between two moments, on their own clocks if both are naive. */
export function elapsed(later: PyDateTime, earlier: PyDateTime): PyTimeDelta {
  if ((later.offset === null) !== (earlier.offset === null))
    throw typeError("can't subtract offset-naive and offset-aware datetimes")
  return new PyTimeDelta(later.epochMicros - earlier.epochMicros)
}

function datePlusMonths(moment: PyDate, delta: PyTimeDelta): PyDate {
  if (!delta.isCalendar) return moment
  const { year, month, day } = plusMonths(moment, delta)
  return new PyDate(year, month, day)
}

function plusMonths(date: CivilDate, delta: PyTimeDelta): CivilDate {
  if (!Number.isInteger(delta.years) || !Number.isInteger(delta.months))
    throw valueError('fractional years or months not supported for date calculations')
  const months = date.month - 1 + delta.months
  const year = date.year + delta.years + Math.floor(months / 12)
  const month = months - Math.floor(months / 12) * 12 + 1
  return { year, month, day: Math.min(date.day, daysInMonth(year, month)) }
}

/** `left + right`. */
export function addTimes(left: Time, right: Time): Time | undefined {
  if (right instanceof PyTimeDelta)
    return left instanceof PyTimeDelta ? left.plus(right) : plusDelta(left, right)
  return left instanceof PyTimeDelta ? plusDelta(right, left) : undefined
}

/** `left - right`. */
export function subtractTimes(left: Time, right: Time): Time | undefined {
  if (right instanceof PyTimeDelta)
    return left instanceof PyTimeDelta ? left.minus(right) : minusDelta(left, right)
  if (left instanceof PyDateTime && right instanceof PyDateTime) return elapsed(left, right)
  if (left instanceof PyDate && right instanceof PyDate)
    return PyTimeDelta.ofDays(left.days - right.days)
  return undefined
}

/** Below zero if `left` is earlier or shorter. */
export function compareTimes(left: Time, right: Time): number | undefined {
  if (left instanceof PyDateTime && right instanceof PyDateTime)
    return compareDateTimes(left, right)
  if (left instanceof PyDate && right instanceof PyDate) return left.days - right.days
  if (!(left instanceof PyTimeDelta && right instanceof PyTimeDelta)) return undefined
  // Nobody knows whether a month is longer than 30 days.
  if (left.isCalendar || right.isCalendar) return undefined
  return Number(left.micros - right.micros)
}

/** `left == right`: never throws. */
export function timesEqual(left: Time, right: Time): boolean {
  if (left instanceof PyTimeDelta && right instanceof PyTimeDelta) return left.equals(right)
  if (left instanceof PyDate && right instanceof PyDate) return left.days === right.days
  return (
    left instanceof PyDateTime &&
    right instanceof PyDateTime &&
    (left.offset === null) === (right.offset === null) &&
    left.epochSeconds === right.epochSeconds &&
    left.microsecond === right.microsecond
  )
}
