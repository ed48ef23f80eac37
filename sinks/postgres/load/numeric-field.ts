import type { ByteOutput } from '../../wire/byte-output.ts'

const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
/** Longer ones are left to the server's own parser. */
const MAX_DIGITS = 1000
const NEGATIVE = 0x4000
/**
 * A double is tried as a whole number of tenths, hundredths, and so on, to ten-thousandths. Below the limit,
 * the rounded product is the right one.
 */
const mostParts = 10_000
const maxExact = 1e15
/** Number of digits, weight, sign, scale: two bytes each. */
const HEADER_BYTES = 8

/**
 * Writes numerics as COPY's binary format has them: a length, then digits to the base 10,000. The scale is
 * kept as it is written (1.10 is not 1.1); groups of zeros at either end are left out, as Postgres does.
 */
export class NumericField {
  readonly #out: ByteOutput
  #at = 0
  #groups = 0
  #weight = 0

  constructor(out: ByteOutput) {
    this.#out = out
  }

  /**
   * From the text of a number: of plain decimal digits, perhaps with a minus and a fraction, or not finite;
   * false, and nothing written, if it is something else.
   */
  number(from: Uint8Array, start: number, end: number): boolean {
    if (this.#digits(from, start, end)) return true
    const special = specialTexts.find((text) => text.compare(from, start, end) === 0)
    if (special !== undefined) this.#special(specialSign(Number(special.toString())))
    return special !== undefined
  }

  #digits(from: Uint8Array, start: number, end: number): boolean {
    const negative = from[start] === MINUS
    const first = negative ? start + 1 : start
    if (end - first > MAX_DIGITS) return false
    const dot = wholeEnd(from, first, end)
    if (dot === first || (dot < end && from[dot] !== DOT)) return false
    const fraction = dot + 1
    if (dot < end && (fraction === end || wholeEnd(from, fraction, end) !== end)) return false
    this.#begin(end - first)
    this.#whole(from, first, dot)
    if (dot < end) this.#fraction(from, fraction, end)
    this.#end(negative, dot < end ? end - fraction : 0)
    return true
  }

  /**
   * Its shortest digits, as Postgres would print it: 100 ns if they are few, otherwise 220, of which V8
   * prints for 90 (2026-11, one core).
   */
  double(value: number): void {
    const most = Math.round(value * mostParts)
    if (most / mostParts !== value || Math.abs(most) >= maxExact) {
      if (Number.isFinite(value)) this.#printed(plainDigits(String(value)))
      else this.#special(specialSign(value))
      return
    }
    for (let scale = 0; ; scale++) {
      const parts = powersOfTen[scale] ?? mostParts
      const count = Math.round(value * parts)
      if (count / parts !== value) continue
      this.#scaled(count, scale)
      return
    }
  }

  /** A value without digits. */
  #special(sign: number): void {
    this.#begin(0)
    this.#end(false, 0)
    const out = this.#out
    out.view.setUint16(out.offset - 4, sign)
  }

  /** From plain decimal digits. */
  #printed(text: string): void {
    const end = text.length
    const first = text.charCodeAt(0) === MINUS ? 1 : 0
    const point = text.indexOf('.')
    const dot = point < 0 ? end : point
    this.#begin(end)
    this.#weight = ((dot - first + 3) >> 2) - 1
    let group = 0
    for (let offset = first; offset < dot; offset++) {
      group = group * 10 + text.charCodeAt(offset) - ZERO
      if (((dot - offset) & 3) !== 1) continue
      this.#group(group)
      group = 0
    }
    this.#end(first === 1, this.#printedFraction(text, dot + 1))
  }

  /** Returns the number of its digits. */
  #printedFraction(text: string, start: number): number {
    let group = 0
    let scale = 0
    for (let offset = start; offset < text.length; offset++) {
      group = group * 10 + text.charCodeAt(offset) - ZERO
      if ((++scale & 3) !== 0) continue
      this.#group(group)
      group = 0
    }
    if ((scale & 3) !== 0) this.#group(group * (powersOfTen[4 - (scale & 3)] ?? 1))
    return scale
  }

  /** A whole number below 2^53 in size, divided by ten to the power of `scale` (0 to 4). */
  #scaled(value: number, scale: number): void {
    const size = Math.abs(value)
    const unit = powersOfTen[scale] ?? 1
    const whole = Math.floor(size / unit)
    this.#begin(20)
    this.#weight = 3
    for (let power = 1e12; power > 0.5; power /= 1e4) this.#group(Math.floor(whole / power) % 1e4)
    if (scale > 0) this.#group((size - whole * unit) * (1e4 / unit))
    this.#end(value < 0, scale)
  }

  #begin(digits: number): void {
    this.#out.reserve(4 + HEADER_BYTES + digits + 4)
    this.#at = this.#out.offset + 4 + HEADER_BYTES
    this.#groups = 0
  }

  #whole(from: Uint8Array, start: number, end: number): void {
    this.#weight = ((end - start + 3) >> 2) - 1
    let group = 0
    for (let offset = start; offset < end; offset++) {
      group = group * 10 + (from[offset] ?? 0) - ZERO
      if (((end - offset) & 3) !== 1) continue
      this.#group(group)
      group = 0
    }
  }

  #fraction(from: Uint8Array, start: number, end: number): void {
    const padded = start + ((end - start + 3) & ~3)
    let group = 0
    for (let offset = start; offset < padded; offset++) {
      group = group * 10 + (offset < end ? (from[offset] ?? 0) - ZERO : 0)
      if (((padded - offset) & 3) !== 1) continue
      this.#group(group)
      group = 0
    }
  }

  #group(group: number): void {
    if (group === 0 && this.#groups === 0) {
      this.#weight -= 1
      return
    }
    this.#out.view.setInt16(this.#at, group)
    this.#at += 2
    this.#groups += 1
  }

  #end(negative: boolean, scale: number): void {
    const out = this.#out
    const { view } = out
    while (this.#groups > 0 && view.getInt16(this.#at - 2) === 0) {
      this.#at -= 2
      this.#groups -= 1
    }
    const isZero = this.#groups === 0
    view.setInt32(out.offset, HEADER_BYTES + this.#groups * 2)
    view.setInt16(out.offset + 4, this.#groups)
    view.setInt16(out.offset + 6, isZero ? 0 : this.#weight)
    view.setInt16(out.offset + 8, negative && !isZero ? NEGATIVE : 0)
    view.setInt16(out.offset + 10, scale)
    out.offset = this.#at
  }
}

/**
 * Returns the text that JavaScript prints for a finite number, without an exponent: `1.5e-7` as `0.00000015`.
 */
function plainDigits(text: string): string {
  const exponentAt = text.indexOf('e')
  if (exponentAt < 0) return text
  const sign = text.startsWith('-') ? '-' : ''
  const [whole = '', fraction = ''] = text.slice(sign.length, exponentAt).split('.')
  const exponent = Number(text.slice(exponentAt + 1))
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${whole}${fraction}`
  return `${sign}${whole}${fraction}${'0'.repeat(exponent - fraction.length)}`
}

const specialTexts = ['NaN', 'Infinity', '-Infinity'].map((text) => Buffer.from(text))

function specialSign(value: number): number {
  if (value === Infinity) return 0xd000
  return value === -Infinity ? 0xf000 : 0xc000
}

const powersOfTen = [1, 10, 100, 1000, 10_000] as const

function isDigit(code: number): boolean {
  return (code - ZERO) >>> 0 <= 9
}

/** Where the digits from `start` on end. */
function wholeEnd(from: Uint8Array, start: number, end: number): number {
  let offset = start
  while (offset < end && isDigit(from[offset] ?? 0)) offset++
  return offset
}
