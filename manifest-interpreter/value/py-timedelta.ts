import { pad } from './calendar.ts'
import { PythonError } from './python-error.ts'

const MICROS_A_SECOND = 1_000_000n
const MICROS_A_DAY = 86_400n * MICROS_A_SECOND
const MAX_DAYS = 999_999_999n
const MAX_MICROS = (MAX_DAYS + 1n) * MICROS_A_DAY - 1n

/**
 * datetime.timedelta, and isodate's Duration: a timedelta with years and months besides, which have no length
 * until they meet a date.
 */
export class PyTimeDelta {
  readonly micros: bigint
  readonly years: number
  readonly months: number

  /** @param micros in all, may be negative */
  constructor(
    micros: bigint,
    calendar: { readonly years: number; readonly months: number } = { years: 0, months: 0 },
  ) {
    if (micros > MAX_MICROS || micros < -MAX_DAYS * MICROS_A_DAY)
      throw new PythonError(
        'OverflowError',
        `days=${String(floorDivide(micros, MICROS_A_DAY))}; must have magnitude <= 999999999`,
      )
    this.micros = micros
    this.years = calendar.years
    this.months = calendar.months
  }

  /** From a number of seconds, fractions rounded to microseconds, half to even. */
  static ofSeconds(seconds: number): PyTimeDelta {
    return PyTimeDelta.ofMicros(seconds * 1e6)
  }

  static ofMicros(micros: number): PyTimeDelta {
    if (!Number.isFinite(micros))
      throw new PythonError('OverflowError', 'cannot convert float infinity to integer')
    return new PyTimeDelta(BigInt(roundHalfEven(micros)))
  }

  static ofDays(days: number): PyTimeDelta {
    return PyTimeDelta.ofMicros(days * 86_400e6)
  }

  /** True if it has years or months, so that only a date gives it a length. */
  get isCalendar(): boolean {
    return this.years !== 0 || this.months !== 0
  }

  /** Whole days, rounded down; `seconds` and `microseconds` are the rest and never negative. */
  get days(): number {
    return Number(floorDivide(this.micros, MICROS_A_DAY))
  }

  get seconds(): number {
    return Number(modulo(this.micros, MICROS_A_DAY) / MICROS_A_SECOND)
  }

  get microseconds(): number {
    return Number(modulo(this.micros, MICROS_A_SECOND))
  }

  totalSeconds(): number {
    // The quotient of exact integers, so that a long time retains its last digits.
    const whole = this.micros / MICROS_A_SECOND
    const rest = this.micros % MICROS_A_SECOND
    if (Number.isSafeInteger(Number(this.micros))) return Number(this.micros) / 1e6
    return Number(whole) + Number(rest) / 1e6
  }

  isZero(): boolean {
    return this.micros === 0n && !this.isCalendar
  }

  negated(): PyTimeDelta {
    return new PyTimeDelta(-this.micros, { years: 0 - this.years, months: 0 - this.months })
  }

  plus(other: PyTimeDelta): PyTimeDelta {
    return new PyTimeDelta(this.micros + other.micros, {
      years: this.years + other.years,
      months: this.months + other.months,
    })
  }

  minus(other: PyTimeDelta): PyTimeDelta {
    return this.plus(other.negated())
  }

  equals(other: PyTimeDelta): boolean {
    return (
      this.micros === other.micros &&
      this.years * 12 + this.months === other.years * 12 + other.months
    )
  }

  toString(): string {
    const years = this.years === 0 ? '' : `${String(Math.trunc(this.years))} years, `
    const unit = this.months <= 1 ? 'month' : 'months'
    const months = this.months === 0 ? '' : `${String(Math.trunc(this.months))} ${unit}, `
    return `${years}${months}${this.#lengthText()}`
  }

  #lengthText(): string {
    const { days, seconds, microseconds } = this
    const clock = `${String(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}`
    const fraction = microseconds === 0 ? '' : `.${pad(microseconds, 6)}`
    if (days === 0) return `${clock}${fraction}`
    return `${String(days)} day${Math.abs(days) === 1 ? '' : 's'}, ${clock}${fraction}`
  }

  repr(): string {
    const { days, seconds, microseconds } = this
    if (this.isCalendar) {
      const parts = [days, seconds, microseconds].map(String).join(', ')
      return `isodate.duration.Duration(${parts}, years=${String(Math.trunc(this.years))}, months=${String(Math.trunc(this.months))})`
    }
    const fields = Object.entries({ days, seconds, microseconds })
      .filter(([, value]) => value !== 0)
      .map(([name, value]) => `${name}=${String(value)}`)
    return `datetime.timedelta(${fields.length === 0 ? '0' : fields.join(', ')})`
  }
}

export function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor
  return dividend % divisor !== 0n && dividend < 0n !== divisor < 0n ? quotient - 1n : quotient
}

export function modulo(dividend: bigint, divisor: bigint): bigint {
  return dividend - floorDivide(dividend, divisor) * divisor
}

export function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1
  return floor % 2 === 0 ? floor : floor + 1
}
