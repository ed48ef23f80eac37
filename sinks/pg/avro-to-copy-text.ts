import { branch } from '../../protocol/avro/record-layout.ts'
import type { ColumnKind, JsonValue } from '../../protocol/index.ts'
import type { RecordBlock } from '../sink.ts'
import { NEWLINE, TAB } from './copy-escapes.ts'
import { CopyTextWriter } from './copy-text-writer.ts'
import { FieldText } from './field-text.ts'
import { keptText } from './kept-value.ts'
import type { RowIdentity } from './row-identity.ts'
import { WireReader } from './wire-reader.ts'

/** A column of the wire, and what the table's column of that name holds; `holds` is undefined where the table has none (the value is passed over). */
export interface LoadColumn {
  readonly name: string
  readonly kind: ColumnKind
  readonly holds: ColumnKind | undefined
}

/** Which of the sink's own columns a row ends with, in this order. */
export interface RowEnding {
  readonly rawId: boolean
  readonly meta: boolean
  /** The names of the columns that were missing from the record, for the merge (`_reactor_missing`). */
  readonly missing: boolean
  readonly syncId: number
  readonly generationId: number
}

export interface RowChange {
  readonly field: string
  readonly change: 'NULLED' | 'TRUNCATED'
  readonly reason: 'DESTINATION_TYPECAST_ERROR' | 'DESTINATION_SERIALIZATION_ERROR'
}

/** A cell that Postgres refused: the column's name, for a row of the block. */
export type RefusedCells = ReadonlyMap<number, ReadonlySet<string>>

const noCells: RefusedCells = new Map()

/**
 * The byte road of the sink: Avro records (protocol/avro/record-layout.ts) to COPY TEXT, without an object or a string for the usual row.
 * A row's columns: the table's columns in the order of the wire, then `_airbyte_extracted_at`, `_airbyte_generation_id`, and as
 * `RowEnding` says `_airbyte_raw_id`, `_airbyte_meta`, `_reactor_missing`.
 */
export class AvroToCopyText {
  readonly writer: CopyTextWriter
  readonly #reader = new WireReader()
  readonly #columns: readonly LoadColumn[]
  readonly #ending: RowEnding
  readonly #field: FieldText
  readonly #generation: Buffer
  readonly #unchangedMeta: Buffer
  #identity: RowIdentity | undefined
  #changes: RowChange[] = []
  #sourceChanges: string | undefined
  #missing: string[] = []
  #overflow: Map<string, string | null> | undefined
  #extractedAt = NaN
  readonly #extractedText = new CopyTextWriter(40)
  #block: RecordBlock | undefined
  #row = 0
  /** Columns that were missing from at least one record since this was last set to empty. */
  readonly everMissing = new Set<string>()

  constructor(columns: readonly LoadColumn[], ending: RowEnding, chunkBytes: number) {
    this.writer = new CopyTextWriter(chunkBytes)
    this.#columns = columns
    this.#ending = ending
    this.#field = new FieldText(this.#reader, this.writer)
    this.#generation = Buffer.from(String(ending.generationId))
    this.#unchangedMeta = Buffer.from(metaJson(ending.syncId, [], undefined))
  }

  open(block: RecordBlock, identity: RowIdentity): void {
    this.#block = block
    this.#identity = identity
    this.#row = 0
    this.#reader.open(block.bytes)
  }

  /** The row that comes next in the block. */
  get row(): number {
    return this.#row
  }

  /** Writes rows until the writer holds this many bytes; false when the block is at its end. */
  fill(bytes: number, refused: RefusedCells = noCells): boolean {
    const block = this.#block
    if (block === undefined) return false
    while (this.#row < block.count) {
      if (this.writer.at >= bytes) return true
      this.#writeRow(refused.get(this.#row), block.seq + this.#row)
      this.#row += 1
    }
    return false
  }

  /** Whether the row that was written last has changes that its meta would have to name, though it has no meta. */
  metaNeeded = false

  #writeRow(refused: ReadonlySet<string> | undefined, seq: number): void {
    const reader = this.#reader
    const { writer } = this
    const extractedAt = reader.long()
    const clean =
      reader.bytes[reader.at] === branch.null && reader.bytes[reader.at + 1] === branch.null
    if (clean) reader.at += 2
    else this.#readRareParts()
    const columns = this.#columns
    for (let index = 0; index < columns.length; index++) {
      const column = columns[index]
      if (column !== undefined) this.#writeField(column, refused)
    }
    this.#writeEnding(extractedAt, seq)
    writer.byte(NEWLINE)
    if (!clean) this.#forgetRareParts()
  }

  #writeField(column: LoadColumn, refused: ReadonlySet<string> | undefined): void {
    const { writer } = this
    const reader = this.#reader
    const isNull = reader.byte() === branch.null
    if (column.holds === undefined) {
      if (!isNull) this.#field.skip(column.kind)
      return
    }
    writer.reserve(64)
    if (refused?.has(column.name) === true) {
      if (!isNull) this.#field.skip(column.kind)
      this.#change(column.name, 'NULLED', 'DESTINATION_TYPECAST_ERROR')
      this.#writeNull()
    } else if (isNull) {
      if (this.#overflow === undefined) this.#writeNull()
      else this.#writeKept(column.name, column.holds, this.#overflow)
    } else if (this.#field.write(column.kind, column.holds)) {
      this.#change(column.name, 'TRUNCATED', 'DESTINATION_SERIALIZATION_ERROR')
    }
    writer.byte(TAB)
  }

  /** A value that its wire type could not hold, a missing one, or a plain null. */
  #writeKept(name: string, holds: ColumnKind, overflow: ReadonlyMap<string, string | null>): void {
    const json = overflow.get(name)
    if (json === undefined || json === null) {
      if (json === null) {
        this.#missing.push(name)
        this.everMissing.add(name)
      }
      this.#writeNull()
      return
    }
    const kept = keptText(json, holds)
    if (kept === undefined) this.#writeNull()
    else this.writer.string(kept.text)
    if (kept === undefined) this.#change(name, 'NULLED', 'DESTINATION_TYPECAST_ERROR')
    else if (kept.changed) this.#change(name, 'TRUNCATED', 'DESTINATION_SERIALIZATION_ERROR')
  }

  #writeNull(): void {
    this.writer.byte(0x5c)
    this.writer.byte(0x4e)
  }

  #writeEnding(extractedAt: number, seq: number): void {
    const { writer } = this
    const { rawId, meta, missing } = this.#ending
    writer.reserve(160 + this.#unchangedMeta.length)
    if (extractedAt !== this.#extractedAt) this.#renderExtractedAt(extractedAt)
    writer.raw(this.#extractedText.bytes, 0, this.#extractedText.at)
    writer.byte(TAB)
    writer.raw(this.#generation, 0, this.#generation.length)
    if (rawId) {
      writer.byte(TAB)
      this.#identity?.write(seq, writer)
    }
    const changed = this.#changes.length > 0 || this.#sourceChanges !== undefined
    if (changed && !meta) this.metaNeeded = true
    if (meta) this.#writeMeta(changed)
    if (missing) this.#writeMissing()
    if (this.#changes.length > 0) this.#changes = []
  }

  #writeMeta(changed: boolean): void {
    this.writer.byte(TAB)
    if (!changed) this.writer.raw(this.#unchangedMeta, 0, this.#unchangedMeta.length)
    else this.writer.string(metaJson(this.#ending.syncId, this.#changes, this.#sourceChanges))
  }

  #writeMissing(): void {
    this.writer.byte(TAB)
    if (this.#missing.length === 0) this.#writeNull()
    else this.writer.string(JSON.stringify(this.#missing))
    this.writer.reserve(16)
  }

  #renderExtractedAt(ms: number): void {
    const text = this.#extractedText
    text.at = 0
    const seconds = Math.floor(ms / 1000)
    text.timestamp(seconds, (ms - seconds * 1000) * 1000)
    text.raw(utc, 0, utc.length)
    this.#extractedAt = ms
  }

  #change(field: string, change: RowChange['change'], reason: RowChange['reason']): void {
    this.#changes.push({ field, change, reason })
  }

  #readRareParts(): void {
    const reader = this.#reader
    if (reader.byte() === branch.value) this.#sourceChanges = reader.string()
    if (reader.byte() !== branch.value) return
    const overflow = new Map<string, string | null>()
    for (let count = reader.long(); count !== 0; count = reader.long()) {
      // A negative count is followed by the size of the block in bytes.
      if (count < 0) reader.long()
      for (let entry = Math.abs(count); entry > 0; entry--) {
        const name = reader.string()
        overflow.set(name, reader.byte() === branch.value ? reader.string() : null)
      }
    }
    this.#overflow = overflow
  }

  #forgetRareParts(): void {
    this.#overflow = undefined
    this.#sourceChanges = undefined
    this.#missing = []
  }
}

const utc = Buffer.from('+00')

/** The destination's changes first, then the source's. */
function metaJson(
  syncId: number,
  changes: readonly RowChange[],
  sourceChanges: string | undefined,
): string {
  const own = changes.map((change) => JSON.stringify(change))
  const source = sourceChanges === undefined ? [] : listed(sourceChanges)
  return `{"sync_id":${String(syncId)},"changes":[${[...own, ...source].join(',')}]}`
}

function listed(changes: string): readonly string[] {
  const parsed: JsonValue = JSON.parse(changes)
  return Array.isArray(parsed) ? parsed.map((change) => JSON.stringify(change)) : []
}
