import { exactNumber } from '../exact-json.ts'
import { BACKSLASH, copyFieldText, unescaped } from './copy-text.ts'
import { MomentParser, parseDate } from './iso-moment.ts'
import { branch, type WireKind } from './record-layout.ts'
import type { WireWriter } from './wire-writer.ts'

const QUOTE = 0x22
const DOT = 0x2e
const MINUS = 0x2d
const ZERO = 0x30

const numberSyntax = /^-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$/

/** JSON's syntax of a number, which has no leading zeros. */
const jsonNumberSyntax = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$/

/** 10^0 to 10^22 are the powers of ten that a double holds exactly. */
const POWERS_OF_TEN = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`))

/** The fast road: one field of a COPY TEXT line to one field of the wire, without an object or a string on the usual way. */
export class CopyFields {
  /** The lines that the fields are in. */
  lines: Uint8Array = new Uint8Array(0)
  readonly #writer: WireWriter
  readonly #moment = new MomentParser()
  #escapes = 0

  constructor(writer: WireWriter) {
    this.#writer = writer
  }

  /** The field's escapes, which the caller counted while it looked for the end. To be called before `write`. */
  set escapes(count: number) {
    this.#escapes = count
  }

  /** Writes the field; false where the kind cannot hold the text (then what was written is to be taken back). */
  write(kind: WireKind, start: number, end: number): boolean {
    const writer = this.#writer
    // No value is more than 9 bytes longer on the wire than as text.
    writer.reserve(end - start + 16)
    writer.byte(branch.value)
    switch (kind) {
      case 'string':
        return this.#text(start, end)
      case 'integer':
        return writer.longOfDigits(this.lines, start, end)
      case 'boolean':
        return this.#boolean(start, end)
      case 'number':
        return this.#number(start, end)
      case 'timestamptz':
      case 'timestamp':
        return this.#timestamp(kind, start, end)
      case 'double':
        return this.#double(start, end)
      case 'json':
        return this.#json(start, end)
      case 'date':
        return this.#longUnlessNaN(parseDate(this.lines, start, end))
      case 'time':
        return this.#longUnlessNaN(this.#moment.time(this.lines, start, end))
      case 'bytes':
        return this.#bytes(start, end)
    }
  }

  /** What `write` refused, as JSON: a number where it is one and was to be one, else a string. */
  json(kind: WireKind, start: number, end: number): string {
    const text = copyFieldText(this.lines, start, end)
    const numeric = kind === 'integer' || kind === 'number' || kind === 'double'
    if (numeric && jsonNumberSyntax.test(text)) return text
    return kind === 'json' ? escapeLoneSurrogates(text) : JSON.stringify(text)
  }

  #text(start: number, end: number): boolean {
    const writer = this.#writer
    writer.long(end - start - this.#escapes)
    if (this.#escapes === 0) writer.copy(this.lines, start, end)
    else this.#copyUnescaped(start, end)
    return true
  }

  #copyUnescaped(start: number, end: number): void {
    const { lines } = this
    const { bytes } = this.#writer
    let to = this.#writer.at
    for (let i = start; i < end; i++) {
      const byte = lines[i] ?? 0
      bytes[to++] = byte === BACKSLASH ? unescaped(lines[++i] ?? 0) : byte
    }
    this.#writer.at = to
  }

  #boolean(start: number, end: number): boolean {
    const letter = this.lines[start]
    if (end - start !== 1 || (letter !== 0x74 && letter !== 0x66)) return false
    this.#writer.byte(letter === 0x74 ? 1 : 0)
    return true
  }

  #number(start: number, end: number): boolean {
    if (!this.#isPlainDecimal(start, end) && !this.#isNumber(start, end)) return false
    this.#writer.long(end - start)
    this.#writer.copy(this.lines, start, end)
    return true
  }

  /** Digits, perhaps a minus before and a fraction after. */
  #isPlainDecimal(start: number, end: number): boolean {
    const { lines } = this
    const first = lines[start] === MINUS ? start + 1 : start
    let dot = end
    for (let i = first; i < end; i++) {
      const byte = lines[i] ?? 0
      if ((byte - ZERO) >>> 0 <= 9) continue
      if (byte !== DOT || dot !== end) return false
      dot = i
    }
    return dot > first && dot !== end - 1
  }

  #isNumber(start: number, end: number): boolean {
    const text = copyFieldText(this.lines, start, end)
    return numberSyntax.test(text) || isNotFinite(text)
  }

  #double(start: number, end: number): boolean {
    const short = this.#shortDecimal(start, end)
    if (short === short) {
      this.#writer.double(short)
      return true
    }
    const text = copyFieldText(this.lines, start, end)
    if (!numberSyntax.test(text) && !isNotFinite(text)) return false
    const value = isNotFinite(text) ? Number(text) : exactNumber(text)
    if (typeof value === 'object') return false
    const double = Number(value)
    if (typeof value === 'bigint' && BigInt(double) !== value) return false
    this.#writer.double(double)
    return true
  }

  /** A decimal of at most 15 digits: both it and the power of ten are exact doubles, so one division rounds right. NaN for all else. */
  #shortDecimal(start: number, end: number): number {
    if (end - start > 16 || !this.#isPlainDecimal(start, end)) return NaN
    const { lines } = this
    const negative = lines[start] === MINUS
    let digits = 0
    let decimals = -1
    let value = 0
    for (let i = negative ? start + 1 : start; i < end; i++) {
      const byte = lines[i] ?? 0
      if (byte === DOT) {
        decimals = 0
        continue
      }
      if (decimals >= 0) decimals++
      digits++
      value = value * 10 + byte - ZERO
    }
    if (digits > 15) return NaN
    const absolute = value / (POWERS_OF_TEN[Math.max(0, decimals)] ?? 1)
    return negative ? -absolute : absolute
  }

  #timestamp(kind: 'timestamp' | 'timestamptz', start: number, end: number): boolean {
    const moment = this.#moment
    if (!moment.timestamp(this.lines, start, end)) return false
    if (kind === 'timestamp' && moment.zoned) return false
    moment.write(this.#writer)
    return true
  }

  #longUnlessNaN(value: number): boolean {
    if (value !== value) return false
    this.#writer.long(value)
    return true
  }

  /** `\\x` (the backslash is escaped) and hexadecimal digits. */
  #bytes(start: number, end: number): boolean {
    const { lines } = this
    const first = start + 3
    if (first > end || (end - first) % 2 !== 0) return false
    if (lines[start] !== BACKSLASH || lines[start + 1] !== BACKSLASH) return false
    if (lines[start + 2] !== 0x78) return false
    const writer = this.#writer
    writer.long((end - first) / 2)
    for (let i = first; i < end; i += 2) {
      const byte = (hexDigit(lines[i] ?? 0) << 4) | hexDigit(lines[i + 1] ?? 0)
      if (byte < 0) return false
      writer.byte(byte)
    }
    return true
  }

  /** The document without the white space between its tokens, as the object road prints it. */
  #json(start: number, end: number): boolean {
    const writer = this.#writer
    const lengthAt = writer.at
    writer.long(end - start - this.#escapes)
    const contentAt = writer.at
    this.#copyCompact(start, end)
    const length = writer.at - contentAt
    writer.at = lengthAt
    writer.long(length)
    // The true length may need fewer bytes than the one that was guessed.
    if (writer.at !== contentAt) writer.bytes.copyWithin(writer.at, contentAt, contentAt + length)
    writer.at += length
    return true
  }

  #copyCompact(start: number, end: number): void {
    const { lines } = this
    const { bytes } = this.#writer
    let to = this.#writer.at
    let inString = false
    let escaped = false
    for (let i = start; i < end; i++) {
      let byte = lines[i] ?? 0
      if (byte === BACKSLASH) byte = unescaped(lines[++i] ?? 0)
      if (inString) {
        bytes[to++] = byte
        if (escaped) escaped = false
        else if (byte === BACKSLASH) escaped = true
        else if (byte === QUOTE) inString = false
      } else if (byte > 0x20) {
        bytes[to++] = byte
        inString = byte === QUOTE
      }
    }
    this.#writer.at = to
  }
}

function isNotFinite(text: string): boolean {
  return text === 'NaN' || text === 'Infinity' || text === '-Infinity'
}

/** The digit's value; negative, also when it is shifted, where it is none. */
function hexDigit(letter: number): number {
  if (letter >= ZERO && letter <= 0x39) return letter - ZERO
  const lower = letter | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -0x100
}

function escapeLoneSurrogates(text: string): string {
  return text.replace(/\p{Surrogate}/gu, (surrogate) => JSON.stringify(surrogate).slice(1, -1))
}
