import { branch, wireKind, type Column, type ColumnKind } from '../../../protocol/index.ts'
import { jsonOfField } from '../../../protocol/avro/wire-json.ts'
import type { RecordBlock } from '../../sink.ts'
import { WireReader } from '../../wire/wire-reader.ts'

/** How a value is passed over. */
const extents = { counted: 0, varint: 1, one: 2, eight: 3 } as const

const extentOfKind: Readonly<Record<ColumnKind, number>> = {
  boolean: extents.one,
  integer: extents.varint,
  number: extents.counted,
  double: extents.eight,
  string: extents.counted,
  date: extents.varint,
  timestamptz: extents.varint,
  timestamp: extents.varint,
  timetz: extents.counted,
  time: extents.varint,
  bytes: extents.counted,
  json: extents.counted,
}

/**
 * One record of a block at a time (protocol/avro/record-layout.ts): where its fields stand, without an object
 * or a string in the usual case.
 */
export class WireRecord {
  readonly wire = new WireReader()
  /** Where the branch of each field stands in `wire.input`; one more: where the record ends. */
  readonly fieldAt: Int32Array
  slice = ''
  seq = 0
  extractedAtMs = 0
  /** The source's changes, a JSON array; empty if there are none. */
  changes = ''
  /**
   * By column: values that its kind cannot hold, as JSON, and null for fields that are missing. Undefined for
   * nearly every record. Fields that are no columns are left out: the stream does not have them, or its user
   * did not want them.
   */
  overflow: Map<string, string | null> | undefined

  readonly #extents: Uint8Array
  readonly #names: ReadonlySet<string>
  readonly #columns: readonly Column[]
  #left = 0

  constructor(columns: readonly Column[]) {
    this.#columns = columns
    this.fieldAt = new Int32Array(columns.length + 1)
    this.#extents = Uint8Array.from(columns, ({ kind }) => extentOfKind[wireKind(kind)])
    this.#names = new Set(columns.map(({ name }) => name))
  }

  open({ slice, seq, count, bytes }: RecordBlock): void {
    this.wire.open(bytes)
    this.slice = slice
    this.seq = seq - 1
    this.#left = count
    this.fieldAt[this.#extents.length] = 0
  }

  /** False at the end of the block. */
  next(): boolean {
    if (this.#left === 0) return false
    this.#left -= 1
    this.seq += 1
    const { wire } = this
    const { input } = wire
    wire.offset = this.end
    this.extractedAtMs = wire.long()
    this.changes = input[wire.offset++] === branch.null ? '' : wire.string()
    this.overflow = input[wire.offset++] === branch.null ? undefined : this.#readOverflow()
    this.#findFields()
    return true
  }

  /** The JSON array of some columns: how a record is named that becomes no message. */
  json(columns: readonly number[]): string {
    const { input } = this.wire
    const values = columns.map((column) => {
      const { name, kind } = this.#columns[column] ?? { name: '', kind: 'json' }
      const position = this.fieldAt[column] ?? 0
      if (input[position] === branch.null) return this.overflow?.get(name) ?? 'null'
      return jsonOfField(input, position + 1, wireKind(kind))
    })
    return `[${values.join(',')}]`
  }

  get end(): number {
    return this.fieldAt[this.#extents.length] ?? 0
  }

  /** A value, also one in the overflow. */
  hasValue(column: number, name: string): boolean {
    if (this.wire.input[this.fieldAt[column] ?? 0] !== branch.null) return true
    const entry = this.overflow?.get(name)
    return entry !== undefined && entry !== null
  }

  #findFields(): void {
    const { wire, fieldAt } = this
    const { input } = wire
    const extentsOf = this.#extents
    const count = extentsOf.length
    let offset = wire.offset
    for (let column = 0; column < count; column++) {
      fieldAt[column] = offset
      if (input[offset++] === branch.null) continue
      const extent = extentsOf[column]
      if (extent === extents.counted) {
        wire.offset = offset
        const length = wire.long()
        offset = wire.offset + length
      } else if (extent === extents.varint) {
        while ((input[offset++] ?? 0) >= 0x80);
      } else {
        offset += extent === extents.one ? 1 : 8
      }
    }
    fieldAt[count] = offset
  }

  /** Avro map: blocks of entries, each with a count (negative: a byte size follows), then a zero. */
  #readOverflow(): Map<string, string | null> | undefined {
    const { wire } = this
    const overflow = new Map<string, string | null>()
    for (let count = wire.long(); count !== 0; count = wire.long()) {
      if (count < 0) {
        count = -count
        wire.long()
      }
      for (let entry = 0; entry < count; entry++) {
        const name = wire.string()
        const isNull = wire.input[wire.offset++] === branch.null
        const json = isNull ? null : wire.string()
        if (this.#names.has(name)) overflow.set(name, json)
      }
    }
    return overflow.size === 0 ? undefined : overflow
  }
}
