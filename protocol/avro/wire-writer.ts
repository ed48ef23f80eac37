/**
 * 28 bits: four groups of 7, as a varint has them. A 64-bit value is three such pieces (28 + 28 + 8 bits).
 */
const PIECE = 0x10000000

/** Strings up to this length are copied character by character: cheaper than a call into Node (2026-11). */
const SHORT = 48

/**
 * A growing buffer with Avro's primitives. The caller reserves room before it writes; `position` is where the
 * next byte goes, and going back is assigning it.
 */
export class WireWriter {
  bytes: Uint8Array<ArrayBuffer>
  /** The same bytes. */
  view: DataView<ArrayBuffer>
  position = 0
  #buffer: Buffer

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity)
    this.view = new DataView(this.bytes.buffer)
    this.#buffer = Buffer.from(this.bytes.buffer)
  }

  /** The same bytes. */
  get buffer(): Buffer {
    return this.#buffer
  }

  /** Makes room for this many bytes. */
  reserve(count: number): void {
    if (this.bytes.length - this.position >= count) return
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.position + count))
    grown.set(this.bytes.subarray(0, this.position))
    this.#replace(grown)
  }

  /** Starts over; a buffer that one large record has blown up is given back. */
  restart(capacity: number): void {
    this.position = 0
    if (this.bytes.length <= capacity * 4) return
    this.#replace(new Uint8Array(capacity))
  }

  byte(value: number): void {
    this.bytes[this.position++] = value
  }

  /** A long of at most 2^52 in either direction. At most 8 bytes. */
  long(value: number): void {
    const zigzag = value < 0 ? -2 * value - 1 : 2 * value
    if (zigzag < PIECE) {
      this.#varint(zigzag)
      return
    }
    const high = Math.floor(zigzag / PIECE)
    this.#pieces(zigzag - high * PIECE, high, 0)
  }

  /** A long of 64 bits. At most 10 bytes. */
  bigLong(value: bigint): void {
    const zigzag = value < 0n ? (-value << 1n) - 1n : value << 1n
    const low = Number(zigzag & 0xfffffffn)
    this.#pieces(low, Number((zigzag >> 28n) & 0xfffffffn), Number(zigzag >> 56n))
  }

  /** A long from its decimal digits; false, and nothing written, if they are not an integer of 64 bits. */
  longOfDigits(from: Uint8Array, start: number, end: number): boolean {
    const negative = from[start] === 0x2d
    const first = negative ? start + 1 : start
    const count = end - first
    if (count < 1 || count > 19) return false
    if (count > 15) return this.#longOfManyDigits(from, start, end)
    const value = decimal(from, first, end)
    if (!(value >= 0)) return false
    this.long(negative ? -value : value)
    return true
  }

  /**
   * 16 to 19 digits, in halves that a double holds exactly: identifiers such as snowflakes are that long, and
   * a BigInt costs ten times more.
   */
  #longOfManyDigits(from: Uint8Array, start: number, end: number): boolean {
    const negative = from[start] === 0x2d
    const head = decimal(from, negative ? start + 1 : start, end - 9)
    const tail = decimal(from, end - 9, end)
    if (!(head >= 0 && tail >= 0)) return false
    const last = negative ? 854775808 : 854775807
    if (head > 9223372036 || (head === 9223372036 && tail > last)) return false
    // zigzag = 2 * (head * 1e9 + tail), less 1 if negative; head = upper * 2^17 + lower, every product below
    // 2^53.
    const upper = Math.floor(head / 0x20000)
    const lower = head - upper * 0x20000
    const product = upper * 2e9
    const shifted = Math.floor(product / 0x800)
    const low = lower * 2e9 + 2 * tail - (negative ? 1 : 0) + (product - shifted * 0x800) * 0x20000
    const carry = Math.floor(low / PIECE)
    const high = shifted + carry
    const top = Math.floor(high / PIECE)
    this.#pieces(low - carry * PIECE, high - top * PIECE, top)
    return true
  }

  double(value: number): void {
    this.view.setFloat64(this.position, value, true)
    this.position += 8
  }

  /**
   * A string with its length; false, and nothing written, if it has a lone surrogate, which UTF-8 cannot
   * hold. Reserves its own room.
   */
  text(text: string): boolean {
    if (text.length <= SHORT && this.#shortAscii(text)) return true
    if (!text.isWellFormed()) return false
    const length = Buffer.byteLength(text)
    this.reserve(length + 5)
    this.long(length)
    this.#buffer.write(text, this.position, length, 'utf8')
    this.position += length
    return true
  }

  /**
   * Ends a text that was written from `lengthAt + 1` to `end`: writes its length, and moves it if that takes
   * more than one byte.
   */
  endText(lengthAt: number, end: number): void {
    const length = end - lengthAt - 1
    if (length < 64) {
      this.bytes[lengthAt] = length << 1
      this.position = end
      return
    }
    const contentAt = lengthAt + lengthBytes(length)
    this.bytes.copyWithin(contentAt, lengthAt + 1, end)
    this.position = lengthAt
    this.long(length)
    this.position = contentAt + length
  }

  #shortAscii(text: string): boolean {
    this.reserve(SHORT + 1)
    const { bytes } = this
    let position = this.position
    bytes[position++] = text.length << 1
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) return false
      bytes[position++] = code
    }
    this.position = position
    return true
  }

  /** Bytes as they are, without a length. */
  copy(from: Uint8Array, start: number, end: number): void {
    if (end - start > 96) {
      this.bytes.set(from.subarray(start, end), this.position)
      this.position += end - start
      return
    }
    const { bytes } = this
    let position = this.position
    for (let i = start; i < end; i++) bytes[position++] = from[i] ?? 0
    this.position = position
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
    this.#buffer = Buffer.from(bytes.buffer)
  }

  #pieces(low: number, middle: number, high: number): void {
    if (middle === 0 && high === 0) {
      this.#varint(low)
      return
    }
    this.#fullPiece(low)
    if (high === 0) {
      this.#varint(middle)
      return
    }
    this.#fullPiece(middle)
    this.#varint(high)
  }

  #fullPiece(piece: number): void {
    const { bytes, position } = this
    bytes[position] = piece | 0x80
    bytes[position + 1] = (piece >>> 7) | 0x80
    bytes[position + 2] = (piece >>> 14) | 0x80
    bytes[position + 3] = (piece >>> 21) | 0x80
    this.position = position + 4
  }

  #varint(value: number): void {
    const { bytes } = this
    let position = this.position
    let rest = value
    while (rest > 127) {
      bytes[position++] = rest | 0x80
      rest >>>= 7
    }
    bytes[position++] = rest
    this.position = position
  }
}

/** How many bytes a length takes: 6 bits in the first, 7 in each other. */
function lengthBytes(length: number): number {
  let bytes = 1
  for (let rest = length; rest > 63; rest = (rest / 128) | 0) bytes++
  return bytes
}

/** ASCII digits as a number; NaN if one is not a digit. Exact up to 15 of them. */
function decimal(from: Uint8Array, start: number, end: number): number {
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = (from[i] ?? 0) - 0x30
    if (digit >>> 0 > 9) return NaN
    value = value * 10 + digit
  }
  return value
}
