import { PyTimeDelta, type PyDateTime } from '../../value/py-datetime.ts'
import { addToDateTime } from '../../value/time-arithmetic.ts'
import { valueError } from '../../value/python-error.ts'

/** Moves a time to the beginning of a day, a week or a month: the next (`ceiling`) or the last (`floor`). */
export type Clamp = (time: PyDateTime, towards: 'ceiling' | 'floor') => PyDateTime

/** @param weekday the day on which weeks begin */
export function clampTo(target: string, weekday: string | undefined): Clamp {
  switch (target) {
    case 'DAY':
      return clampToDay
    case 'MONTH':
      return clampToMonth
    case 'WEEK':
      if (weekday === undefined)
        throw valueError('Given WEEK clamping, weekday needs to be provided as target_details')
      return weekClamp(weekday)
    default:
      throw valueError(`Invalid clamping target ${target}, expected DAY, WEEK, MONTH`)
  }
}

function clampToDay(time: PyDateTime, towards: 'ceiling' | 'floor'): PyDateTime {
  const start = midnight(time)
  const isMidnight = start.epochSeconds === time.epochSeconds && time.microsecond === 0
  return towards === 'floor' || isMidnight ? start : plusDays(start, 1)
}

/** The first of a month stays, at any hour. */
function clampToMonth(time: PyDateTime, towards: 'ceiling' | 'floor'): PyDateTime {
  const start = midnight(time)
  if (time.day === 1) return start
  if (towards === 'floor') return start.with({ day: 1 })
  return time.month === 12
    ? start.with({ year: time.year + 1, month: 1, day: 1 })
    : start.with({ month: time.month + 1, day: 1 })
}

const weekdays = ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY']

/** The weekday itself stays, at any hour. */
function weekClamp(weekday: string): Clamp {
  const first = weekdays.indexOf(weekday)
  if (first < 0) throw valueError(`Unknown weekday ${weekday}`)
  return (time, towards) => {
    const toNext = (first - time.date().weekday() + 7) % 7
    return plusDays(midnight(time), toNext === 0 || towards === 'ceiling' ? toNext : toNext - 7)
  }
}

function midnight(time: PyDateTime): PyDateTime {
  return time.with({ hour: 0, minute: 0, second: 0, microsecond: 0 })
}

function plusDays(time: PyDateTime, days: number): PyDateTime {
  return addToDateTime(time, PyTimeDelta.ofDays(days))
}
