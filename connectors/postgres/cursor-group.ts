import { BoundaryGroup } from './boundary.ts'
import { fieldOf, lastLineStart, lineEnd, lineStartBefore } from './copy-line.ts'

/**
 * Follows lines that come in the order of the cursor: which value is the highest so far, and which rows have
 * it. Only rows that may still be at the boundary are hashed; with distinct values that is one row a chunk.
 */
export class CursorGroup {
  readonly #index: number
  readonly #groupText: (text: string) => string
  #group = new BoundaryGroup()
  #equal: string | undefined
  #cursor: string | undefined

  /** `groupText` gives equal texts for equal values. */
  constructor(index: number, groupText: (text: string) => string) {
    this.#index = index
    this.#groupText = groupText
  }

  /** The highest value so far; undefined before the first line. */
  get cursor(): string | undefined {
    return this.#cursor
  }

  get group(): BoundaryGroup {
    return this.#group
  }

  add(lines: Buffer): void {
    const last = lastLineStart(lines)
    const cursor = fieldOf(lines, last, this.#index) ?? ''
    const equal = this.#groupText(cursor)
    const isWholeChunk = this.#equalAt(lines, 0) === equal
    if (equal !== this.#equal) this.#group = new BoundaryGroup()
    const from = isWholeChunk ? 0 : this.#groupStart(lines, last, equal)
    for (let start = from; start < lines.length;) {
      const end = lineEnd(lines, start)
      this.#group.add(lines, start, end)
      start = end
    }
    this.#equal = equal
    this.#cursor = cursor
  }

  /** Where the rows begin that end the chunk and are equal to its last one. */
  #groupStart(lines: Buffer, last: number, equal: string): number {
    let start = last
    while (start > 0) {
      const before = lineStartBefore(lines, start)
      if (this.#equalAt(lines, before) !== equal) return start
      start = before
    }
    return start
  }

  #equalAt(lines: Buffer, start: number): string {
    return this.#groupText(fieldOf(lines, start, this.#index) ?? '')
  }
}
