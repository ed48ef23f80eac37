import { exactNumber } from '../exact-json.ts'
import { BACKSLASH, copyFieldText, fieldEnd, NEWLINE, TAB, unescaped } from './copy-text.ts'
import { integralOf } from './integral-number.ts'
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

/**
 * The fast path: one field of a COPY TEXT line to one field of the wire, in one pass over its bytes, without
 * an object or a string on the usual way. The caller has made room: as much as the lines are long and 16
 * bytes more for each field.
 */
export class CopyFields {
  readonly #writer: WireWriter
  readonly #moment = new MomentParser()
  #lines: Uint8Array = new Uint8Array(0)
  /** The same bytes. */
  #ascii: Buffer = Buffer.alloc(0)
  #view = new DataView(this.#lines.buffer)

  constructor(writer: WireWriter) {
    this.#writer = writer
  }

  /** The lines that the fields are in; the last of them ends. */
  get lines(): Uint8Array {
    return this.#lines
  }

  set lines(lines: Uint8Array) {
    this.#lines = lines
    this.#ascii = Buffer.from(lines.buffer, lines.byteOffset, lines.length)
    this.#view = new DataView(lines.buffer, lines.byteOffset, lines.byteLength)
  }

  /**
   * An upper bound of the line's length: the rest of the lines, unless that is so much that looking for the
   * end pays off.
   */
  roomFor(start: number, enough: number): number {
    const rest = this.#lines.length - start
    return rest <= enough ? rest : this.#lines.indexOf(NEWLINE, start) + 1 - start
  }

  /**
   * Writes the field that begins at `start`; returns the position of what ends it. Negative if the kind
   * cannot hold it: then what was written is to be taken back.
   */
  write(kind: WireKind, start: number): number {
    this.#writer.byte(branch.value)
    switch (kind) {
      case 'string':
        return this.#text(start)
      case 'integer':
        return this.#integer(start)
      case 'boolean':
        return this.#boolean(start)
      case 'number':
        return this.#number(start)
      case 'timestamptz':
      case 'timestamp':
        return this.#timestamp(kind, start)
      case 'double':
        return this.#double(start)
      case 'json':
        return this.#json(start)
      case 'date':
        return this.#date(start)
      case 'time':
        return this.#time(start)
      case 'bytes':
        return this.#bytes(start)
    }
  }

  /** A field that `write` refused, as JSON: a number if it is one and was to be one, else a string. */
  json(kind: WireKind, start: number, end: number): string {
    const text = copyFieldText(this.#lines, start, end)
    const numeric = kind === 'integer' || kind === 'number' || kind === 'double'
    if (numeric && jsonNumberSyntax.test(text)) return text
    return kind === 'json' ? escapeLoneSurrogates(text) : JSON.stringify(text)
  }

  #text(start: number): number {
    const lines = this.#lines
    const { bytes } = this.#writer
    const lengthAt = this.#writer.position
    const end = this.#copyWords(start, lengthAt + 1)
    let position = end
    let to = lengthAt + 1 + (end - start)
    for (;;) {
      let byte = lines[position] ?? NEWLINE
      while (byte !== BACKSLASH && byte !== TAB && byte !== NEWLINE) {
        bytes[to++] = byte
        byte = lines[++position] ?? NEWLINE
      }
      if (byte !== BACKSLASH) break
      bytes[to++] = unescaped(lines[position + 1] ?? 0)
      const resumed = this.#copyWords(position + 2, to)
      to += resumed - position - 2
      position = resumed
    }
    this.#writer.endText(lengthAt, to)
    return position
  }

  /**
   * Copies four bytes at a time up to where one of them is a control character or a backslash (the usual bit
   * tricks for "a byte below 0x20" and "a zero byte"); returns where it stopped. Three times faster than byte
   * by byte (2026-11).
   */
  #copyWords(start: number, to: number): number {
    const source = this.#view
    const target = this.#writer.view
    const last = source.byteLength - 4
    let position = start
    for (let toAt = to; position <= last; toAt += 4) {
      const word = source.getInt32(position, true)
      const other = word ^ 0x5c5c5c5c
      const low = (word - 0x20202020) & ~word
      if (((low | ((other - 0x01010101) & ~other)) & 0x80808080) !== 0) break
      target.setInt32(toAt, word, true)
      position += 4
    }
    return position
  }

  #integer(start: number): number {
    const lines = this.#lines
    const negative = lines[start] === MINUS
    const first = negative ? start + 1 : start
    let position = first
    let value = 0
    for (;;) {
      const digit = (lines[position] ?? 0) - ZERO
      if (digit >>> 0 > 9) break
      value = value * 10 + digit
      position++
    }
    if (position === first || !isEnd(lines[position])) return this.#spelledInteger(start)
    if (position - first > 15)
      return this.#writer.longOfDigits(lines, start, position) ? position : REFUSED
    this.#writer.long(negative ? -value : value)
    return position
  }

  /** `2.0` and `1e3` are integers too. */
  #spelledInteger(start: number): number {
    const end = fieldEnd(this.#lines, start)
    const value = integralOf(copyFieldText(this.#lines, start, end))
    if (value === undefined || BigInt.asIntN(64, value) !== value) return REFUSED
    this.#writer.bigLong(value)
    return end
  }

  #boolean(start: number): number {
    const letter = this.#lines[start]
    if ((letter !== 0x74 && letter !== 0x66) || !isEnd(this.#lines[start + 1])) return REFUSED
    this.#writer.byte(letter === 0x74 ? 1 : 0)
    return start + 1
  }

  #number(start: number): number {
    const lines = this.#lines
    const { bytes } = this.#writer
    const lengthAt = this.#writer.position
    const end = plainDecimalEnd(lines, start)
    if (end < 0 || end - start > 63) return this.#longNumber(start)
    bytes[lengthAt] = (end - start) << 1
    let to = lengthAt + 1
    for (let position = start; position < end; position++) bytes[to++] = lines[position] ?? 0
    this.#writer.position = to
    return end
  }

  /** A number with an exponent, NaN, Infinity, or one of many digits. */
  #longNumber(start: number): number {
    const end = fieldEnd(this.#lines, start)
    const text = copyFieldText(this.#lines, start, end)
    if (!numberSyntax.test(text) && !isNotFinite(text)) return REFUSED
    this.#writer.long(end - start)
    this.#writer.copy(this.#lines, start, end)
    return end
  }

  #double(start: number): number {
    const plainEnd = plainDecimalEnd(this.#lines, start)
    const short = plainEnd < 0 ? NaN : shortDecimal(this.#lines, start, plainEnd)
    if (short === short) {
      this.#writer.double(short)
      return plainEnd
    }
    const end = fieldEnd(this.#lines, start)
    // Postgres prints a double with the fewest digits that distinguish it from its neighbours, as JavaScript
    // does: if the two agree to the letter, the double is the value that was meant. Six times faster than
    // comparing the digits (2026-11).
    const digits = this.#ascii.toString('latin1', start, end)
    const parsed = Number(digits)
    if (String(parsed) === digits) {
      this.#writer.double(parsed)
      return end
    }
    const text = copyFieldText(this.#lines, start, end)
    if (!numberSyntax.test(text) && !isNotFinite(text)) return REFUSED
    const value = isNotFinite(text) ? Number(text) : exactNumber(text)
    if (typeof value === 'object') return REFUSED
    const double = Number(value)
    if (typeof value === 'bigint' && (!Number.isFinite(double) || BigInt(double) !== value)) {
      return REFUSED
    }
    this.#writer.double(double)
    return end
  }

  #timestamp(kind: 'timestamp' | 'timestamptz', start: number): number {
    const moment = this.#moment
    const end = moment.timestamp(this.#lines, start)
    if (end < 0 || !isEnd(this.#lines[end])) return REFUSED
    if (kind === 'timestamp' && moment.zoned) return REFUSED
    moment.write(this.#writer)
    return end
  }

  #date(start: number): number {
    const end = start + 10
    return this.#longUnlessNaN(parseDate(this.#lines, start, end), end)
  }

  #time(start: number): number {
    const end = fieldEnd(this.#lines, start)
    return this.#longUnlessNaN(this.#moment.time(this.#lines, start, end), end)
  }

  #longUnlessNaN(value: number, end: number): number {
    if (value !== value || !isEnd(this.#lines[end])) return REFUSED
    this.#writer.long(value)
    return end
  }

  /** `\\x` (the backslash is escaped) and hexadecimal digits. */
  #bytes(start: number): number {
    const lines = this.#lines
    const end = fieldEnd(lines, start)
    const first = start + 3
    if (first > end || (end - first) % 2 !== 0) return REFUSED
    if (lines[start] !== BACKSLASH || lines[start + 1] !== BACKSLASH) return REFUSED
    if (lines[start + 2] !== 0x78) return REFUSED
    const writer = this.#writer
    writer.long((end - first) / 2)
    for (let i = first; i < end; i += 2) {
      const byte = (hexDigit(lines[i] ?? 0) << 4) | hexDigit(lines[i + 1] ?? 0)
      if (byte < 0) return REFUSED
      writer.byte(byte)
    }
    return end
  }

  /** The document without the white space between its tokens, as the object path prints it. */
  #json(start: number): number {
    const lines = this.#lines
    const { bytes } = this.#writer
    const lengthAt = this.#writer.position
    let to = lengthAt + 1
    let position = start
    for (;;) {
      let byte = lines[position] ?? NEWLINE
      if (byte === TAB || byte === NEWLINE) break
      position++
      if (byte === BACKSLASH) byte = unescaped(lines[position++] ?? 0)
      if (byte > 0x20) bytes[to++] = byte
      if (byte !== QUOTE) continue
      this.#writer.position = to
      position = this.#jsonString(position)
      to = this.#writer.position
    }
    this.#writer.endText(lengthAt, to)
    return position
  }

  /**
   * The rest of a JSON string, with its closing quote. An escape of COPY may stand for a backslash, which
   * begins one of JSON.
   */
  #jsonString(start: number): number {
    const lines = this.#lines
    const { bytes } = this.#writer
    let to = this.#writer.position
    let position = start
    for (let isEscaped = false; ;) {
      let byte = lines[position] ?? NEWLINE
      if (byte === TAB || byte === NEWLINE) break
      position++
      if (byte === BACKSLASH) byte = unescaped(lines[position++] ?? 0)
      bytes[to++] = byte
      if (byte === QUOTE && !isEscaped) break
      isEscaped = byte === BACKSLASH && !isEscaped
    }
    this.#writer.position = to
    return position
  }
}

/** The result of `write` if the kind cannot hold the field. */
const REFUSED = -1

function isEnd(byte: number | undefined): boolean {
  return byte === TAB || byte === NEWLINE
}

/**
 * Digits, perhaps a minus before and a fraction after, to the end of the field: gives that end; negative for
 * all else.
 */
function plainDecimalEnd(lines: Uint8Array, start: number): number {
  const first = lines[start] === MINUS ? start + 1 : start
  let position = first
  let dot = -1
  for (; ; position++) {
    const byte = lines[position] ?? 0
    if ((byte - ZERO) >>> 0 <= 9) continue
    if (byte !== DOT || dot >= 0) break
    dot = position
  }
  return isEnd(lines[position]) && position > first && dot !== first && dot !== position - 1
    ? position
    : REFUSED
}

/**
 * A decimal of at most 15 digits: both it and the power of ten are exact doubles, so one division rounds
 * right. NaN for more.
 */
function shortDecimal(lines: Uint8Array, start: number, end: number): number {
  if (end - start > 16) return NaN
  const negative = lines[start] === MINUS
  let digits = 0
  let decimals = -1
  let value = 0
  for (let i = negative ? start + 1 : start; i < end; i++) {
    const byte = lines[i] ?? 0
    if (decimals >= 0) decimals++
    if (byte === DOT) {
      decimals = 0
      continue
    }
    digits++
    value = value * 10 + byte - ZERO
  }
  if (digits > 15) return NaN
  const absolute = value / (POWERS_OF_TEN[Math.max(0, decimals)] ?? 1)
  return negative ? -absolute : absolute
}

function isNotFinite(text: string): boolean {
  return text === 'NaN' || text === 'Infinity' || text === '-Infinity'
}

/** The digit's value; negative, also when it is shifted, if it is none. */
function hexDigit(letter: number): number {
  if (letter >= ZERO && letter <= 0x39) return letter - ZERO
  const lower = letter | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -0x100
}

function escapeLoneSurrogates(text: string): string {
  return text.replace(/\p{Surrogate}/gu, (surrogate) => JSON.stringify(surrogate).slice(1, -1))
}
