import { idPrefixText, idSuffixText } from '../../wire/row-id.ts'
import {
  hasTime,
  metaText,
  tailColumns,
  type RowTail,
  type RowTailOptions,
  type TailValues,
} from './copy-format.ts'
import type { ByteOutput } from '../../wire/byte-output.ts'
import { writeEscaped, writeNull } from './copy-escapes.ts'
import { writeInteger } from '../../wire/digits.ts'

const digitZero = 0x30
const digitNine = 0x39
const letterA = 0x61
const letterF = 0x66

/** As COPY text. Most of it is the same from row to row. */
export class TextRowTail implements RowTail {
  readonly columns: readonly string[]
  readonly #out: ByteOutput
  readonly #options: RowTailOptions
  readonly #emptyMeta: string
  #extractedAtMs = NaN
  #slice: string | undefined
  #idPrefix = ''
  /** All up to `_airbyte_meta`, for the last row. */
  #template: Uint8Array = new Uint8Array(0)
  #idEnd = 0
  #seq = NaN

  constructor(out: ByteOutput, options: RowTailOptions) {
    this.#out = out
    this.#options = options
    this.columns = tailColumns(options)
    this.#emptyMeta = metaText(options, '') ?? String.raw`\N`
  }

  setSlice(slice: string): void {
    if (slice === this.#slice) return
    this.#slice = slice
    this.#idPrefix = idPrefixText(this.#options, slice)
    this.#extractedAtMs = NaN
  }

  write(row: TailValues): void {
    const out = this.#out
    if (row.extractedAtMs !== this.#extractedAtMs) this.#makeTemplate(row.extractedAtMs, row.seq)
    else if (this.#idEnd > 0 && row.seq !== this.#seq) this.#setSeq(row.seq)
    out.reserve(this.#template.length + 64)
    out.bytes.set(this.#template, out.offset)
    out.offset += this.#template.length
    if (row.changes !== '') this.#writeChanges(row.changes)
    if (this.#options.isStaged) {
      out.bytes[out.offset++] = 0x09
      writeInteger(out, row.order)
      out.bytes[out.offset++] = 0x09
      if (row.missing.length === 0) writeNull(out)
      else writeEscaped(out, arrayLiteral(row.missing))
    }
    out.reserve(1)
    // The tab after the last field, if nothing follows it.
    if (this.columns.length === 0) out.offset -= 1
    out.bytes[out.offset++] = 0x0a
  }

  #makeTemplate(extractedAtMs: number, seq: number): void {
    const { metadata, generationId, hasMeta } = this.#options
    const time = new Date(extractedAtMs).toISOString().replace('T', ' ').replace('Z', '+00')
    const facts = [
      ...(hasTime(this.#options) ? [time, String(generationId)] : []),
      ...(metadata === 'full' ? [`${this.#idPrefix}${idSuffixText(seq)}`] : []),
    ]
    this.#template = Buffer.from([...facts, ...(hasMeta ? [this.#emptyMeta] : [])].join('\t'))
    this.#idEnd = metadata === 'full' ? facts.join('\t').length : 0
    this.#extractedAtMs = extractedAtMs
    this.#seq = seq
  }

  #setSeq(seq: number): void {
    const template = this.#template
    if (seq === this.#seq + 1) {
      let offset = this.#idEnd - 1
      while (template[offset] === letterF) template[offset--] = digitZero
      template[offset] = template[offset] === digitNine ? letterA : (template[offset] ?? 0) + 1
    } else {
      template.set(Buffer.from(idSuffixText(seq)), this.#idEnd - 17)
    }
    this.#seq = seq
  }

  #writeChanges(changes: string): void {
    if (!this.#options.hasMeta) return
    const out = this.#out
    out.offset -= this.#emptyMeta.length
    writeEscaped(out, metaText(this.#options, changes) ?? '')
    out.reserve(64)
  }
}

function arrayLiteral(names: readonly string[]): string {
  return `{${names.map((name) => `"${name.replace(/["\\]/g, String.raw`\$&`)}"`).join(',')}}`
}
