import type { WireWriter } from './wire-writer.ts'

const INVALID = -1
/** Up to here (about the year 2112), seconds in microseconds are below 2^52. */
const MAX_SAFE_SECONDS = 4_503_599_626
const FIRST_SECOND = -62135596800 // 0001-01-01T00:00:00Z
const LAST_SECOND = 253402300799 // 9999-12-31T23:59:59Z
const COLON = 0x3a
const DASH = 0x2d
const ZERO = 0x30

/**
 * Reads dates and times from ASCII text, as Postgres (ISO style) and RFC 3339 write them, without making
 * objects: the results stand in its fields. It refuses infinity, years BC or above 9999, a leap second, and
 * digits finer than microseconds that are not zero: the caller stores these in another way.
 */
export class MomentParser {
  /** The last timestamp: seconds since 1970 UTC, rounded down, … */
  seconds = 0
  /** … and the microseconds after that, 0 to 999,999. */
  micros = 0
  /** True if the text named its zone; without one, the clock is taken as it stands. */
  zoned = false
  #offset = 0

  /**
   * `YYYY-MM-DD`, `T` or a space, `HH:MM:SS`, perhaps a fraction, perhaps `Z`, `±HH`, `±HHMM` or `±HH:MM`.
   * Returns the position after it, negative if it is none; the caller looks at what follows.
   */
  timestamp(text: Uint8Array, start: number): number {
    const separator = text[start + 10]
    if (separator !== 0x20 && separator !== 0x54 && separator !== 0x74) return INVALID
    const days = dateAt(text, start)
    const clock = clockAt(text, start + 11)
    if (days !== days || clock === INVALID || clock >= 86_400) return INVALID
    const zoneAt = this.#fraction(text, start + 19)
    if (zoneAt === INVALID) return INVALID
    this.#offset = 0
    const end = this.#readZone(text, zoneAt)
    this.zoned = end !== zoneAt
    this.seconds = days * 86_400 + clock - this.#offset
    return this.seconds >= FIRST_SECOND && this.seconds <= LAST_SECOND ? end : INVALID
  }

  /**
   * `HH:MM:SS`, perhaps a fraction, as microseconds; 24:00:00 is legal; NaN if the text is something else.
   */
  time(text: Uint8Array, start: number, end: number): number {
    if (end - start < 8) return NaN
    const clock = clockAt(text, start)
    if (clock === INVALID || this.#fraction(text, start + 8) !== end) return NaN
    const micros = clock * 1e6 + this.micros
    return micros <= 86_400_000_000 ? micros : NaN
  }

  /** The last timestamp as a long of microseconds. */
  write(writer: WireWriter): void {
    if (Math.abs(this.seconds) <= MAX_SAFE_SECONDS) {
      writer.long(this.seconds * 1e6 + this.micros)
    } else {
      writer.bigLong(BigInt(this.seconds) * 1_000_000n + BigInt(this.micros))
    }
  }

  /** Reads `.123456` into `micros`, or nothing; returns the position after it. */
  #fraction(text: Uint8Array, start: number): number {
    this.micros = 0
    if (text[start] !== 0x2e) return start
    let position = start + 1
    let unit = 100_000
    let micros = 0
    for (; ; position++) {
      const digit = (text[position] ?? 0) - ZERO
      if (digit >>> 0 > 9) break
      if (unit < 1 && digit !== 0) return INVALID
      if (unit >= 1) micros += digit * unit
      unit /= 10
    }
    this.micros = micros
    return position === start + 1 ? INVALID : position
  }

  /**
   * Reads the zone into `#offset`, in seconds east of UTC; returns the position after it, or the same if
   * there is none.
   */
  #readZone(text: Uint8Array, start: number): number {
    const sign = text[start]
    if (sign === 0x5a || sign === 0x7a) return start + 1
    if (sign !== 0x2b && sign !== DASH) return start
    const hours = twoDigits(text, start + 1)
    const minutesAt = text[start + 3] === COLON ? start + 4 : start + 3
    const minutes = twoDigits(text, minutesAt)
    const hasMinutes = minutes >= 0
    if (hours < 0 || hours > 23 || minutes > 59) return start
    const offset = hours * 3600 + (hasMinutes ? minutes * 60 : 0)
    this.#offset = sign === DASH ? -offset : offset
    return hasMinutes ? minutesAt + 2 : start + 3
  }
}

/** `YYYY-MM-DD` as days since 1970; NaN if it is not a date of the years 0001 to 9999. */
export function parseDate(text: Uint8Array, start: number, end: number): number {
  return end - start === 10 ? dateAt(text, start) : NaN
}

/** Days since 1970 as `YYYY-MM-DD`. */
export function formatDate(days: number): string {
  return new Date(days * 86_400_000).toISOString().slice(0, 10)
}

/** Microseconds since 1970 as `YYYY-MM-DDTHH:MM:SS`, with the fraction if there is one, without a zone. */
export function formatTimestamp(micros: bigint): string {
  const within = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n
  const seconds = new Date(Number((micros - within) / 1_000n)).toISOString().slice(0, 19)
  return seconds + fractionText(Number(within))
}

/** Microseconds since midnight as `HH:MM:SS`, with the fraction if there is one. */
export function formatTime(micros: number): string {
  const seconds = Math.floor(micros / 1e6)
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const clock = parts.map((part) => String(part).padStart(2, '0')).join(':')
  return clock + fractionText(micros % 1e6)
}

function fractionText(micros: number): string {
  return micros === 0 ? '' : `.${String(micros).padStart(6, '0').replace(/0+$/, '')}`
}

function dateAt(text: Uint8Array, position: number): number {
  const century = twoDigits(text, position)
  const yearOfCentury = twoDigits(text, position + 2)
  const month = twoDigits(text, position + 5)
  const day = twoDigits(text, position + 8)
  const year = century * 100 + yearOfCentury
  if (text[position + 4] !== DASH || text[position + 7] !== DASH) return NaN
  if (century < 0 || yearOfCentury < 0 || year === 0) return NaN
  if (month < 1 || month > 12 || day < 1 || day > daysIn(month, year)) return NaN
  return daysSince1970(year, month, day)
}

function daysIn(month: number, year: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

/** The proleptic Gregorian calendar, with years that begin in March, so that the leap day comes last. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1
  const era = (marchYear / 400) | 0
  const yearOfEra = marchYear - era * 400
  const dayOfYear = (((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) | 0) + day - 1
  const dayOfEra = yearOfEra * 365 + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

/**
 * The proleptic Gregorian date of a day number (Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms").
 */
export function civilOfDays(days: number): {
  readonly year: number
  readonly month: number
  readonly day: number
} {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = (shifted - era * 146_097) | 0
  const leaps = ((dayOfEra / 1460) | 0) - ((dayOfEra / 36_524) | 0) + ((dayOfEra / 146_096) | 0)
  const yearOfEra = ((dayOfEra - leaps) / 365) | 0
  const dayOfYear = dayOfEra - (365 * yearOfEra + (yearOfEra >> 2) - ((yearOfEra / 100) | 0))
  const shiftedMonth = ((5 * dayOfYear + 2) / 153) | 0
  const day = dayOfYear - (((153 * shiftedMonth + 2) / 5) | 0) + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day }
}

/** `HH:MM:SS` as seconds; hours up to 24, no leap second. */
function clockAt(text: Uint8Array, position: number): number {
  const hours = twoDigits(text, position)
  const minutes = twoDigits(text, position + 3)
  const seconds = twoDigits(text, position + 6)
  if (text[position + 2] !== COLON || text[position + 5] !== COLON) return INVALID
  if (hours < 0 || hours > 24 || minutes < 0 || minutes > 59) return INVALID
  return seconds < 0 || seconds > 59 ? INVALID : hours * 3600 + minutes * 60 + seconds
}

function twoDigits(text: Uint8Array, position: number): number {
  const tens = (text[position] ?? 0) - ZERO
  const ones = (text[position + 1] ?? 0) - ZERO
  return tens >>> 0 > 9 || ones >>> 0 > 9 ? INVALID : tens * 10 + ones
}
