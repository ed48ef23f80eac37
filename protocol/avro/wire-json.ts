import { formatDate, formatTime, formatTimestamp } from './iso-moment.ts'
import type { WireKind } from './record-layout.ts'

/**
 * The canonical JSON of a non-null field of the wire: what a key on a topic is made of. It is made from the
 * wire, so that it is the same on every way. `position` is where the value begins, after its branch.
 */
export function jsonOfField(bytes: Uint8Array, position: number, kind: WireKind): string {
  const reader = new FieldReader(bytes, position)
  switch (kind) {
    case 'boolean':
      return String(bytes[position] === 1)
    case 'integer':
      return String(reader.long())
    case 'number':
      return numberOrText(reader.text())
    case 'double':
      return numberOrText(String(reader.double()))
    case 'date':
      return `"${formatDate(Number(reader.long()))}"`
    case 'timestamptz':
      return `"${formatTimestamp(BigInt(reader.long()))}Z"`
    case 'timestamp':
      return `"${formatTimestamp(BigInt(reader.long()))}"`
    case 'time':
      return `"${formatTime(Number(reader.long()))}"`
    case 'bytes':
      return `"${Buffer.from(reader.bytesOf()).toString('base64')}"`
    case 'json':
      return reader.text()
    case 'string':
      return JSON.stringify(reader.text())
  }
}

/** NaN and ±Infinity are no JSON numbers. */
function numberOrText(digits: string): string {
  return /^-?[0-9]/.test(digits) ? digits : JSON.stringify(digits)
}

/** Reads single values of Avro's binary encoding. */
export class FieldReader {
  readonly #bytes: Uint8Array
  position: number

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes
    this.position = position
  }

  /** A long: a number up to 2^52, a bigint beyond. */
  long(): number | bigint {
    const start = this.position
    let zigzag = 0
    let unit = 1
    for (;;) {
      const byte = this.#bytes[this.position++] ?? 0
      zigzag += (byte & 0x7f) * unit
      if (byte < 0x80) break
      unit *= 0x80
    }
    if (this.position - start > 7) return this.#bigLong(start)
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
  }

  text(): string {
    return Buffer.from(this.bytesOf()).toString('utf8')
  }

  /** Bytes with their length before them, as a view. */
  bytesOf(): Uint8Array {
    const length = Number(this.long())
    const start = this.position
    this.position += length
    return this.#bytes.subarray(start, this.position)
  }

  double(): number {
    const start = this.position
    this.position += 8
    return Buffer.from(this.#bytes.subarray(start, this.position)).readDoubleLE()
  }

  #bigLong(start: number): bigint {
    let zigzag = 0n
    for (let i = start; i < this.position; i++) {
      zigzag |= BigInt((this.#bytes[i] ?? 0) & 0x7f) << BigInt(7 * (i - start))
    }
    return (zigzag >> 1n) ^ -(zigzag & 1n)
  }
}
