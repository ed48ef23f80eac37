/** The size of all parts but the last: S3 asks for 5 MiB at least. An upload has up to 10,000 parts. */
export const partBytes = 8 * 1024 * 1024
const firstBytes = 64 * 1024
/** One that is filled, and those that are sent. */
const mostFree = 4

/** The memory of parts, which is used again: its release would wait for a collection of garbage. */
export class PartBuffers {
  readonly #free: Buffer[] = []

  giveBack(buffer: Buffer): void {
    if (buffer.length === partBytes && this.#free.length < mostFree) this.#free.push(buffer)
  }

  /**
   * A buffer that begins with the bytes, and has room for more: a small file has a small buffer, a part a
   * whole one.
   */
  widened(filled: Buffer, bytes: number): Buffer {
    const wanted = Math.max(firstBytes, 2 * filled.length, filled.length + bytes)
    const isWhole = wanted >= partBytes
    const wider =
      (isWhole ? this.#free.pop() : undefined) ??
      Buffer.allocUnsafeSlow(Math.min(partBytes, wanted))
    filled.copy(wider)
    return wider
  }
}
