import type { ColumnKind } from '../../../protocol/index.ts'
import { branch } from '../../../protocol/avro/record-layout.ts'
import type { RecordBlock } from '../../sink.ts'
import { BinaryFields } from './binary-fields.ts'
import { BinaryRowTail } from './binary-row-tail.ts'
import { encodingOf } from './binary-columns.ts'
import type {
  BlockWriter,
  CopyColumn,
  CopyFormat,
  FieldWriter,
  RowTail,
  RowFacts,
} from './copy-format.ts'
import type { ByteOutput } from '../../wire/byte-output.ts'
import { unescapeCopy, writeEscaped } from './copy-escapes.ts'
import type { Change, LoadLosses } from './load-losses.ts'
import { columnTextOf } from './overflow-value.ts'
import type { KeyRejections } from './key-rejections.ts'
import { keyOfRecord } from './record-key.ts'
import { sanitizeJson } from './sanitize-json.ts'
import type { SeenFacts } from './seen-facts.ts'
import { TextFields } from './text-fields.ts'
import { TextRowTail } from './text-row-tail.ts'
import { WireReader } from '../../wire/wire-reader.ts'

/** How a field is transcoded: small integers, so that the switch of the inner loop is a jump. */
const codes = {
  string: 0,
  integer: 1,
  boolean: 2,
  timestamptz: 3,
  timestamp: 4,
  json: 5,
  double: 6,
  number: 7,
  date: 8,
  time: 9,
  bytes: 10,
  int2: 11,
  int4: 12,
  float4: 13,
  float8: 14,
  uuid: 15,
} as const

const codeOfKind: Readonly<Record<ColumnKind, number>> = { ...codes, timetz: codes.string }

export interface TranscoderOptions extends RowFacts {
  /** Binary only if `takesBinary` says so (binary-columns.ts). */
  readonly format: CopyFormat
  readonly losses: LoadLosses
  /** The fields of the primary key, by which losses name their rows; empty without one. */
  readonly keyFields: readonly string[]
}

const noNames: readonly string[] = []

/**
 * Longest field that is not counted by its length, in either format: the text of a timestamp of the year
 * 294276.
 */
const FIELD_BYTES = 48

/** A field nulled because the server refused its value. */
export const typecastError = { change: 'NULLED', reason: 'DESTINATION_TYPECAST_ERROR' } as const
const serializationError = {
  change: 'TRUNCATED',
  reason: 'DESTINATION_SERIALIZATION_ERROR',
} as const

/** The length of a time between 2004 and 2039 in milliseconds, as Avro's long. */
const extractedBytes = 6

/**
 * Transcodes blocks of Avro records (protocol/avro/record-layout.ts) to the rows of a COPY, without an object
 * or a string per row in the usual case: the hottest code of the sink (docs/performance-methods.md says what
 * it costs).
 */
export class CopyTranscoder implements BlockWriter {
  /** The columns of the COPY, quoted by the caller. */
  readonly copyColumns: readonly string[]
  /** Cells that become NULL because the server refused them, by the row's number in the batch. */
  readonly refused = new Map<number, Set<number>>()

  readonly #out: ByteOutput
  readonly #wire = new WireReader()
  readonly #fields: FieldWriter
  readonly #columns: readonly CopyColumn[]
  readonly #seen: SeenFacts
  readonly #losses: LoadLosses
  readonly #keyFields: readonly string[]
  readonly #rejections: KeyRejections | undefined
  readonly #codes: Uint8Array
  /** 1: not in the table; 2: to be made JSON for a jsonb column. */
  readonly #special: Uint8Array
  readonly #tail: RowTail
  readonly #hasMeta: boolean
  readonly #isStaged: boolean
  #seq = 0
  #rowNumber = 0
  #rowsLeft = 0
  /** The overflow values of the current row; empty for nearly every row. */
  #overflow: Map<string, string | null> | undefined
  #sourceChanges = ''
  #changes: Change[] = []
  /** The changes of the row that was written last. */
  #lastChanges: readonly Change[] = []
  #missing: string[] = []
  /** The last time of extraction that had the usual length: its bytes, and what they say. */
  readonly #extracted = { head: 0, rest: 0, atMs: NaN }
  readonly #row = { seq: 0, extractedAtMs: 0, order: 0, changes: '', missing: noNames }

  constructor(
    out: ByteOutput,
    columns: readonly CopyColumn[],
    { tail, format, seen, losses, keyFields, rejections }: TranscoderOptions,
  ) {
    this.#out = out
    this.#columns = columns
    this.#seen = seen
    this.#losses = losses
    this.#keyFields = keyFields
    this.#rejections = rejections
    this.#codes = Uint8Array.from(columns, (column) => codeOf(column, format))
    this.#special = Uint8Array.from(columns, specialOf)
    this.#tail = format === 'text' ? new TextRowTail(out, tail) : new BinaryRowTail(out, tail)
    this.#hasMeta = tail.hasMeta
    this.#isStaged = tail.isStaged
    this.copyColumns = [
      ...columns.flatMap(({ target }) => (target === undefined ? [] : [target.name])),
      ...this.#tail.columns,
    ]
    this.#fields =
      format === 'text'
        ? new TextFields(out, this.#wire)
        : new BinaryFields(out, this.#wire, this.copyColumns.length)
  }

  open(block: RecordBlock, firstRow: number): void {
    this.#wire.open(block.bytes)
    this.#rowsLeft = block.count
    this.#seq = block.seq
    this.#rowNumber = firstRow
    this.#tail.setSlice(block.slice)
    this.#rejections?.setSlice(block.slice)
  }

  skip(rows: number): void {
    const { offset } = this.#out
    for (let row = 0; row < rows; row++) {
      this.#record()
      this.#rejections?.takeReason()
      this.#out.offset = offset
    }
  }

  pump(fullAt: number, untilRow: number): 'full' | 'done' | 'needs meta' | 'needs text' {
    while (this.#rowsLeft > 0 && this.#rowNumber < untilRow) {
      if (this.#out.offset >= fullAt) return 'full'
      const start = this.#out.offset
      const from = this.#wire.offset
      this.#record()
      const reason = this.#rejections?.takeReason()
      if (reason !== undefined) {
        this.#reject(reason, { from, start })
        continue
      }
      const isUnwritable = this.#fields.unwritable
      if (!isUnwritable && this.#row.changes === '') continue
      if (!isUnwritable && this.#hasMeta) {
        this.#account(from)
        continue
      }
      this.#out.offset = start
      this.#fields.unwritable = false
      return isUnwritable ? 'needs text' : 'needs meta'
    }
    return 'done'
  }

  /** Removes the row that was written last. */
  #reject(
    reason: string,
    { from, start }: { readonly from: number; readonly start: number },
  ): void {
    this.#out.offset = start
    this.#fields.unwritable = false
    const { seq, order } = this.#row
    this.#rejections?.add(order, { seq, reason, key: this.#keyOf(from) })
  }

  #keyOf(from: number): string | undefined {
    const { input, offset } = this.#wire
    return keyOfRecord(input.subarray(from, offset), this.#columns, this.#keyFields)
  }

  /** The row that was written last is part of the COPY: its losses count. */
  #account(from: number): void {
    const keyOf = (): string | undefined => this.#keyOf(from)
    for (const { change, field } of this.#lastChanges) {
      this.#losses.add(change === 'NULLED' ? 'nulled' : 'cut', field, keyOf)
    }
  }

  get lastRow(): number {
    return this.#rowNumber - 1
  }

  get consumed(): number {
    return this.#wire.offset
  }

  #record(): void {
    const out = this.#out
    const fields = this.#fields
    const wire = this.#wire
    const { input } = wire
    const row = this.#row
    const count = this.#codes.length
    out.reserve(count * FIELD_BYTES)
    row.extractedAtMs = this.#extractedAt()
    if (input[wire.offset++] !== branch.null) this.#sourceChanges = wire.string()
    if (input[wire.offset++] !== branch.null) this.#readOverflow()
    fields.beginRow()
    const refused = this.refused.size > 0 ? this.refused.get(this.#rowNumber) : undefined
    for (let column = 0; column < count; column++) {
      const start = out.offset
      if (input[wire.offset++] === branch.null) this.#null(column)
      else this.#value(column)
      if (refused?.has(column) === true) this.#refuse(column, start)
      if (this.#special[column] === 1) out.offset = start
      else fields.endField()
      // Room for the fields that come, since this one may have taken more than its share.
      out.reserve((count - column) * FIELD_BYTES)
    }
    row.seq = this.#seq++
    row.order = this.#rowNumber++
    this.#rowsLeft--
    this.#endRow()
  }

  /**
   * The time of extraction. Neighbouring records share it, and six bytes are compared faster than they are
   * decoded.
   */
  #extractedAt(): number {
    const wire = this.#wire
    const { view, offset } = wire
    const extracted = this.#extracted
    if (
      offset + extractedBytes <= view.byteLength &&
      view.getInt32(offset) === extracted.head &&
      view.getInt16(offset + 4) === extracted.rest
    ) {
      wire.offset += extractedBytes
      return extracted.atMs
    }
    const atMs = wire.long()
    if (wire.offset - offset === extractedBytes) {
      extracted.head = view.getInt32(offset)
      extracted.rest = view.getInt16(offset + 4)
      extracted.atMs = atMs
    }
    return atMs
  }

  #endRow(): void {
    const row = this.#row
    row.changes = ''
    row.missing = noNames
    if (this.#changes.length > 0 || this.#sourceChanges !== '') {
      const own = this.#changes.map((change) => JSON.stringify(change))
      const source = sanitizeJson(this.#sourceChanges).trim().slice(1, -1).trim()
      this.#lastChanges = this.#changes
      row.changes = [...own, ...(source === '' ? [] : [source])].join(',')
      this.#changes = []
      this.#sourceChanges = ''
      this.#seen.hasChanges ||= row.changes !== ''
    }
    if (this.#missing.length > 0) {
      if (this.#isStaged) row.missing = this.#missing
      this.#missing = []
    }
    this.#overflow = undefined
    this.#tail.write(row)
  }

  #value(column: number): void {
    const fields = this.#fields
    const start = this.#out.offset
    this.#seen.values[column] = 1
    this.#transcode(this.#codes[column] ?? 0)
    if (this.#special[column] === 2) this.#quoteAsJson(column, start)
    if (!fields.stripped) return
    fields.stripped = false
    // If it is cut, it may be the key of another record.
    this.#rejections?.noteUnfit(column)
    this.#note(column, serializationError)
  }

  #transcode(code: number): void {
    const fields = this.#fields
    switch (code) {
      case codes.string:
        fields.string()
        return
      case codes.integer:
        fields.integer()
        return
      case codes.boolean:
        fields.boolean()
        return
      case codes.timestamptz:
        fields.timestamptz()
        return
      case codes.json:
        fields.json()
        return
      case codes.double:
        fields.double()
        return
      case codes.number:
        fields.number()
        return
      default:
        this.#transcodeRare(code)
    }
  }

  #transcodeRare(code: number): void {
    const fields = this.#fields
    if (code === codes.date) fields.date()
    else if (code === codes.timestamp) fields.timestamp()
    else if (code === codes.time) fields.time()
    else if (code === codes.bytes) fields.bytes()
    else this.#transcodeSized(code)
  }

  /** Types of the source that we do not make for other sources. */
  #transcodeSized(code: number): void {
    const fields = this.#fields
    if (code === codes.uuid) fields.uuid()
    else if (code === codes.int4) fields.sizedInteger(4)
    else if (code === codes.int2) fields.sizedInteger(2)
    else fields.float(code === codes.float4 ? 4 : 8)
  }

  #null(column: number): void {
    const entry = this.#overflow?.get(this.#columns[column]?.name ?? '')
    if (entry === undefined) this.#writeNull(column)
    else this.#overflowed(column, entry)
  }

  #writeNull(column: number): void {
    this.#seen.nulls[column] = 1
    this.#rejections?.noteNull(column)
    this.#fields.nullValue()
  }

  /** A value that came as JSON; null: the record does not have the field. */
  #overflowed(column: number, entry: string | null): void {
    const target = this.#columns[column]?.target
    if (entry === null || target === undefined) {
      this.#writeNull(column)
      if (target === undefined) return
      this.#seen.missing.add(column)
      this.#missing.push(target.name)
      return
    }
    const held = columnTextOf(entry, target.held)
    if (held === undefined) {
      this.#refuse(column, this.#out.offset)
      return
    }
    this.#seen.values[column] = 1
    this.#fields.text(held.text, target.held)
    if (!held.truncated) return
    this.#rejections?.noteUnfit(column)
    this.#note(column, { ...typecastError, change: 'TRUNCATED' })
  }

  #refuse(column: number, start: number): void {
    this.#seen.nulls[column] = 1
    this.#rejections?.noteUnfit(column)
    this.#out.offset = start
    this.#out.reserve(FIELD_BYTES)
    this.#fields.nullValue()
    this.#note(column, typecastError)
  }

  #note(column: number, what: Omit<Change, 'field'>): void {
    const { name = '', target } = this.#columns[column] ?? {}
    if (target !== undefined) this.#changes.push({ field: name, ...what })
  }

  /** A field whose column has become jsonb: what `to_jsonb` makes of the value. */
  #quoteAsJson(column: number, start: number): void {
    const out = this.#out
    const text = unescapeCopy(out.bytes.toString('utf8', start, out.offset))
    out.offset = start
    const kind = this.#columns[column]?.kind
    if (kind === 'number' || kind === 'double') {
      writeEscaped(out, /^-?[0-9]/.test(text) ? text : JSON.stringify(text))
    } else if (kind === 'timestamp' || kind === 'timestamptz') {
      writeEscaped(out, JSON.stringify(text.replace(' ', 'T').replace('+00', '+00:00')))
    } else {
      writeEscaped(out, JSON.stringify(text))
    }
  }

  /** Avro map: blocks of entries, each with a count (negative: a byte size follows), then a zero. */
  #readOverflow(): void {
    const wire = this.#wire
    const overflow = new Map<string, string | null>()
    for (let count = wire.long(); count !== 0; count = wire.long()) {
      if (count < 0) {
        count = -count
        wire.long()
      }
      for (let entry = 0; entry < count; entry++) {
        const name = wire.string()
        const isNull = wire.input[wire.offset++] === branch.null
        overflow.set(name, isNull ? null : wire.string())
      }
    }
    this.#overflow = overflow
  }
}

function codeOf(column: CopyColumn, format: CopyFormat): number {
  const { kind, target } = column
  const encoding = encodingOf(column)
  const isSized = encoding !== undefined && encoding !== 'usual'
  if (isSized && (format === 'binary' || kind === 'double')) return codes[encoding]
  if (kind === 'json' && target?.held !== 'jsonb' && target?.held !== 'json') return codes.string
  return codeOfKind[kind]
}

function specialOf({ kind, postgres_type: type, target }: CopyColumn): number {
  if (target === undefined) return 1
  // The document as the source has it.
  if (target.held === 'json' && kind === 'string' && type?.name === 'json' && !type.array) return 0
  if (target.held !== 'jsonb' && target.held !== 'json') return 0
  return kind === 'boolean' || kind === 'integer' || kind === 'json' ? 0 : 2
}
