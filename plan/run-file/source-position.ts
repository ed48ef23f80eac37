/** A place in the run file; both count from 1, as editors do. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** The path to a value inside the document: `['streams', 1, 'sync_mode']`. */
export type FieldPath = readonly (string | number)[]

/** The positions of the fields of a document, recorded during parsing. */
export class PositionIndex {
  readonly #lineStarts: readonly number[]
  readonly #keys = new Map<string, number>()
  readonly #values = new Map<string, number>()

  constructor(source: string) {
    const starts = [0]
    for (const match of source.matchAll(/\r\n|\r|\n/g)) starts.push(match.index + match[0].length)
    this.#lineStarts = starts
  }

  addKey(path: FieldPath, offset: number): void {
    this.#keys.set(JSON.stringify(path), offset)
  }

  addValue(path: FieldPath, offset: number): void {
    this.#values.set(JSON.stringify(path), offset)
  }

  /** The key of a field, for a problem of the field itself (unknown). */
  ofKey(path: FieldPath): Position {
    const offset = this.#keys.get(JSON.stringify(path))
    return offset === undefined ? this.ofValue(path) : this.positionAt(offset)
  }

  /** The value of a field. If the field is missing: the nearest field around it, which it belongs into. */
  ofValue(path: FieldPath): Position {
    for (let length = path.length; length > 0; length--) {
      const key = JSON.stringify(path.slice(0, length))
      const own = length === path.length ? this.#values.get(key) : undefined
      const offset = own ?? this.#keys.get(key) ?? this.#values.get(key)
      if (offset !== undefined) return this.positionAt(offset)
    }
    return { line: 1, column: 1 }
  }

  positionAt(offset: number): Position {
    let low = 0
    let high = this.#lineStarts.length - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 }
  }
}

/** A run file as it was read: nothing is expanded or checked yet. */
export interface SourceDocument {
  readonly value: unknown
  readonly positions: PositionIndex
}

/** `streams[1].sync_mode`, as error messages write a path. */
export function fieldName(path: FieldPath): string {
  const name = path
    .map((part) => (typeof part === 'number' ? `[${String(part)}]` : `.${part}`))
    .join('')
  return name.startsWith('.') ? name.slice(1) : name || 'the document'
}
