import { hash } from 'node:crypto'

const firstSlots = 1 << 16

/**
 * Keys of messages, as 64 bits of a digest each: 8 bytes for a slot, at most three quarters of which are
 * used. Two of ten million keys share a digest once in 400,000 times.
 */
export class KeySet {
  #high = new Uint32Array(firstSlots)
  #low = new Uint32Array(firstSlots)
  #size = 0

  has(digest: KeyDigest): boolean {
    const slot = this.#find(digest)
    return this.#isUsed(slot)
  }

  add(digest: KeyDigest): void {
    const slot = this.#find(digest)
    if (this.#isUsed(slot)) return
    this.#high[slot] = digest.high
    this.#low[slot] = digest.low
    this.#size += 1
    if (this.#size * 4 > this.#high.length * 3) this.#grow()
  }

  /** Its slot, or the free one where it belongs. */
  #find({ high, low }: KeyDigest): number {
    const mask = this.#high.length - 1
    let slot = low & mask
    while (this.#isUsed(slot) && (this.#high[slot] !== high || this.#low[slot] !== low))
      slot = (slot + 1) & mask
    return slot
  }

  /** No digest has 0 as its high half (`digestOf`). */
  #isUsed(slot: number): boolean {
    return this.#high[slot] !== 0
  }

  #grow(): void {
    const highs = this.#high
    const lows = this.#low
    this.#high = new Uint32Array(highs.length * 2)
    this.#low = new Uint32Array(highs.length * 2)
    for (const [index, high] of highs.entries()) {
      if (high === 0) continue
      const low = lows[index] ?? 0
      const slot = this.#find({ high, low })
      this.#high[slot] = high
      this.#low[slot] = low
    }
  }
}

export interface KeyDigest {
  readonly high: number
  readonly low: number
}

export function digestOf(key: Uint8Array): KeyDigest {
  const bytes = hash('sha256', key, 'buffer')
  return { high: bytes.readUInt32BE(0) || 1, low: bytes.readUInt32BE(4) }
}
