import type { BinaryType } from '../../protocol/avro/copy-binary-fields.ts'
import type { CopyChunk } from './copy-messages.ts'

/** Bytes of the fields of a type. Others are as long as their value. */
const fixedBytes: Readonly<Partial<Record<BinaryType, number>>> = {
  bool: 1,
  int2: 2,
  int4: 4,
  date: 4,
  int8: 8,
  float8: 8,
  time: 8,
  timestamp: 8,
  timestamptz: 8,
  uuid: 16,
}

/** Instead of a size: any, … */
const anySize = -1
/** … digits, two bytes each, whose number is the first of the four that stand before them, … */
const ofNumeric = -2
/** … or a document after the number of its version. */
const ofJsonb = -3
const numericHeader = 8
const jsonbVersion = 1

/**
 * Looks at the rows of binary COPY before anybody reads their fields: a value of the wrong length would become another value, and
 * everything after it too. About 3 ns a field (2026-11).
 */
export class RowCheck {
  readonly #sizes: Int32Array
  #view: DataView = new DataView(new ArrayBuffer(0))

  constructor(types: readonly BinaryType[]) {
    this.#sizes = Int32Array.from(types, sizeOf)
  }

  /** What is wrong with the rows; undefined if they are whole. Never quotes a value. */
  problemOf({ bytes, rows }: Pick<CopyChunk, 'bytes' | 'rows'>): string | undefined {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = view
    const end = bytes.byteLength
    const fields = this.#sizes.length
    const least = 2 + 4 * fields
    let position = 0
    let row = 0
    for (; row < rows; row++) {
      if (position + least > end) return 'a row ends before its last field'
      const count = view.getInt16(position)
      if (count !== fields) return `a row has ${count} fields instead of ${fields}`
      position = this.#endOf(position + 2)
      if (position < 0) return this.#problemAt(-position)
      if (position > end) return 'a field is longer than its row'
    }
    return position === end ? undefined : 'a row goes on after its last field'
  }

  /** Where the fields end that begin at `start`; negative if one is not as its type says: where it is. */
  #endOf(start: number): number {
    const view = this.#view
    const sizes = this.#sizes
    const last = view.byteLength - 4
    let position = start
    for (let column = 0; column < sizes.length; column++) {
      if (position > last) return position + view.byteLength
      const length = view.getInt32(position)
      const size = sizes[column] ?? anySize
      if (length !== size && length !== -1) {
        if (size >= 0 || length < 0) return -position
        if (size < anySize && !this.#isWhole(size, position + 4, length)) return -position
      }
      position += length < 0 ? 4 : 4 + length
    }
    return position
  }

  #isWhole(size: number, at: number, length: number): boolean {
    const view = this.#view
    if (at + length > view.byteLength) return false
    if (size === ofJsonb) return length > 1 && view.getUint8(at) === jsonbVersion
    return length >= numericHeader && length === numericHeader + 2 * view.getInt16(at)
  }

  #problemAt(position: number): string {
    return `a field of ${this.#view.getInt32(position)} bytes does not have the length of its type`
  }
}

function sizeOf(type: BinaryType): number {
  if (type === 'numeric') return ofNumeric
  return fixedBytes[type] ?? (type === 'jsonb' ? ofJsonb : anySize)
}
