/** English names: the C locale's. */
export const weekdays = [
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
  'Sunday',
] as const
export const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const

export const shortWeekdays = weekdays.map((name) => name.slice(0, 3))
export const shortMonths = months.map((name) => name.slice(0, 3))
