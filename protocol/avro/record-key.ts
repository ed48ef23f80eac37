import type { Overflow } from './overflow.ts'
import { branch, type WireKind } from './record-layout.ts'
import { jsonOfField } from './wire-json.ts'
import type { WireWriter } from './wire-writer.ts'

/** Where the fields of the record that is being written are found. */
export interface WrittenRecord {
  readonly writer: WireWriter
  readonly kinds: readonly WireKind[]
  /** Where each field begins in the writer. */
  readonly fieldAt: Int32Array
  /** Fields whose values the wire does not hold as their kind. */
  readonly overflow: Overflow
}

interface KeyField {
  readonly name: string
  /** Negative if there is no such column. */
  readonly index: number
}

/** A key that is longer does not name a rejected record: it may be what made the record too large. */
const maxNameLength = 8_192

/** Reads the primary key of the record that is being written back from the wire, as canonical JSON. */
export class RecordKey {
  readonly #fields: readonly KeyField[]
  readonly #record: WrittenRecord

  constructor(
    names: readonly string[],
    columns: readonly { readonly name: string }[],
    record: WrittenRecord,
  ) {
    this.#fields = names.map((name) => {
      return { name, index: columns.findIndex((column) => column.name === name) }
    })
    this.#record = record
  }

  /**
   * The JSON array of its values; null for a stream without a key.
   * @param moved by how many bytes the fields stand behind where they were written
   */
  json(moved = 0): Buffer | null {
    if (this.#fields.length === 0) return null
    const { writer, kinds, fieldAt, overflow } = this.#record
    const { bytes } = writer
    const values = this.#fields.map(({ name, index }) => {
      const position = index < 0 ? -1 : (fieldAt[index] ?? 0) + moved
      if (position < 0 || bytes[position] === branch.null) return overflow.get(name) ?? 'null'
      return jsonOfField(bytes, position + 1, kinds[index] ?? 'json')
    })
    return Buffer.from(`[${values.join(',')}]`)
  }

  /**
   * The name of a rejected record; undefined if a column of the key is missing, or the key is large itself.
   */
  name(moved: number): string | undefined {
    if (this.#fields.some(({ index }) => index < 0)) return undefined
    const key = this.json(moved)?.toString('utf8')
    return key !== undefined && key.length <= maxNameLength ? key : undefined
  }
}
