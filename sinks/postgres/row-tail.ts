import { createHash } from 'node:crypto'
import type { CopyOutput } from './copy-output.ts'
import { writeInteger } from './digits.ts'

/** A change of a value, as Airbyte's `_airbyte_meta` lists it. */
export interface Change {
  readonly field: string
  readonly change: 'NULLED' | 'TRUNCATED'
  readonly reason: 'DESTINATION_TYPECAST_ERROR' | 'DESTINATION_SERIALIZATION_ERROR'
}

export interface RowTailOptions {
  /** What the raw ids derive from, beside slice and sequence: a replayed record gets the same id. */
  readonly idFacts: readonly (string | number | null)[]
  readonly syncId: number
  readonly generationId: number
  readonly metadata: 'full' | 'minimal'
  /** There is a column `_airbyte_meta`: always with full metadata. */
  readonly hasMeta: boolean
  /** The rows go to the staging table of a merge, which has two columns more. */
  readonly isStaged: boolean
}

const digitZero = 0x30
const digitNine = 0x39
const letterA = 0x61
const letterF = 0x66

/** The metadata columns that end every row, in the order of `columns`. Most of it is the same from row to row. */
export class RowTail {
  readonly columns: readonly string[]
  readonly #options: RowTailOptions
  readonly #emptyMeta: string
  #extractedAtMs = NaN
  #slice: string | undefined
  #idPrefix = ''
  /** All up to `_airbyte_meta`, for the last row. */
  #template: Uint8Array = new Uint8Array(0)
  #idEnd = 0
  #seq = NaN

  constructor(options: RowTailOptions) {
    this.#options = options
    const isFull = options.metadata === 'full'
    this.columns = [
      '_airbyte_extracted_at',
      '_airbyte_generation_id',
      ...(isFull ? ['_airbyte_raw_id'] : []),
      ...(options.hasMeta ? ['_airbyte_meta'] : []),
      ...(options.isStaged ? ['_reactor_seq', '_reactor_missing'] : []),
    ]
    this.#emptyMeta = isFull ? `{"sync_id":${options.syncId},"changes":[]}` : String.raw`\N`
  }

  /** The records that follow are of this slice. */
  setSlice(slice: string): void {
    if (slice === this.#slice) return
    this.#slice = slice
    const facts = [...this.#options.idFacts, slice, this.#options.syncId]
    const hex = createHash('sha256').update(JSON.stringify(facts)).digest('hex')
    // UUID version 8 (RFC 9562): 60 bits of hash, then 62 bits of sequence number.
    this.#idPrefix = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(12, 15)}-`
    this.#extractedAtMs = NaN
  }

  /** `changes`: JSON of the row's changes, without brackets; `order`: the row's number in the transaction. */
  write(
    out: CopyOutput,
    row: { seq: number; extractedAtMs: number; order: number; changes: string; missing: string },
  ): void {
    if (row.extractedAtMs !== this.#extractedAtMs) this.#makeTemplate(row.extractedAtMs, row.seq)
    else if (this.#idEnd > 0 && row.seq !== this.#seq) this.#setSeq(row.seq)
    out.reserve(this.#template.length + 64)
    out.bytes.set(this.#template, out.at)
    out.at += this.#template.length
    if (row.changes !== '') this.#writeChanges(out, row.changes)
    if (this.#options.isStaged) {
      out.bytes[out.at++] = 0x09
      writeInteger(out, row.order)
      out.bytes[out.at++] = 0x09
      if (row.missing === '') out.nullValue()
      else out.escaped(row.missing)
    }
    out.reserve(1)
    out.bytes[out.at++] = 0x0a
  }

  #makeTemplate(extractedAtMs: number, seq: number): void {
    const { metadata, generationId, hasMeta } = this.#options
    const time = new Date(extractedAtMs).toISOString().replace('T', ' ').replace('Z', '+00')
    const start = `${time}\t${generationId}`
    const withId = metadata === 'full' ? `${start}\t${this.#idPrefix}${sequencePart(seq)}` : start
    this.#template = Buffer.from(hasMeta ? `${withId}\t${this.#emptyMeta}` : withId)
    this.#idEnd = metadata === 'full' ? withId.length : 0
    this.#extractedAtMs = extractedAtMs
    this.#seq = seq
  }

  #setSeq(seq: number): void {
    const template = this.#template
    if (seq === this.#seq + 1) {
      let at = this.#idEnd - 1
      while (template[at] === letterF) template[at--] = digitZero
      template[at] = template[at] === digitNine ? letterA : (template[at] ?? 0) + 1
    } else {
      template.set(Buffer.from(sequencePart(seq)), this.#idEnd - 17)
    }
    this.#seq = seq
  }

  #writeChanges(out: CopyOutput, changes: string): void {
    if (!this.#options.hasMeta) return
    out.at -= this.#emptyMeta.length
    out.escaped(`{"sync_id":${this.#options.syncId},"changes":[${changes}]}`)
    out.reserve(64)
  }
}

/** The last two groups of the id: variant bits 10, then 62 bits. */
function sequencePart(seq: number): string {
  const high = (0x8000 + Math.floor(seq / 2 ** 48)).toString(16)
  return `${high}-${(seq % 2 ** 48).toString(16).padStart(12, '0')}`
}
