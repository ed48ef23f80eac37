import type { PyDateTime } from '../../value/py-datetime.ts'
import { PyDate, PyTimeDelta, zoneName } from '../../value/py-datetime.ts'
import { strftime } from '../../datetime/strftime.ts'
import { dayOfYear } from '../../value/calendar.ts'
import { PythonError, typeError } from '../../value/python-error.ts'
import type { Time } from '../../value/time-arithmetic.ts'
import { PyObject, PyTuple, float, type Value } from '../../value/value.ts'
import type { Operand } from '../operand.ts'
import { methods, type Methods } from './method.ts'
import { countArgument, textArgument } from './string-methods.ts'

/** Attributes and methods of datetime, date and timedelta. */

type Moment = PyDateTime | PyDate

const precisions = ['auto', 'hours', 'minutes', 'seconds', 'milliseconds', 'microseconds'] as const

const momentMethods: Methods<Moment> = methods<Moment>({
  strftime: {
    required: ['format'],
    run: ([format], { self }) => strftime(self, textArgument(format)),
  },
  weekday: { run: (_args, { self }) => weekday(self) },
  isoweekday: { run: (_args, { self }) => weekday(self) + 1 },
  isocalendar: {
    run: (_args, { self }) => {
      const { year, week } = dateOf(self).isoWeek()
      return new PyTuple([year, week, weekday(self) + 1])
    },
  },
  toordinal: { run: (_args, { self }) => dateOf(self).days + 719_163 },
  ctime: { run: (_args, { self }) => strftime(self, '%a %b %e %H:%M:%S %Y') },
})

function dateOf(moment: Moment): PyDate {
  return moment instanceof PyDate ? moment : moment.date()
}

function weekday(moment: Moment): number {
  return dateOf(moment).weekday()
}

const dateMethods: Methods<PyDate> = methods<PyDate>({
  isoformat: { run: (_args, { self }) => self.isoFormat() },
  replace: {
    optional: { year: null, month: null, day: null },
    run: ([year, month, day], { self }) =>
      new PyDate(changed(year, self.year), changed(month, self.month), changed(day, self.day)),
  },
})

function changed(value: Operand, otherwise: number): number {
  return value === null || value === undefined ? otherwise : countArgument(value)
}

function replaceInDateTime(
  [year, month, day, hour, minute, second, microsecond, zone]: readonly Operand[],
  self: PyDateTime,
): PyDateTime {
  return self.with({
    year: changed(year, self.year),
    month: changed(month, self.month),
    day: changed(day, self.day),
    hour: changed(hour, self.hour),
    minute: changed(minute, self.minute),
    second: changed(second, self.second),
    microsecond: changed(microsecond, self.microsecond),
    // The only zone that a template can name is none.
    ...(zone === null && { offset: null }),
  })
}

const dateTimeMethods: Methods<PyDateTime> = methods<PyDateTime>({
  isoformat: {
    optional: { sep: 'T', timespec: 'auto' },
    run: ([separator, precision], { self }) => {
      const found = precisions.find((name) => name === precision)
      if (found === undefined) throw new PythonError('ValueError', 'Unknown timespec value')
      return self.isoFormat(textArgument(separator), found)
    },
  },
  timestamp: { run: (_args, { self }) => float(self.timestamp()) },
  date: { run: (_args, { self }) => self.date() },
  astimezone: {
    optional: { tz: null },
    run: ([zone], { self }) => {
      if (zone !== null) throw typeError('tzinfo argument must be None or of a tzinfo subclass')
      return self.atOffset(0)
    },
  },
  utcoffset: {
    run: (_args, { self }) => (self.offset === null ? null : PyTimeDelta.ofSeconds(self.offset)),
  },
  tzname: { run: (_args, { self }) => (self.offset === null ? null : zoneName(self.offset)) },
  timetuple: { run: (_args, { self }) => timeTuple(self) },
  replace: {
    optional: {
      year: null,
      month: null,
      day: null,
      hour: null,
      minute: null,
      second: null,
      microsecond: null,
      tzinfo: undefined,
    },
    run: (args, { self }) => replaceInDateTime(args, self),
  },
})

function timeTuple(self: PyDateTime): PyTuple {
  const { year, month, day, hour, minute, second } = self
  const ordinal = dayOfYear(year, month, day)
  return new PyTuple([year, month, day, hour, minute, second, weekday(self), ordinal, -1])
}

const deltaMethods: Methods<PyTimeDelta> = methods<PyTimeDelta>({
  total_seconds: { run: (_args, { self }) => float(self.totalSeconds()) },
})

export const timeMethods = { momentMethods, dateMethods, dateTimeMethods, deltaMethods }

/** `time.year` and the like; undefined if there is no such attribute. */
export function timeAttribute(time: Time, name: string): Value | undefined {
  if (time instanceof PyTimeDelta) return deltaAttribute(time, name)
  if (name === 'year' || name === 'month' || name === 'day') return time[name]
  if (time instanceof PyDate) return undefined
  if (name === 'hour' || name === 'minute' || name === 'second' || name === 'microsecond') {
    return time[name]
  }
  if (name === 'tzinfo') return zoneOf(time.offset)
  return name === 'fold' ? 0 : undefined
}

function zoneOf(offset: number | null): Value {
  if (offset === null) return null
  return new PyObject({ type: 'datetime.timezone', repr: () => zoneName(offset) })
}

function deltaAttribute(delta: PyTimeDelta, name: string): Value | undefined {
  if (name === 'days' || name === 'seconds' || name === 'microseconds') return delta[name]
  if (!delta.isCalendar) return undefined
  return name === 'years' || name === 'months' ? delta[name] : undefined
}
