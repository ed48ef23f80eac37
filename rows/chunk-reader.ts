import { MalformedRows } from './malformed-rows.ts'

/** Takes exact numbers of bytes out of chunks of any size. Dispose of it to end the chunks. */
export class ChunkReader implements AsyncDisposable {
  readonly #chunks: AsyncIterator<Uint8Array, unknown>
  #bytes: Uint8Array = new Uint8Array(0)
  #isEnded = false
  /** The bytes that were taken so far, from the first chunk on. */
  taken = 0

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /** Whether nothing is left. */
  async isAtEnd(): Promise<boolean> {
    return (await this.peek(1)).length === 0
  }

  /** The next `count` bytes, which stay there; fewer at the end. */
  async peek(count: number): Promise<Uint8Array> {
    if (this.#bytes.length < count && !this.#isEnded) await this.#fill(count)
    return this.#bytes.subarray(0, count)
  }

  /** The next `count` bytes. Throws `MalformedRows` if there are fewer. */
  async take(count: number): Promise<Uint8Array> {
    const bytes = await this.peek(count)
    if (bytes.length < count) throw new MalformedRows('ends in the middle')
    this.#bytes = this.#bytes.subarray(count)
    this.taken += count
    return bytes
  }

  async #fill(count: number): Promise<void> {
    const parts = [this.#bytes]
    let length = this.#bytes.length
    while (length < count) {
      const result = await this.#chunks.next()
      this.#isEnded = result.done === true
      if (result.done === true) break
      parts.push(result.value)
      length += result.value.length
    }
    this.#bytes = Buffer.concat(parts)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chunks.return?.()
  }
}
