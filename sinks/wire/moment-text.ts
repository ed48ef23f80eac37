import { civilOfDays } from '../../protocol/avro/iso-moment.ts'
import type { ByteOutput } from './byte-output.ts'
import { writePair } from './digits.ts'

export interface Moment {
  readonly seconds: number
  readonly micros: number
}

/**
 * Writes dates and times as Postgres prints them (DateStyle ISO, TimeZone UTC), or as ISO 8601 does, without
 * Date objects.
 */
export class MomentText {
  /** The last date that was written, as text: neighbouring rows often share it. */
  #day = NaN
  readonly #text = new Uint8Array(10)
  readonly #separator: number

  /** `separator` stands between date and time. */
  constructor(separator: ' ' | 'T') {
    this.#separator = separator.charCodeAt(0)
  }

  /** `days` since 1970-01-01. */
  date(out: ByteOutput, days: number): void {
    if (this.#writeDay(out, days)) out.ascii(' BC')
  }

  /**
   * Seconds since 1970-01-01 00:00, rounded down, and the micros after that. `zone` stands between the time
   * and BC.
   */
  timestamp(out: ByteOutput, moment: Moment, zone: '' | '+00' | 'Z'): void {
    const days = Math.floor(moment.seconds / 86_400)
    const isBc = this.#writeDay(out, days)
    out.bytes[out.offset++] = this.#separator
    this.time(out, moment.seconds - days * 86_400, moment.micros)
    for (let i = 0; i < zone.length; i++) out.bytes[out.offset++] = zone.charCodeAt(i)
    if (isBc) out.ascii(' BC')
  }

  /** Seconds since midnight, 24:00 included, and micros. */
  time(out: ByteOutput, seconds: number, micros: number): void {
    const { bytes } = out
    const offset = out.offset
    const minutes = (seconds / 60) | 0
    const hours = (minutes / 60) | 0
    writePair(bytes, offset, hours)
    bytes[offset + 2] = 0x3a
    writePair(bytes, offset + 3, minutes - hours * 60)
    bytes[offset + 5] = 0x3a
    writePair(bytes, offset + 6, seconds - minutes * 60)
    out.offset = offset + 8
    if (micros !== 0) writeFraction(out, micros)
  }

  /** Returns true for a year BC, whose mark comes after the time. */
  #writeDay(out: ByteOutput, days: number): boolean {
    if (days !== this.#day && !this.#setDay(days)) return writeRareDay(out, days)
    const { bytes } = out
    const text = this.#text
    const offset = out.offset
    for (let i = 0; i < 10; i++) bytes[offset + i] = text[i] ?? 0
    out.offset = offset + 10
    return false
  }

  /** False for a year that has not four digits. */
  #setDay(days: number): boolean {
    // Years 1 to 9999.
    if (days < -719_162 || days > 2_932_896) return false
    const { year, month, day } = civilOfDays(days)
    const text = this.#text
    const century = (year / 100) | 0
    writePair(text, 0, century)
    writePair(text, 2, year - century * 100)
    text[4] = 0x2d
    writePair(text, 5, month)
    text[7] = 0x2d
    writePair(text, 8, day)
    this.#day = days
    return true
  }
}

function writeFraction(out: ByteOutput, micros: number): void {
  const { bytes } = out
  const offset = out.offset
  const high = (micros / 10_000) | 0
  const middle = ((micros - high * 10_000) / 100) | 0
  bytes[offset] = 0x2e
  writePair(bytes, offset + 1, high)
  writePair(bytes, offset + 3, middle)
  writePair(bytes, offset + 5, micros - high * 10_000 - middle * 100)
  let end = offset + 7
  while (bytes[end - 1] === 0x30) end--
  out.offset = end
}

function writeRareDay(out: ByteOutput, days: number): boolean {
  const { year, month, day } = civilOfDays(days)
  const isBc = year <= 0
  const two = (n: number): string => String(n).padStart(2, '0')
  out.ascii(`${String(isBc ? 1 - year : year).padStart(4, '0')}-${two(month)}-${two(day)}`)
  return isBc
}
