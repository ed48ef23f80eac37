import { ByteOutput } from '../../wire/byte-output.ts'
import { writeInteger } from '../../wire/digits.ts'
import { idSuffixText } from '../../wire/row-id.ts'
import { closeObject, JsonColumns } from './json-columns.ts'
import { valueBytes } from './json-fields.ts'
import type { MessageWriter, RowOperation, Written } from './message-writer.ts'
import { jsonNames } from './json-schemas.ts'
import type { RowColumns } from './row-columns.ts'
import { operationLetters, ownFields, rawIdPrefix, Shared, sourceFacts } from './row-facts.ts'
import type { RowMessagesOptions } from './row-options.ts'
import type { WireRecord } from './wire-record.ts'

const OPEN = 0x7b
const firstBytes = 64 * 1024
const beforeWrite = Buffer.from('{"before":null,"after":')
const beforeDelete = Buffer.from('{"before":')

/** Pieces around what differs from record to record. */
interface Frame {
  readonly head: Buffer
  readonly tail: Buffer
}

/** A JSON object a row. */
export class JsonMessages implements MessageWriter {
  readonly #isDebezium: boolean
  readonly #isFull: boolean
  readonly #keyOut = new ByteOutput(Buffer.allocUnsafeSlow(1024))
  readonly #out = new ByteOutput(Buffer.allocUnsafeSlow(firstBytes))
  readonly #keyColumns: JsonColumns
  readonly #columns: JsonColumns
  readonly #metadata: Shared<Frame>
  readonly #source: Shared<Readonly<Record<RowOperation, Frame>>>
  readonly #writtenKey = { bytes: this.#keyOut.bytes, length: 0 }
  readonly #written = { bytes: this.#out.bytes, length: 0 }

  constructor(options: RowMessagesOptions, { key }: RowColumns, record: WireRecord) {
    const { sink, format } = options
    const names = jsonNames(options.columns)
    const columns = options.columns.map((column, index) => {
      return { ...column, index, label: names[index] ?? '' }
    })
    const keyColumns = (key ?? []).flatMap((index) => columns[index] ?? [])
    // In a key, a field that is missing is null: both name the same row.
    this.#keyColumns = new JsonColumns(
      keyColumns.map((column) => ({ ...column, label: column.name })),
      { out: this.#keyOut, record, missing: 'null' },
    )
    this.#columns = new JsonColumns(columns, { out: this.#out, record, missing: 'left out' })
    this.#isDebezium = format.envelope === 'debezium'
    this.#isFull = sink.metadata === 'full'
    this.#metadata = new Shared((row) => metadataFrame(options, row))
    this.#source = new Shared((row) => ({
      write: sourceFrame(options, row, 'write'),
      delete: sourceFrame(options, row, 'delete'),
    }))
  }

  key(): Written {
    const out = this.#keyOut
    out.offset = 0
    out.bytes[out.offset++] = OPEN
    this.#keyColumns.write()
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
    this.#columns.write()
    if (this.#isFull) this.#writeMetadata(record)
    closeObject(out)
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

function metadataFrame(options: RowMessagesOptions, record: WireRecord): Frame {
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

function sourceFrame(
  options: RowMessagesOptions,
  record: WireRecord,
  operation: RowOperation,
): Frame {
  const source = JSON.stringify(sourceFacts(options, record)).slice(0, -1)
  const after = operation === 'delete' ? ',"after":null' : ''
  const letter = operationLetters[operation]
  const time = String(record.extractedAtMs)
  return {
    head: Buffer.from(`${after},"source":${source},"seq":`),
    tail: Buffer.from(`},"transaction":null,"op":"${letter}","ts_ms":${time}}`),
  }
}
