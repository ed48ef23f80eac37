import { MalformedRows } from '../malformed-rows.ts'
import { mostLevels } from '../row-source.ts'

/** Values of the type null have no bytes: without a limit, a few bytes could ask for values without end. */
const mostEmptyValues = 1_000_000

/** Reads the binary encoding of Avro from bytes that are all there. */
export class AvroCursor {
  readonly #bytes: Buffer
  #position = 0
  #levels = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get position(): number {
    return this.#position
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#bytes.length
  }

  /** Throws `MalformedRows` if these bytes cannot hold so many values. */
  requirePlausible(count: number): void {
    if (count > Math.max(this.#bytes.length, mostEmptyValues))
      throw new MalformedRows(
        `has a block of ${String(count)} values in ${String(this.#bytes.length)} bytes`,
      )
  }

  /** Into a part of a value. Throws `MalformedRows` if it is nested too deeply. */
  enter(): void {
    if (++this.#levels > mostLevels)
      throw new MalformedRows(`has a value of more than ${String(mostLevels)} nested levels`)
  }

  leave(): void {
    this.#levels -= 1
  }

  boolean(): boolean {
    return this.#bytes[this.#next(1)] !== 0
  }

  /** A bigint beyond 2^53. */
  long(): number | bigint {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[this.#next(1)] ?? 0
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
    }
    return this.#rest(BigInt(value))
  }

  #rest(low: bigint): number | bigint {
    let value = low
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#next(1)] ?? 0
      value |= BigInt(byte & 0x7f) << shift
      if (byte >= 0x80) continue
      const long = BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
      const number = Number(long)
      return Number.isSafeInteger(number) ? number : long
    }
    throw new MalformedRows('has an integer of more than 64 bits')
  }

  /** A length or a count. */
  size(): number {
    const value = this.long()
    if (typeof value === 'number' && value >= 0) return value
    throw new MalformedRows('has a negative length')
  }

  float(): number {
    return this.#bytes.readFloatLE(this.#next(4))
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#next(8))
  }

  bytes(count: number): Uint8Array {
    const start = this.#next(count)
    return this.#bytes.subarray(start, start + count)
  }

  text(): string {
    const count = this.size()
    const start = this.#next(count)
    return this.#bytes.toString('utf8', start, start + count)
  }

  /** Returns the position before, and moves on. */
  #next(count: number): number {
    const start = this.#position
    if (start + count > this.#bytes.length)
      throw new MalformedRows('has a value that ends too early')
    this.#position = start + count
    return start
  }
}
