import {
  civilFromDays,
  dayOfYear,
  daysFromCivil,
  daysInMonth,
  isoWeekOf,
  MAX_YEAR,
  MIN_YEAR,
  pad,
  weekdayOf,
} from './calendar.ts'
import { PythonError, valueError } from './python-error.ts'

/** datetime.date. */
export class PyDate {
  readonly year: number
  readonly month: number
  readonly day: number

  constructor(year: number, month: number, day: number) {
    checkDate(year, month, day)
    this.year = year
    this.month = month
    this.day = day
  }

  /** @param days since 1970-01-01 */
  static ofDays(days: number): PyDate {
    checkDays(days)
    const { year, month, day } = civilFromDays(days)
    return new PyDate(year, month, day)
  }

  /** Since 1970-01-01. */
  get days(): number {
    return daysFromCivil(this.year, this.month, this.day)
  }

  /** Monday is 0. */
  weekday(): number {
    return weekdayOf(this.days)
  }

  dayOfYear(): number {
    return dayOfYear(this.year, this.month, this.day)
  }

  isoWeek(): { readonly year: number; readonly week: number } {
    return isoWeekOf(this.days)
  }

  isoFormat(): string {
    return `${pad(this.year, 4)}-${pad(this.month, 2)}-${pad(this.day, 2)}`
  }

  toString(): string {
    return this.isoFormat()
  }

  repr(): string {
    return `datetime.date(${[this.year, this.month, this.day].map(String).join(', ')})`
  }
}

export function checkDate(year: number, month: number, day: number): void {
  if (year < MIN_YEAR || year > MAX_YEAR) throw valueError(`year ${String(year)} is out of range`)
  if (month < 1 || month > 12) throw valueError('month must be in 1..12')
  if (day < 1 || day > daysInMonth(year, month)) throw valueError('day is out of range for month')
}

/** For results of arithmetic. */
export function checkDays(days: number): void {
  if (days < FIRST_DAY || days > LAST_DAY)
    throw new PythonError('OverflowError', 'date value out of range')
}
const FIRST_DAY = daysFromCivil(MIN_YEAR, 1, 1)
const LAST_DAY = daysFromCivil(MAX_YEAR, 12, 31)
