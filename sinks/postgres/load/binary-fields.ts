import type { FieldWriter } from './copy-format.ts'
import type { HeldType } from '../tables/column-types.ts'
import type { ByteOutput } from '../../wire/byte-output.ts'
import { NumericField } from './numeric-field.ts'
import { sanitizeJson } from './sanitize-json.ts'
import { isUnstorable } from './text-fields.ts'
import type { WireReader } from '../../wire/wire-reader.ts'

const DASH = 0x2d
const UUID_LENGTH = 36
const dashes = [8, 13, 18, 23] as const
/** Where the digits of each byte of a UUID begin. */
const uuidBytes = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const
/** By byte: the value of a hexadecimal digit. */
const NO_DIGIT = 0xff
const hexValues = Uint8Array.from({ length: 256 }, (_, byte) => {
  const letter = String.fromCharCode(byte)
  return /[0-9a-fA-F]/.test(letter) ? Number.parseInt(letter, 16) : NO_DIGIT
})
const BACKSLASH = 0x5c
const BACKSLASHES = 0x5c5c5c5c
const JSONB_VERSION = 1
const TWO_32 = 2 ** 32
/** 2000-01-01, from where Postgres counts: days and microseconds since 1970. */
const EPOCH_DAYS = 10_957
const EPOCH_MICROS = 946_684_800_000_000

/** Begins a binary COPY: signature, flags, length of an extension. */
export const binaryHeader = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
/** Ends it: a row of -1 fields. */
export const binaryTrailer = Buffer.from([0xff, 0xff])

/**
 * The fields of COPY's binary format: each has its length (-1: NULL) before it, a row the number of its
 * fields.
 */
export class BinaryFields implements FieldWriter {
  stripped = false
  unwritable = false
  readonly #out: ByteOutput
  readonly #wire: WireReader
  readonly #numeric: NumericField
  readonly #fieldsPerRow: number

  constructor(out: ByteOutput, wire: WireReader, fieldsPerRow: number) {
    this.#out = out
    this.#wire = wire
    this.#numeric = new NumericField(out)
    this.#fieldsPerRow = fieldsPerRow
  }

  beginRow(): void {
    const out = this.#out
    out.view.setInt16(out.offset, this.#fieldsPerRow)
    out.offset += 2
  }

  endField(): void {
    return undefined
  }

  nullValue(): void {
    this.#length(-1)
  }

  boolean(): void {
    const wire = this.#wire
    this.#length(1)
    this.#out.bytes[this.#out.offset++] = wire.input[wire.offset++] ?? 0
  }

  integer(): void {
    const wire = this.#wire
    const value = wire.long()
    if (value === value) {
      this.int8(value)
      return
    }
    this.#length(8)
    // The lowest bit is the sign; of a negative all other bits are turned.
    const turned = -(wire.low & 1)
    const out = this.#out
    out.view.setInt32(out.offset, Math.floor(wire.upper / 32) ^ turned)
    out.view.setInt32(out.offset + 4, ((wire.low >>> 1) | ((wire.upper % 32) << 27)) ^ turned)
    out.offset += 8
  }

  date(): void {
    this.#length(4)
    this.#out.view.setInt32(this.#out.offset, this.#wire.long() - EPOCH_DAYS)
    this.#out.offset += 4
  }

  /** An integer that a double holds exactly. */
  int8(value: number): void {
    this.#length(8)
    this.#int64(value)
  }

  time(): void {
    this.int8(this.#wire.long())
  }

  timestamp(): void {
    this.timestamptz()
  }

  timestamptz(): void {
    const wire = this.#wire
    const value = wire.long()
    this.#length(8)
    // Before 1827 or after 2112: up to 2^58, which no double holds exactly.
    if (value === value) this.#int64(value - EPOCH_MICROS)
    else this.#farMoment()
  }

  number(): void {
    const wire = this.#wire
    const length = wire.long()
    const end = wire.offset + length
    if (!this.#numeric.number(wire.input, wire.offset, end)) this.unwritable = true
    wire.offset = end
  }

  double(): void {
    this.float8(this.#wire.double())
  }

  float8(value: number): void {
    this.#numeric.double(value)
  }

  /** One that is out of range is for the server to refuse, as text. */
  sizedInteger(bytes: 2 | 4): void {
    const value = this.#wire.long()
    const limit = 2 ** (8 * bytes - 1)
    if (!(value >= -limit && value < limit)) this.unwritable = true
    else if (bytes === 4) this.int4(value)
    else this.int2(value)
  }

  int2(value: number): void {
    this.#length(2)
    this.#out.view.setInt16(this.#out.offset, value)
    this.#out.offset += 2
  }

  int4(value: number): void {
    this.#length(4)
    this.#out.view.setInt32(this.#out.offset, value)
    this.#out.offset += 4
  }

  float(bytes: 4 | 8): void {
    const value = this.#wire.double()
    const { view, offset } = this.#out
    this.#length(bytes)
    if (bytes === 4) view.setFloat32(offset + 4, value)
    else view.setFloat64(offset + 4, value)
    this.#out.offset += bytes
  }

  uuid(): void {
    const wire = this.#wire
    const length = wire.long()
    const start = wire.offset
    wire.offset += length
    const isHyphenated = dashes.every((place) => wire.input[start + place] === DASH)
    if (length !== UUID_LENGTH || !isHyphenated) {
      this.unwritable = true
      return
    }
    this.#length(16)
    for (const place of uuidBytes) this.#hexByte(start + place)
  }

  /** The byte of the two digits there. */
  #hexByte(position: number): void {
    const { input } = this.#wire
    const high = hexValues[input[position] ?? 0] ?? NO_DIGIT
    const low = hexValues[input[position + 1] ?? 0] ?? NO_DIGIT
    if (high === NO_DIGIT || low === NO_DIGIT) this.unwritable = true
    this.#out.bytes[this.#out.offset++] = (high << 4) | low
  }

  string(): void {
    const wire = this.#wire
    const length = wire.long()
    const end = wire.offset + length
    this.#out.reserve(length + 8)
    const lengthAt = this.#out.offset
    this.#out.offset += 4
    this.#copyText(end)
    this.#out.view.setInt32(lengthAt, this.#out.offset - lengthAt - 4)
  }

  bytes(): void {
    const wire = this.#wire
    const length = wire.long()
    const out = this.#out
    out.reserve(length + 8)
    this.#length(length)
    out.bytes.set(wire.input.subarray(wire.offset, wire.offset + length), out.offset)
    out.offset += length
    wire.offset += length
  }

  json(): void {
    this.document(this.#wire.long())
  }

  /** JSON of this length, from where the wire stands. */
  document(length: number): void {
    const lengthAt = this.#out.offset
    this.#out.offset += 4
    this.#out.bytes[this.#out.offset++] = JSONB_VERSION
    this.#copyJson(length)
    this.#out.view.setInt32(lengthAt, this.#out.offset - lengthAt - 4)
  }

  text(text: string, held: HeldType): void {
    if (held !== 'text' && held !== 'jsonb') {
      this.unwritable = true
      return
    }
    const out = this.#out
    const version = held === 'jsonb' ? 1 : 0
    const length = Buffer.byteLength(text)
    out.reserve(length + 8)
    this.#length(length + version)
    if (version === 1) out.bytes[out.offset++] = JSONB_VERSION
    out.offset += out.bytes.write(text, out.offset)
  }

  #length(length: number): void {
    const out = this.#out
    out.view.setInt32(out.offset, length)
    out.offset += 4
  }

  #int64(value: number): void {
    const out = this.#out
    out.view.setInt32(out.offset, Math.floor(value / TWO_32))
    out.view.setInt32(out.offset + 4, value)
    out.offset += 8
  }

  #farMoment(): void {
    const { upper, low } = this.#wire
    const zigzag = BigInt(upper) * 0x1000_0000n + BigInt(low)
    const micros = (zigzag >> 1n) ^ -(zigzag & 1n)
    this.#out.view.setBigInt64(this.#out.offset, micros - BigInt(EPOCH_MICROS))
    this.#out.offset += 8
  }

  /** Copies up to `end` of the wire without U+0000: four bytes at a time if none of them is zero. */
  #copyText(end: number): void {
    const wire = this.#wire
    const out = this.#out
    const { input, view } = wire
    const { bytes } = out
    const target = out.view
    let offset = wire.offset
    let to = out.offset
    while (offset < end) {
      const word = offset <= end - 4 ? view.getInt32(offset) : 0
      if (!hasZero(word)) {
        target.setInt32(to, word)
        offset += 4
        to += 4
        continue
      }
      const byte = input[offset++] ?? 0
      if (byte === 0) this.stripped = true
      else bytes[to++] = byte
    }
    wire.offset = end
    out.offset = to
  }

  /** Four bytes at a time if none of them is zero or a backslash. */
  #copyJson(length: number): void {
    const wire = this.#wire
    const { input, view } = wire
    const out = this.#out
    out.reserve(length + 8)
    const { bytes, view: target } = out
    const end = wire.offset + length
    let offset = wire.offset
    let to = out.offset
    while (offset < end) {
      const word = offset <= end - 4 ? view.getInt32(offset) : 0
      if (!hasZero(word) && !hasZero(word ^ BACKSLASHES)) {
        target.setInt32(to, word)
        offset += 4
        to += 4
        continue
      }
      const byte = input[offset++] ?? 0
      if (byte === 0 || (byte === BACKSLASH && isUnstorable(input, offset))) {
        this.#sanitized(end)
        return
      }
      bytes[to++] = byte
      // The character after a backslash belongs to it: `\\u0000` is a backslash and a text.
      if (byte === BACKSLASH) bytes[to++] = input[offset++] ?? 0
    }
    wire.offset = end
    out.offset = to
  }

  #sanitized(end: number): void {
    const wire = this.#wire
    const out = this.#out
    const text = wire.input.toString('utf8', wire.offset, end)
    const clean = sanitizeJson(text)
    wire.offset = end
    if (clean !== text) this.stripped = true
    out.reserve(Buffer.byteLength(clean))
    out.offset += out.bytes.write(clean, out.offset)
  }
}

/** Whether one of the four bytes is zero. */
function hasZero(word: number): boolean {
  return ((word - 0x01010101) & ~word & 0x80808080) !== 0
}
