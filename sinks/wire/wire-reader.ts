/** Reads single fields of Avro at `offset` of `input`. */
export class WireReader {
  input: Buffer = Buffer.alloc(0)
  /** The same bytes. */
  view = new DataView(this.input.buffer)
  offset = 0
  /** The last long beyond 2^52, zigzag: its bits from 28 on … */
  upper = 0
  /** … and the 28 below them. */
  low = 0
  /** The last long beyond 2^52 after `splitLarge`: its size is millions * 10^6 + units. */
  negative = false
  millions = 0
  units = 0
  /** The last moment: seconds since 1970-01-01 00:00, rounded down, and the micros after that. */
  readonly moment = { seconds: 0, micros: 0 }

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

  /** Divides upper * 2^28 + low (zigzag) by two and by 10^6 in steps that a double holds exactly. */
  splitLarge(): void {
    const { upper, low } = this
    const negative = (low & 1) === 1
    // Half of it: upper's lowest bit becomes the highest of low; a negative is one larger in size.
    const half = Math.floor(upper / 2)
    const lower = (low >>> 1) + (upper % 2) * 2 ** 27 + (negative ? 1 : 0)
    const quotient = Math.floor(half / 1e6)
    const rest = (half - quotient * 1e6) * 2 ** 28 + lower
    const millions = Math.floor(rest / 1e6)
    this.millions = quotient * 2 ** 28 + millions
    this.units = rest - millions * 1e6
    this.negative = negative
  }

  /** Reads a long of microseconds since 1970 into `moment`. */
  readMoment(): void {
    const value = this.long()
    const { moment } = this
    moment.seconds = Math.floor(value / 1e6)
    moment.micros = value - moment.seconds * 1e6
    if (value === value) return
    this.splitLarge()
    moment.seconds = this.negative ? -this.millions : this.millions
    moment.micros = this.units
    if (this.negative && this.units > 0) {
      moment.seconds -= 1
      moment.micros = 1e6 - this.units
    }
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
