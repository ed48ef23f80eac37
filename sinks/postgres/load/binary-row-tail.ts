import {
  hasTime,
  metaText,
  tailColumns,
  type RowTail,
  type RowTailOptions,
  type TailValues,
} from './copy-format.ts'
import type { ByteOutput } from '../../wire/byte-output.ts'
import { idPrefix, idSuffix } from '../../wire/row-id.ts'

/** 2000-01-01, from where Postgres counts, in milliseconds since 1970. */
const EPOCH_MS = Date.UTC(2000, 0, 1)
const JSONB_VERSION = 1
const TEXT_OID = 25
const nullField = Buffer.from([0xff, 0xff, 0xff, 0xff])

/** As binary COPY. */
export class BinaryRowTail implements RowTail {
  readonly columns: readonly string[]
  readonly #out: ByteOutput
  readonly #options: RowTailOptions
  /** Time, generation and the first half of the id, each with its length; the rest follows in every row. */
  #template: Uint8Array = new Uint8Array(0)
  #extractedAtMs = NaN
  #slice: string | undefined
  #idPrefix = ''
  readonly #emptyMeta: Buffer

  constructor(out: ByteOutput, options: RowTailOptions) {
    this.#out = out
    this.#options = options
    this.columns = tailColumns(options)
    this.#emptyMeta = jsonbField(metaText(options, ''))
  }

  setSlice(slice: string): void {
    if (slice === this.#slice) return
    this.#slice = slice
    this.#idPrefix = idPrefix(this.#options, slice)
    this.#extractedAtMs = NaN
  }

  write(row: TailValues): void {
    const out = this.#out
    const { metadata, hasMeta, isStaged } = this.#options
    if (row.extractedAtMs !== this.#extractedAtMs) this.#makeTemplate(row.extractedAtMs)
    const template = this.#template
    const meta =
      row.changes === '' ? this.#emptyMeta : jsonbField(metaText(this.#options, row.changes))
    out.reserve(template.length + 8 + meta.length)
    out.bytes.set(template, out.offset)
    out.offset += template.length
    if (metadata === 'full') {
      const { high, low } = idSuffix(row.seq)
      out.view.setUint16(out.offset, high)
      out.view.setUint16(out.offset + 2, Math.floor(low / 2 ** 32))
      out.view.setUint32(out.offset + 4, low % 2 ** 32)
      out.offset += 8
    }
    if (hasMeta) {
      out.bytes.set(meta, out.offset)
      out.offset += meta.length
    }
    if (isStaged) this.#writeStaged(row)
  }

  #writeStaged({ order, missing }: TailValues): void {
    const out = this.#out
    const names = missing.length === 0 ? nullField : textArrayField(missing)
    out.reserve(12 + names.length)
    out.view.setInt32(out.offset, 8)
    out.view.setInt32(out.offset + 4, Math.floor(order / 2 ** 32))
    out.view.setInt32(out.offset + 8, order)
    out.offset += 12
    out.bytes.set(names, out.offset)
    out.offset += names.length
  }

  #makeTemplate(extractedAtMs: number): void {
    this.#extractedAtMs = extractedAtMs
    if (!hasTime(this.#options)) return
    const isFull = this.#options.metadata === 'full'
    const template = Buffer.alloc(isFull ? 36 : 24)
    template.writeInt32BE(8, 0)
    template.writeBigInt64BE(BigInt(extractedAtMs - EPOCH_MS) * 1000n, 4)
    template.writeInt32BE(8, 12)
    template.writeBigInt64BE(BigInt(this.#options.generationId), 16)
    if (isFull) {
      template.writeInt32BE(16, 24)
      template.write(this.#idPrefix, 28, 'hex')
    }
    this.#template = template
  }
}

/** A jsonb field with its length, or NULL. */
function jsonbField(text: string | null): Buffer {
  if (text === null) return nullField
  const json = Buffer.from(text)
  const field = Buffer.alloc(5 + json.length)
  field.writeInt32BE(1 + json.length, 0)
  field[4] = JSONB_VERSION
  field.set(json, 5)
  return field
}

/**
 * A text[] of one dimension with its length: dimensions, has no nulls, type, size, lower bound; then each
 * text with its length.
 */
function textArrayField(texts: readonly string[]): Buffer {
  const head = Buffer.alloc(24)
  const numbers = [1, 0, TEXT_OID, texts.length, 1]
  numbers.forEach((number, index) => head.writeInt32BE(number, 4 + index * 4))
  const items = texts.flatMap((text) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(Buffer.byteLength(text))
    return [length, Buffer.from(text)]
  })
  const field = Buffer.concat([head, ...items])
  field.writeInt32BE(field.length - 4, 0)
  return field
}
