/** A decompressor's output: one growing buffer that copies from itself, and never grows over `maxBytes`. */
export class InflateBuffer {
  #bytes: Buffer
  #position = 0
  readonly #maxBytes: number

  constructor(expectedBytes: number, maxBytes: number) {
    this.#bytes = Buffer.allocUnsafe(Math.min(expectedBytes, maxBytes))
    this.#maxBytes = maxBytes
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#position)
  }

  literal(from: Uint8Array, start: number, end: number): void {
    if (end > from.length) throw cut()
    this.#reserve(end - start)
    this.#bytes.set(from.subarray(start, end), this.#position)
    this.#position += end - start
  }

  /** `length` bytes that stand `distance` bytes back; the copy may run into what it writes. */
  repeat(distance: number, length: number): void {
    if (distance < 1 || distance > this.#position)
      throw new RangeError('a copy from before the start')
    this.#reserve(length)
    const start = this.#position - distance
    let left = length
    while (left > 0) {
      // The bytes that were copied repeat the pattern, and are copied with it the next time.
      const count = Math.min(left, this.#position - start)
      this.#bytes.copyWithin(this.#position, start, start + count)
      this.#position += count
      left -= count
    }
  }

  #reserve(count: number): void {
    const needed = this.#position + count
    if (needed > this.#maxBytes) throw new RangeError('more bytes than a batch may have')
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(
      Math.min(this.#maxBytes, Math.max(needed, this.#bytes.length * 2)),
    )
    grown.set(this.bytes)
    this.#bytes = grown
  }
}

export function cut(): RangeError {
  return new RangeError('the compressed bytes are cut')
}
