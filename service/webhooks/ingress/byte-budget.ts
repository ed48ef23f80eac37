/**
 * A number of bytes that all requests of a process share. No holder, such as an address, may have more than
 * its share of them.
 */
export class ByteBudget {
  #free: number
  readonly #share: number
  readonly #held = new Map<string, number>()

  constructor(bytes: number, share = bytes) {
    this.#free = bytes
    this.#share = share
  }

  /** False if the holder cannot have as many. */
  take(holder: string, bytes: number): boolean {
    const held = (this.#held.get(holder) ?? 0) + bytes
    if (bytes > this.#free || held > this.#share) return false
    this.#free -= bytes
    this.#held.set(holder, held)
    return true
  }

  give(holder: string, bytes: number): void {
    const held = (this.#held.get(holder) ?? 0) - bytes
    this.#free += bytes
    if (held > 0) this.#held.set(holder, held)
    else this.#held.delete(holder)
  }
}
