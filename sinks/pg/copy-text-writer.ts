import { BACKSLASH, needsEscape } from './copy-escapes.ts'

const hexDigits = new Uint8Array(Buffer.from('0123456789abcdef'))
const ZERO = 0x30
const MINUS = 0x2d

/**
 * COPY TEXT as bytes: a growing buffer and the text forms of values. The caller reserves room; `at` is where the next byte goes.
 * Every method writes the same text that Postgres itself would (UTC, ISO), without a string, a Date or a BigInt in the usual case.
 */
export class CopyTextWriter {
  bytes: Buffer
  at = 0
  #day = NaN
  readonly #dayText = new Uint8Array(10)
  readonly #digits = new Uint8Array(20)

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity)
  }

  /** What was written, over a buffer of its own; the writer goes on with an empty one. */
  take(capacity: number): Buffer {
    const taken = this.bytes.subarray(0, this.at)
    this.bytes = Buffer.allocUnsafeSlow(capacity)
    this.at = 0
    return taken
  }

  reserve(count: number): void {
    if (this.bytes.length - this.at >= count) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + count))
    this.bytes.copy(grown, 0, 0, this.at)
    this.bytes = grown
  }

  byte(value: number): void {
    this.bytes[this.at++] = value
  }

  /** Bytes that need no escape. */
  raw(from: Uint8Array, start: number, end: number): void {
    const { bytes } = this
    let at = this.at
    if (end - start > 64) {
      bytes.set(from.subarray(start, end), at)
      this.at = at + end - start
      return
    }
    for (let i = start; i < end; i++) bytes[at++] = from[i] ?? 0
    this.at = at
  }

  /**
   * UTF-8 text with COPY's escapes. U+0000, which Postgres cannot store, is left out; returns whether there was one.
   * Needs room for twice its length.
   */
  text(from: Uint8Array, start: number, end: number): boolean {
    const { bytes } = this
    let at = this.at
    let stripped = false
    for (let i = start; i < end; i++) {
      const byte = from[i] ?? 0
      if (byte > BACKSLASH || (byte > 0x0d && byte !== BACKSLASH)) {
        bytes[at++] = byte
        continue
      }
      const letter = needsEscape(byte)
      if (letter === undefined) bytes[at++] = byte
      else if (byte === 0) stripped = true
      else {
        bytes[at++] = BACKSLASH
        bytes[at++] = letter
      }
    }
    this.at = at
    return stripped
  }

  /** A JS string, for the rare values that come as one. Reserves its own room. U+0000 is left out. */
  string(text: string): void {
    const from = Buffer.from(text, 'utf8')
    this.reserve(from.length * 2 + 1)
    this.text(from, 0, from.length)
  }

  /** An integer of at most 2^53. At most 17 bytes. */
  integer(value: number): void {
    if (value < 0) {
      this.byte(MINUS)
      this.#digitsOf(-value)
    } else this.#digitsOf(value)
  }

  /** `YYYY-MM-DD` of the days since 1970, for the years 1 to 9999. */
  date(days: number): void {
    if (days !== this.#day) this.#renderDay(days)
    this.raw(this.#dayText, 0, 10)
  }

  /** `YYYY-MM-DD HH:MM:SS[.ffffff]` */
  timestamp(seconds: number, micros: number): void {
    const days = Math.floor(seconds / 86_400)
    this.date(days)
    this.byte(0x20)
    this.clock(seconds - days * 86_400, micros)
  }

  /** `HH:MM:SS[.ffffff]`; 86,400 seconds are 24:00:00. */
  clock(secondOfDay: number, micros: number): void {
    const hour = (secondOfDay / 3600) | 0
    const minute = ((secondOfDay - hour * 3600) / 60) | 0
    this.#two(hour)
    this.byte(0x3a)
    this.#two(minute)
    this.byte(0x3a)
    this.#two(secondOfDay - hour * 3600 - minute * 60)
    if (micros === 0) return
    this.byte(0x2e)
    let rest = micros
    for (let scale = 100_000; scale >= 1; scale /= 10) {
      const digit = (rest / scale) | 0
      this.byte(ZERO + digit)
      rest -= digit * scale
    }
  }

  /** bytea as `\\x…`: COPY escapes the backslash. Needs room for twice the length and 3 bytes. */
  hex(from: Uint8Array, start: number, end: number): void {
    this.byte(BACKSLASH)
    this.byte(BACKSLASH)
    this.byte(0x78)
    const { bytes } = this
    let at = this.at
    for (let i = start; i < end; i++) {
      const byte = from[i] ?? 0
      bytes[at++] = hexDigits[byte >> 4] ?? 0
      bytes[at++] = hexDigits[byte & 15] ?? 0
    }
    this.at = at
  }

  /** `count` hexadecimal digits, the last ones of a whole number below 2^53. */
  hexNumber(value: number, count: number): void {
    let rest = value
    for (let i = this.at + count - 1; i >= this.at; i--) {
      const next = Math.floor(rest / 16)
      this.bytes[i] = hexDigits[rest - next * 16] ?? 0
      rest = next
    }
    this.at += count
  }

  #two(value: number): void {
    const tens = (value / 10) | 0
    this.bytes[this.at] = ZERO + tens
    this.bytes[this.at + 1] = ZERO + value - tens * 10
    this.at += 2
  }

  #digitsOf(value: number): void {
    const digits = this.#digits
    let first = digits.length
    let rest = value
    while (rest >= 0x40000000) {
      const next = Math.floor(rest / 10)
      digits[--first] = ZERO + (rest - next * 10)
      rest = next
    }
    let small = rest | 0
    do {
      const next = (small / 10) | 0
      digits[--first] = ZERO + (small - next * 10)
      small = next
    } while (small > 0)
    this.raw(digits, first, digits.length)
  }

  /** Days to a civil date, proleptic Gregorian: eras of 400 years that begin on the first of March. */
  #renderDay(days: number): void {
    const shifted = days + 719_468
    const era = Math.floor(shifted / 146_097)
    const dayOfEra = shifted - era * 146_097
    const yearOfEra =
      ((dayOfEra -
        ((dayOfEra / 1460) | 0) +
        ((dayOfEra / 36_524) | 0) -
        ((dayOfEra / 146_096) | 0)) /
        365) |
      0
    const dayOfYear = dayOfEra - (365 * yearOfEra + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0))
    const shiftedMonth = ((5 * dayOfYear + 2) / 153) | 0
    const day = dayOfYear - (((153 * shiftedMonth + 2) / 5) | 0) + 1
    const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    const text = `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
    Buffer.from(this.#dayText.buffer).write(text, 'latin1')
    this.#day = days
  }
}
