/** Days of the proleptic Gregorian calendar, counted from 1970-01-01. */

export interface CivilDate {
  readonly year: number
  readonly month: number
  readonly day: number
}

export const MIN_YEAR = 1
export const MAX_YEAR = 9999
export const SECONDS_A_DAY = 86_400

const daysBeforeMonth = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
const monthLengths = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

export function daysInMonth(year: number, month: number): number {
  return month === 2 && isLeapYear(year) ? 29 : (monthLengths[month] ?? 0)
}

/** 1 for January 1st. */
export function dayOfYear(year: number, month: number, day: number): number {
  const leapDay = month > 2 && isLeapYear(year) ? 1 : 0
  return (daysBeforeMonth[month] ?? 0) + leapDay + day
}

export function daysFromCivil(year: number, month: number, day: number): number {
  const before = year - 1
  const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400)
  return before * 365 + leapDays + dayOfYear(year, month, day) - DAYS_TO_1970
}
/** From 0000-12-31 to 1970-01-01: Python's ordinals count from there. */
export const DAYS_TO_1970 = 719_163

/** The inverse. Counts in eras of 400 years that begin on a March 1st, so that the leap day ends a year. */
export function civilFromDays(days: number): CivilDate {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  )
  const marchDay =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const marchMonth = Math.floor((5 * marchDay + 2) / 153)
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: marchDay - Math.floor((153 * marchMonth + 2) / 5) + 1,
  }
}

/** Monday is 0. */
export function weekdayOf(days: number): number {
  return (((days + 3) % 7) + 7) % 7
}

/** ISO 8601 year and week of a day. */
export function isoWeekOf(days: number): { readonly year: number; readonly week: number } {
  const thursday = days - weekdayOf(days) + 3
  const { year } = civilFromDays(thursday)
  return { year, week: Math.floor((thursday - daysFromCivil(year, 1, 1)) / 7) + 1 }
}

export function pad(value: number, width: number): string {
  return String(value).padStart(width, '0')
}
