import { wireKind, type ColumnKind } from '../../../protocol/index.ts'
import type { ByteOutput } from '../../wire/byte-output.ts'
import { writeInteger, writeLong } from '../../wire/digits.ts'
import { MomentText } from '../../wire/moment-text.ts'
import type { WireReader } from '../../wire/wire-reader.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const DASH = 0x2d
const FIRST_PRINTABLE = 0x20
/** The longest escape: `\u0000`. */
const ESCAPE_BYTES = 6
/**
 * Longer texts are looked through once before they are written, so that no room of six times their length is
 * made.
 */
const LONG_TEXT = 4096
const hexDigits = Buffer.from('0123456789abcdef')
const trueText = Buffer.from('true')
const falseText = Buffer.from('false')
const shortEscapes: Readonly<Record<number, string>> = {
  0x08: 'b',
  0x09: 't',
  0x0a: 'n',
  0x0c: 'f',
  0x0d: 'r',
  [QUOTE]: '"',
  [BACKSLASH]: '\\',
}
/** The byte after the backslash; 0: the byte stands for itself; 1: it needs `\u00XX`. */
const escapes = Uint8Array.from({ length: 256 }, (_, byte) => {
  const short = shortEscapes[byte]
  if (short !== undefined) return short.charCodeAt(0)
  return byte < FIRST_PRINTABLE ? 1 : 0
})

/** Room that every value has without asking for it: the longest of a fixed form, a timestamp in quotes. */
export const valueBytes = 40

/** How a value is written: small integers, so that the switch of the inner loop is a jump. */
const codes = {
  string: 0,
  integer: 1,
  boolean: 2,
  timestamptz: 3,
  timestamp: 4,
  json: 5,
  double: 6,
  number: 7,
  date: 8,
  time: 9,
  bytes: 10,
} as const

export function jsonCodeOf(kind: ColumnKind): number {
  return codes[wireKind(kind)]
}

/**
 * Writes single values of the wire as JSON (docs/topics.md says what each kind becomes). The caller has
 * reserved `valueBytes`.
 */
export class JsonFields {
  readonly #out: ByteOutput
  readonly #wire: WireReader
  readonly #moments = new MomentText('T')

  constructor(out: ByteOutput, wire: WireReader) {
    this.#out = out
    this.#wire = wire
  }

  /** The value at the wire's offset. */
  write(code: number): void {
    switch (code) {
      case codes.string:
        this.#string()
        return
      case codes.integer:
        writeLong(this.#out, this.#wire)
        return
      case codes.boolean:
        this.#boolean()
        return
      case codes.json:
        this.#copy(this.#wire.long())
        return
      case codes.double:
        this.#double()
        return
      case codes.number:
        this.#number()
        return
      case codes.bytes:
        this.#bytes()
        return
      default:
        this.#moment(code)
    }
  }

  #boolean(): void {
    const out = this.#out
    const text = this.#wire.input[this.#wire.offset++] === 1 ? trueText : falseText
    for (const letter of text) out.bytes[out.offset++] = letter
  }

  #moment(code: number): void {
    const out = this.#out
    const wire = this.#wire
    out.bytes[out.offset++] = QUOTE
    if (code === codes.date) {
      this.#moments.date(out, wire.long())
    } else if (code === codes.time) {
      const micros = wire.long()
      const seconds = Math.floor(micros / 1e6)
      this.#moments.time(out, seconds, micros - seconds * 1e6)
    } else {
      wire.readMoment()
      this.#moments.timestamp(out, wire.moment, code === codes.timestamptz ? 'Z' : '')
    }
    out.bytes[out.offset++] = QUOTE
  }

  /**
   * JSON has no NaN and no infinities: they are texts. -0 has a fraction, since many readers take an integer
   * for 0.
   */
  #double(): void {
    const out = this.#out
    const value = this.#wire.double()
    if (Object.is(value, -0)) out.ascii('-0.0')
    else if (Number.isSafeInteger(value)) writeInteger(out, value)
    else out.ascii(Number.isFinite(value) ? String(value) : `"${String(value)}"`)
  }

  /** All of its digits. */
  #number(): void {
    const { input } = this.#wire
    const length = this.#wire.long()
    const start = this.#wire.offset
    const digit = (input[start] === DASH ? input[start + 1] : input[start]) ?? 0
    const isNumber = digit >= 0x30 && digit <= 0x39
    const out = this.#out
    if (!isNumber) out.bytes[out.offset++] = QUOTE
    this.#copy(length)
    if (!isNumber) out.bytes[out.offset++] = QUOTE
  }

  #bytes(): void {
    const wire = this.#wire
    const length = wire.long()
    const out = this.#out
    const end = wire.offset + length
    out.bytes[out.offset++] = QUOTE
    out.ascii(wire.input.toString('base64', wire.offset, end))
    out.reserve(valueBytes)
    out.bytes[out.offset++] = QUOTE
    wire.offset = end
  }

  /** Bytes as they are. */
  #copy(length: number): void {
    const wire = this.#wire
    const out = this.#out
    out.reserve(length + valueBytes)
    const { input } = wire
    const { bytes } = out
    const end = wire.offset + length
    if (length > 96) {
      input.copy(bytes, out.offset, wire.offset, end)
      out.offset += length
    } else {
      let to = out.offset
      for (let offset = wire.offset; offset < end; offset++) bytes[to++] = input[offset] ?? 0
      out.offset = to
    }
    wire.offset = end
  }

  #string(): void {
    const wire = this.#wire
    const out = this.#out
    const { input } = wire
    const length = wire.long()
    const end = wire.offset + length
    const more = length > LONG_TEXT ? countEscaped(input, wire.offset, end) : length
    out.reserve(length + more * (ESCAPE_BYTES - 1) + valueBytes)
    const { bytes } = out
    let to = out.offset
    bytes[to++] = QUOTE
    for (let offset = wire.offset; offset < end; offset++) {
      const byte = input[offset] ?? 0
      // Three comparisons for nearly every byte cost less than the table.
      if (byte > BACKSLASH || (byte >= FIRST_PRINTABLE && byte !== QUOTE && byte !== BACKSLASH)) {
        bytes[to++] = byte
      } else {
        to = writeEscape(bytes, to, byte)
      }
    }
    bytes[to++] = QUOTE
    out.offset = to
    wire.offset = end
  }
}

function writeEscape(bytes: Buffer, offset: number, byte: number): number {
  const escape = escapes[byte] ?? 0
  let to = offset
  bytes[to++] = BACKSLASH
  if (escape !== 1) {
    bytes[to++] = escape
    return to
  }
  bytes[to++] = 0x75
  bytes[to++] = 0x30
  bytes[to++] = 0x30
  bytes[to++] = hexDigits[byte >> 4] ?? 0
  bytes[to++] = hexDigits[byte & 15] ?? 0
  return to
}

function countEscaped(input: Uint8Array, start: number, end: number): number {
  let count = 0
  for (let offset = start; offset < end; offset++) {
    if (escapes[input[offset] ?? 0] !== 0) count++
  }
  return count
}
