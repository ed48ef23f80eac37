/** In place of the length of a field. */
export const nullField = -1
/** A large value that the update did not touch: PostgreSQL does not write it to its log again. */
export const unchangedField = -2

const kinds = { null: 0x6e, unchanged: 0x75, text: 0x74 } as const

/** The places of the fields of one row of `pgoutput` in the bytes of its message. Used again for each row. */
export class TupleFields {
  bytes: Buffer = Buffer.alloc(0)
  count = 0
  starts = new Int32Array(64)
  /** In bytes, or `nullField` or `unchangedField`. */
  lengths = new Int32Array(64)

  /** Reads the tuple at `start`; returns where it ends. Throws a RangeError if it is none. */
  read(bytes: Buffer, start: number): number {
    const count = bytes.readUInt16BE(start)
    if (count > this.starts.length) {
      this.starts = new Int32Array(2 * count)
      this.lengths = new Int32Array(2 * count)
    }
    this.bytes = bytes
    this.count = count
    const { starts, lengths } = this
    let offset = start + 2
    for (let index = 0; index < count; index++) {
      const kind = bytes[offset++]
      if (kind === kinds.text) {
        const length = bytes.readInt32BE(offset)
        starts[index] = offset + 4
        lengths[index] = length
        offset += 4 + length
        if (length < 0 || offset > bytes.length) throw new RangeError('a field is out of bounds')
      } else if (kind === kinds.null) lengths[index] = nullField
      else if (kind === kinds.unchanged) lengths[index] = unchangedField
      else throw new RangeError('a field of an unknown kind')
    }
    return offset
  }

  lengthAt(index: number): number {
    return this.lengths[index] ?? nullField
  }

  /** Whether the field of another tuple has the same text. */
  equalsAt(index: number, other: TupleFields): boolean {
    const length = this.lengthAt(index)
    if (length !== other.lengthAt(index)) return false
    if (length <= 0) return true
    const start = this.starts[index] ?? 0
    const otherStart = other.starts[index] ?? 0
    return (
      this.bytes.compare(other.bytes, otherStart, otherStart + length, start, start + length) === 0
    )
  }
}
