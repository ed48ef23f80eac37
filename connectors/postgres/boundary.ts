import { lineEnd, lineHash } from './copy-line.ts'
import type { Boundary } from './states.ts'

/** Above this number of equal rows, a state has their digest instead of their hashes (107 kB of base64). */
export const maxBoundaryRows = 10_000
const hashBytes = 8

/** The rows emitted so far that share the highest cursor value. */
export class BoundaryGroup {
  #hashes: bigint[] | undefined = []
  #count = 0
  #sum = 0n

  get count(): number {
    return this.#count
  }

  add(lines: Buffer, start: number, end: number): void {
    this.addHash(lineHash(lines, start, end))
  }

  addHash(hash: bigint): void {
    this.#count += 1
    this.#sum = BigInt.asUintN(64, this.#sum + hash)
    if (this.#count > maxBoundaryRows) this.#hashes = undefined
    this.#hashes?.push(hash)
  }

  /**
   * True while a state in the middle of the group is exact: each of its rows can be distinguished from later
   * ones.
   */
  get isExact(): boolean {
    return this.#hashes !== undefined
  }

  /** For a state. A digest is exact only when the group is complete. */
  toBoundary(): Boundary {
    if (this.#hashes !== undefined) return { kind: 'rows', hashes: encode(this.#hashes) }
    return { kind: 'digest', count: this.#count, sum: this.#sum.toString(16) }
  }

  equals(digest: { readonly count: number; readonly sum: string }): boolean {
    return digest.count === this.#count && digest.sum === this.#sum.toString(16)
  }
}

/** The rows of a saved boundary, as a multiset: each is recognised as often as it was emitted. */
export class EmittedRows {
  readonly #left = new Map<bigint, number>()
  /** The rows that are at the boundary now, emitted before or new: the next read must recognise them. */
  readonly present = new BoundaryGroup()
  /** All rows that were ever emitted at the boundary: an unfinished pass must recognise them. */
  readonly ever = new BoundaryGroup()

  constructor(hashes: string) {
    for (const hash of decode(hashes)) {
      this.#left.set(hash, (this.#left.get(hash) ?? 0) + 1)
      this.ever.addHash(hash)
    }
  }

  /** Moves the lines that were not emitted before to the front of `lines`, and returns them. */
  keepNew(lines: Buffer): Buffer {
    let kept = 0
    for (let start = 0; start < lines.length;) {
      const end = lineEnd(lines, start)
      const hash = lineHash(lines, start, end)
      this.present.addHash(hash)
      if (!this.#take(hash)) {
        this.ever.addHash(hash)
        lines.copyWithin(kept, start, end)
        kept += end - start
      }
      start = end
    }
    return lines.subarray(0, kept)
  }

  #take(hash: bigint): boolean {
    const left = this.#left.get(hash) ?? 0
    if (left > 0) this.#left.set(hash, left - 1)
    return left > 0
  }
}

function encode(hashes: readonly bigint[]): string {
  const bytes = Buffer.allocUnsafe(hashes.length * hashBytes)
  hashes.forEach((hash, index) => bytes.writeBigUInt64LE(hash, index * hashBytes))
  return bytes.toString('base64')
}

function decode(hashes: string): bigint[] {
  const bytes = Buffer.from(hashes, 'base64')
  return Array.from({ length: Math.floor(bytes.length / hashBytes) }, (_, index) =>
    bytes.readBigUInt64LE(index * hashBytes),
  )
}
