const PIECE = 0x10000000

/** Reads Avro's primitives from a block. `at` is where the next value begins. */
export class WireReader {
  bytes: Uint8Array = new Uint8Array(0)
  at = 0
  #view: DataView = new DataView(new ArrayBuffer(0))
  /** The exact value of the last long that did not fit a double, else undefined. */
  big: bigint | undefined

  open(bytes: Uint8Array): void {
    this.bytes = bytes
    this.at = 0
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  byte(): number {
    return this.bytes[this.at++] ?? 0
  }

  /** A long; where it is beyond 2^52, NaN, and `big` holds it. */
  long(): number {
    const { bytes } = this
    let at = this.at
    let byte = bytes[at++] ?? 0
    let low = byte & 127
    let shift = 7
    while (byte > 127 && shift < 28) {
      byte = bytes[at++] ?? 0
      low |= (byte & 127) << shift
      shift += 7
    }
    this.at = at
    if (byte <= 127) return (low >>> 1) ^ -(low & 1)
    return this.#longer(low)
  }

  double(): number {
    const value = this.#view.getFloat64(this.at, true)
    this.at += 8
    return value
  }

  /** A string as a JS string, for the rare values. */
  string(): string {
    const length = this.long()
    const text = Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.at, length).toString(
      'utf8',
    )
    this.at += length
    return text
  }

  #longer(low: number): number {
    const { bytes } = this
    let at = this.at
    let middle = 0
    let shift = 0
    let byte = 128
    while (byte > 127 && shift < 28) {
      byte = bytes[at++] ?? 0
      middle |= (byte & 127) << shift
      shift += 7
    }
    let high = 0
    for (shift = 0; byte > 127; shift += 7) {
      byte = bytes[at++] ?? 0
      high |= (byte & 127) << shift
    }
    this.at = at
    if (high === 0 && middle < 0x1000000) {
      const zigzag = middle * PIECE + low
      return low & 1 ? -(zigzag + 1) / 2 : zigzag / 2
    }
    const zigzag = (BigInt(high) << 56n) | (BigInt(middle) << 28n) | BigInt(low)
    this.big = zigzag & 1n ? -((zigzag + 1n) >> 1n) : zigzag >> 1n
    return NaN
  }
}
