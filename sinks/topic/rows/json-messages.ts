import { branch, type Column } from '../../../protocol/index.ts'
import { ByteOutput } from '../../wire/byte-output.ts'
import { writeInteger } from '../../wire/digits.ts'
import { idSuffixText } from '../../wire/row-id.ts'
import { JsonFields, jsonCodeOf, valueBytes } from './json-fields.ts'
import type { MessageWriter, RowOperation, Written } from './message-writer.ts'
import { jsonNames } from './json-schemas.ts'
import type { RowColumns } from './row-columns.ts'
import { operationLetters, ownFields, rawIdPrefix, Shared, sourceFacts } from './row-facts.ts'
import type { RowMessagesOptions } from './row-options.ts'
import type { WireRecord } from './wire-record.ts'

const OPEN = 0x7b
const CLOSE = 0x7d
const COMMA = 0x2c
const firstBytes = 64 * 1024
const nullText = Buffer.from('null')
const beforeWrite = Buffer.from('{"before":null,"after":')
const beforeDelete = Buffer.from('{"before":')

/** Pieces around what differs from record to record. */
interface Around {
  readonly head: Buffer
  readonly tail: Buffer
}

interface JsonField {
  readonly column: number
  readonly label: Buffer
  /** What is written for a field that the record does not have; absent: nothing. */
  readonly missing?: Buffer
}

/** A JSON object a row. */
export class JsonMessages implements MessageWriter {
  readonly #columns: readonly Column[]
  readonly #key: readonly number[]
  readonly #codes: Uint8Array
  /** `"name":` of each column, in the value and in the key. */
  readonly #labels: readonly Buffer[]
  readonly #keyLabels: readonly Buffer[]
  readonly #isDebezium: boolean
  readonly #isFull: boolean
  readonly #keyOut = new ByteOutput(Buffer.allocUnsafeSlow(1024))
  readonly #out = new ByteOutput(Buffer.allocUnsafeSlow(firstBytes))
  readonly #keyFields: JsonFields
  readonly #fields: JsonFields
  readonly #metadata: Shared<Around>
  readonly #source: Shared<Readonly<Record<RowOperation, Around>>>
  readonly #writtenKey = { bytes: this.#keyOut.bytes, length: 0 }
  readonly #written = { bytes: this.#out.bytes, length: 0 }

  constructor(options: RowMessagesOptions, { key }: RowColumns, record: WireRecord) {
    const { columns, sink, format } = options
    this.#columns = columns
    this.#key = key ?? []
    this.#codes = Uint8Array.from(columns, ({ kind }) => jsonCodeOf(kind))
    this.#labels = jsonNames(columns).map(labelOf)
    this.#keyLabels = this.#key.map((index) => labelOf(columns[index]?.name ?? ''))
    this.#isDebezium = format.envelope === 'debezium'
    this.#isFull = sink.metadata === 'full'
    this.#keyFields = new JsonFields(this.#keyOut, record.wire)
    this.#fields = new JsonFields(this.#out, record.wire)
    this.#metadata = new Shared((row) => metadataAround(options, row))
    this.#source = new Shared((row) => ({
      write: sourceAround(options, row, 'write'),
      delete: sourceAround(options, row, 'delete'),
    }))
  }

  key(record: WireRecord): Written {
    const out = this.#keyOut
    out.offset = 0
    out.reserve(1)
    out.bytes[out.offset++] = OPEN
    for (let index = 0; index < this.#key.length; index++) {
      const label = this.#keyLabels[index]
      if (label === undefined) continue
      const column = this.#key[index] ?? 0
      // In a key, a field that is missing is null: both name the same row.
      this.#field(this.#keyFields, out, record, { column, label, missing: nullText })
    }
    closeObject(out)
    this.#writtenKey.bytes = out.bytes
    this.#writtenKey.length = out.offset
    return this.#writtenKey
  }

  value(record: WireRecord, operation: RowOperation): Written {
    const out = this.#out
    out.offset = 0
    if (this.#isDebezium) this.#envelope(record, operation)
    else this.#row(record)
    this.#written.bytes = out.bytes
    this.#written.length = out.offset
    return this.#written
  }

  #envelope(record: WireRecord, operation: RowOperation): void {
    const out = this.#out
    out.append(operation === 'write' ? beforeWrite : beforeDelete)
    this.#row(record)
    const { head, tail } = this.#source.get(record)[operation]
    out.append(head)
    out.reserve(valueBytes)
    writeInteger(out, record.seq)
    out.append(tail)
  }

  #row(record: WireRecord): void {
    const out = this.#out
    out.reserve(1)
    out.bytes[out.offset++] = OPEN
    const labels = this.#labels
    for (let column = 0; column < labels.length; column++) {
      const label = labels[column]
      if (label !== undefined) this.#field(this.#fields, out, record, { column, label })
    }
    if (this.#isFull) this.#writeMetadata(record)
    closeObject(out)
  }

  /** With a comma behind it. */
  #field(
    fields: JsonFields,
    out: ByteOutput,
    record: WireRecord,
    { column, label, missing }: JsonField,
  ): void {
    const { wire, overflow } = record
    const at = record.fieldAt[column] ?? 0
    const isNull = wire.input[at] === branch.null
    const entry = isNull ? overflow?.get(this.#columns[column]?.name ?? '') : undefined
    if (entry === null && missing === undefined) return
    out.reserve(label.length + valueBytes)
    writeBytes(out, label)
    if (!isNull) {
      wire.offset = at + 1
      fields.write(this.#codes[column] ?? 0)
    } else if (entry === undefined || entry === null) {
      writeBytes(out, nullText)
    } else {
      out.append(Buffer.from(entry))
    }
    out.bytes[out.offset++] = COMMA
  }

  #writeMetadata(record: WireRecord): void {
    const out = this.#out
    const { head, tail } = this.#metadata.get(record)
    out.append(head)
    out.ascii(idSuffixText(record.seq))
    out.append(tail)
    if (record.changes !== '') out.append(Buffer.from(record.changes.trim().slice(1, -1)))
    out.ascii(']},')
  }
}

/** The comma behind the last field becomes the end. */
function closeObject(out: ByteOutput): void {
  out.reserve(1)
  if (out.bytes[out.offset - 1] === COMMA) out.offset -= 1
  out.bytes[out.offset++] = CLOSE
}

function writeBytes(out: ByteOutput, from: Buffer): void {
  const { bytes } = out
  let offset = out.offset
  for (let index = 0; index < from.length; index++) bytes[offset++] = from[index] ?? 0
  out.offset = offset
}

function labelOf(name: string): Buffer {
  return Buffer.from(`${JSON.stringify(name)}:`)
}

function metadataAround(options: RowMessagesOptions, record: WireRecord): Around {
  const time = new Date(record.extractedAtMs).toISOString()
  const fields = JSON.stringify({
    [ownFields.extractedAt]: time,
    [ownFields.generationId]: options.generationId,
    [ownFields.rawId]: rawIdPrefix(options, record.slice),
  })
  return {
    // Without the quotation mark and the brace at its end.
    head: Buffer.from(fields.slice(1, -2)),
    tail: Buffer.from(`","${ownFields.meta}":{"sync_id":${String(options.syncId)},"changes":[`),
  }
}

function sourceAround(
  options: RowMessagesOptions,
  record: WireRecord,
  operation: RowOperation,
): Around {
  const source = JSON.stringify(sourceFacts(options, record)).slice(0, -1)
  const after = operation === 'delete' ? ',"after":null' : ''
  const letter = operationLetters[operation]
  const time = String(record.extractedAtMs)
  return {
    head: Buffer.from(`${after},"source":${source},"seq":`),
    tail: Buffer.from(`},"transaction":null,"op":"${letter}","ts_ms":${time}}`),
  }
}
