/** Reads single fields of Avro at `offset` of `input`. */
export class WireReader {
  input: Buffer = Buffer.alloc(0)
  /** The same bytes. */
  view = new DataView(this.input.buffer)
  offset = 0
  /** Of the last long beyond 2^52, zigzag, its bits from 28 on … */
  upper = 0
  /** … and the 28 below them. */
  low = 0

  /** Begins at the start of these bytes. */
  open(bytes: Uint8Array): void {
    this.input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.offset = 0
  }

  /** Reads a long; NaN if it is beyond 2^52 in size, which then stands in the two fields above. */
  long(): number {
    const { input } = this
    let offset = this.offset
    let byte = input[offset++] ?? 0
    let low = byte & 0x7f
    let shift = 7
    while (byte >= 0x80 && shift < 28) {
      byte = input[offset++] ?? 0
      low |= (byte & 0x7f) << shift
      shift += 7
    }
    this.offset = offset
    return byte < 0x80 ? (low >>> 1) ^ -(low & 1) : this.#largeLong(low)
  }

  #largeLong(low: number): number {
    const { input } = this
    let offset = this.offset
    let byte = 0x80
    let middle = 0
    let high = 0
    for (let shift = 0; byte >= 0x80; shift += 7) {
      byte = input[offset++] ?? 0
      if (shift < 28) middle |= (byte & 0x7f) << shift
      else high |= (byte & 0x7f) << (shift - 28)
    }
    this.offset = offset
    const upper = high * 2 ** 28 + middle
    if (upper < 2 ** 25) {
      const zigzag = upper * 2 ** 28 + low
      return (low & 1) === 1 ? -(zigzag + 1) / 2 : zigzag / 2
    }
    this.upper = upper
    this.low = low
    return NaN
  }

  double(): number {
    const value = this.input.readDoubleLE(this.offset)
    this.offset += 8
    return value
  }

  /** Reads a string as a JS string: what is rare. */
  string(): string {
    const length = this.long()
    const start = this.offset
    this.offset += length
    return this.input.toString('utf8', start, this.offset)
  }
}
