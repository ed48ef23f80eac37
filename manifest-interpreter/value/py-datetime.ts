import { civilFromDays, daysFromCivil, pad, SECONDS_A_DAY } from './calendar.ts'
import { PythonError, typeError, valueError } from './python-error.ts'
import { checkDate, checkDays, PyDate } from './py-date.ts'
import { floorDivide, modulo, PyTimeDelta, roundHalfEven } from './py-timedelta.ts'

export { PyDate, PyTimeDelta }

export interface DateTimeFields {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly microsecond: number
  /** Seconds east of UTC; null for a naive time, which has no zone. */
  readonly offset: number | null
}

/** datetime.datetime: the fields of a wall clock, and its distance from UTC. */
export class PyDateTime implements DateTimeFields {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly microsecond: number
  readonly offset: number | null
  /** Seconds since 1970 in UTC; a naive time counts as UTC, which is the local zone. */
  readonly epochSeconds: number

  constructor(fields: DateTimeFields) {
    checkDate(fields.year, fields.month, fields.day)
    if (fields.hour < 0 || fields.hour > 23) throw valueError('hour must be in 0..23')
    if (fields.minute < 0 || fields.minute > 59) throw valueError('minute must be in 0..59')
    if (fields.second < 0 || fields.second > 59) throw valueError('second must be in 0..59')
    if (fields.microsecond < 0 || fields.microsecond > 999_999)
      throw valueError('microsecond must be in 0..999999')
    this.year = fields.year
    this.month = fields.month
    this.day = fields.day
    this.hour = fields.hour
    this.minute = fields.minute
    this.second = fields.second
    this.microsecond = fields.microsecond
    this.offset = fields.offset
    const days = daysFromCivil(fields.year, fields.month, fields.day)
    this.epochSeconds =
      days * SECONDS_A_DAY +
      fields.hour * 3600 +
      fields.minute * 60 +
      fields.second -
      (fields.offset ?? 0)
  }

  /** The clock at `offset` at a moment. */
  static ofEpoch(seconds: number, microsecond: number, offset: number | null): PyDateTime {
    const local = seconds + (offset ?? 0)
    const days = Math.floor(local / SECONDS_A_DAY)
    checkDays(days)
    const rest = local - days * SECONDS_A_DAY
    return new PyDateTime({
      ...civilFromDays(days),
      hour: Math.floor(rest / 3600),
      minute: Math.floor(rest / 60) % 60,
      second: rest % 60,
      microsecond,
      offset,
    })
  }

  /** @param micros since 1970, an integer */
  static ofEpochMicros(micros: bigint, offset: number | null = 0): PyDateTime {
    const seconds = Number(floorDivide(micros, 1_000_000n))
    return PyDateTime.ofEpoch(seconds, Number(modulo(micros, 1_000_000n)), offset)
  }

  /** datetime.fromtimestamp(seconds, utc): rounds to microseconds, half to even. */
  static ofTimestamp(timestamp: number): PyDateTime {
    if (Number.isNaN(timestamp)) throw valueError('cannot convert float NaN to integer')
    if (Math.abs(timestamp) >= 2 ** 63)
      throw new PythonError('OverflowError', 'timestamp out of range for platform time_t')
    let seconds = Math.floor(timestamp)
    let micros = roundHalfEven((timestamp - seconds) * 1e6)
    if (micros >= 1_000_000) {
      seconds += 1
      micros -= 1_000_000
    }
    const { year } = civilFromDays(Math.floor(seconds / SECONDS_A_DAY))
    if (!(year >= 1 && year <= 9999)) throw valueError(`year ${String(year)} is out of range`)
    return PyDateTime.ofEpoch(seconds, micros, 0)
  }

  get epochMicros(): bigint {
    return BigInt(this.epochSeconds) * 1_000_000n + BigInt(this.microsecond)
  }

  /** Seconds since 1970: the nearest float. */
  timestamp(): number {
    const micros = this.epochSeconds * 1e6 + this.microsecond
    return Number.isSafeInteger(micros) ? micros / 1e6 : this.epochSeconds + this.microsecond / 1e6
  }

  date(): PyDate {
    return new PyDate(this.year, this.month, this.day)
  }

  with(changes: Partial<DateTimeFields>): PyDateTime {
    return new PyDateTime({
      year: changes.year ?? this.year,
      month: changes.month ?? this.month,
      day: changes.day ?? this.day,
      hour: changes.hour ?? this.hour,
      minute: changes.minute ?? this.minute,
      second: changes.second ?? this.second,
      microsecond: changes.microsecond ?? this.microsecond,
      offset: changes.offset === undefined ? this.offset : changes.offset,
    })
  }

  /** The same moment on another clock. */
  atOffset(offset: number): PyDateTime {
    return PyDateTime.ofEpoch(this.epochSeconds, this.microsecond, offset)
  }

  isoFormat(separator = 'T', precision: IsoPrecision = 'auto'): string {
    return `${this.date().isoFormat()}${separator}${isoTime(this, precision)}${isoOffset(this.offset)}`
  }

  toString(): string {
    return this.isoFormat(' ')
  }

  repr(): string {
    const fields = [this.year, this.month, this.day, this.hour, this.minute]
    if (this.second !== 0 || this.microsecond !== 0) fields.push(this.second)
    if (this.microsecond !== 0) fields.push(this.microsecond)
    return `datetime.datetime(${fields.map(String).join(', ')}${reprZone(this.offset)})`
  }
}

/** Orders two moments; throws if one of them is naive and the other is not. */
export function compareDateTimes(left: PyDateTime, right: PyDateTime): number {
  if ((left.offset === null) !== (right.offset === null))
    throw typeError("can't compare offset-naive and offset-aware datetimes")
  return left.epochSeconds - right.epochSeconds || left.microsecond - right.microsecond
}

export type IsoPrecision =
  'auto' | 'hours' | 'minutes' | 'seconds' | 'milliseconds' | 'microseconds'

function isoTime(time: PyDateTime, precision: IsoPrecision): string {
  const hours = pad(time.hour, 2)
  const minutes = `${hours}:${pad(time.minute, 2)}`
  const seconds = `${minutes}:${pad(time.second, 2)}`
  const micros = `${seconds}.${pad(time.microsecond, 6)}`
  switch (precision) {
    case 'hours':
      return hours
    case 'minutes':
      return minutes
    case 'seconds':
      return seconds
    case 'milliseconds':
      return micros.slice(0, -3)
    case 'microseconds':
      return micros
    case 'auto':
      return time.microsecond === 0 ? seconds : micros
  }
}

/** `+02:00`; with seconds if it has some; '' for a naive time. */
export function isoOffset(offset: number | null, colon = ':'): string {
  if (offset === null) return ''
  const sign = offset < 0 ? '-' : '+'
  const length = Math.abs(offset)
  const seconds = length % 60 === 0 ? '' : `${colon}${pad(length % 60, 2)}`
  return `${sign}${pad(Math.floor(length / 3600), 2)}${colon}${pad(Math.floor(length / 60) % 60, 2)}${seconds}`
}

/** tzinfo.tzname(): `UTC`, `UTC+02:00`. */
export function zoneName(offset: number): string {
  return offset === 0 ? 'UTC' : `UTC${isoOffset(offset)}`
}

function reprZone(offset: number | null): string {
  if (offset === null) return ''
  if (offset === 0) return ', tzinfo=datetime.timezone.utc'
  const delta = PyTimeDelta.ofSeconds(offset).repr()
  return `, tzinfo=datetime.timezone(${delta})`
}
