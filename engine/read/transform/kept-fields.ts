import { BlockEncoder } from '../../../protocol/avro/block-encoder.ts'
import {
  cursorField,
  primaryKey,
  stringifyExact,
  type Column,
  type ConfiguredAirbyteStream,
  type RecordData,
  type RecordValue,
} from '../../../protocol/index.ts'

/** Positions and deletions that a source of changes adds to its records. */
const cdcPrefix = '_ab_cdc_'

interface KeptField {
  readonly path: readonly string[]
  readonly what: 'primary key' | 'cursor'
}

/**
 * The fields that a function must leave as they are: by the primary key and the fields of changes the rows of
 * one record are found again, and the cursor decides which of them is the newest. With another value a later
 * change, or a deletion, would meet another row.
 */
export class KeptFields {
  readonly #columns: readonly Column[]
  readonly #fields: readonly KeptField[]
  readonly #cdcColumns: readonly string[]
  #encoder: BlockEncoder | undefined

  constructor(stream: ConfiguredAirbyteStream, columns: readonly Column[]) {
    const cursor = cursorField(stream)
    this.#columns = columns
    this.#fields = [
      ...(primaryKey(stream) ?? []).map((path) => ({ path, what: 'primary key' as const })),
      ...(cursor === undefined ? [] : [{ path: cursor, what: 'cursor' as const }]),
    ]
    this.#cdcColumns = columns.map(({ name }) => name).filter((name) => name.startsWith(cdcPrefix))
  }

  /** Why the record cannot be loaded as the function returned it; undefined if it can. */
  problem(before: RecordData, after: RecordData): string | undefined {
    const changed = this.#fields.find(
      ({ path }) => !this.#isSame(path, valueAt(before, path), valueAt(after, path)),
    )
    if (changed !== undefined)
      return `it changed ${changed.path.join('.')}, which is the ${changed.what} of the stream`
    const added = Object.keys(after).filter((name) => name.startsWith(cdcPrefix))
    const cdc = [...this.#cdcColumns, ...added].find(
      (name) => !this.#isSame([name], valueAt(before, [name]), valueAt(after, [name])),
    )
    return cdc === undefined
      ? undefined
      : `it changed ${cdc}, which says when and how the source changed the record`
  }

  /** A value may be written in another way: a time with another zone. */
  #isSame(
    [name = '', ...rest]: readonly string[],
    before: RecordValue | undefined,
    after: RecordValue | undefined,
  ): boolean {
    if (before === after) return true
    if (before === undefined || after === undefined) return false
    if (stringifyExact(before) === stringifyExact(after)) return true
    const isWhole = rest.length === 0 && this.#columns.some((column) => column.name === name)
    return isWhole && this.#encoded(name, before).equals(this.#encoded(name, after))
  }

  /** The value as its column holds it. */
  #encoded(name: string, value: RecordValue): Buffer {
    this.#encoder ??= new BlockEncoder({ columns: this.#columns, maxRecordBytes: Infinity })
    this.#encoder.records([{ [name]: value }], 0, 0)
    return Buffer.from(this.#encoder.take()?.bytes ?? [])
  }
}

function valueAt(record: RecordData, path: readonly string[]): RecordValue | undefined {
  return path.reduce<RecordValue | undefined>(
    (value, name) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, name)
        ? (value as RecordData)[name]
        : undefined,
    record,
  )
}
