/** A length, and the number of the request that it responds to. */
const lengthBytes = 4
const smallestResponse = 4
/** Brokers send what was asked for and one batch more: the largest record has 64 MiB. */
export const largestResponse = 256 * 1024 * 1024

/**
 * Looks at the lengths in what a broker sends. kafkajs believes them: it would wait for two gigabytes that
 * the first bytes of an HTTP server or of TLS seem to announce, and a length below 4 ends the process.
 */
export class ResponseFrames {
  readonly #head = Buffer.alloc(lengthBytes)
  /** Bytes of the head that are there. */
  #held = 0
  /** Bytes of the response that are to come. */
  #rest = 0

  /** Takes the next bytes. A length that no broker sends, or undefined. */
  take(bytes: Buffer): number | undefined {
    let position = 0
    while (position < bytes.length) {
      if (this.#rest > 0) {
        const step = Math.min(this.#rest, bytes.length - position)
        this.#rest -= step
        position += step
        continue
      }
      const step = Math.min(lengthBytes - this.#held, bytes.length - position)
      bytes.copy(this.#head, this.#held, position, position + step)
      this.#held += step
      position += step
      if (this.#held < lengthBytes) return undefined
      this.#held = 0
      const length = this.#head.readInt32BE()
      if (length < smallestResponse || length > largestResponse) return length
      this.#rest = length
    }
    return undefined
  }
}
