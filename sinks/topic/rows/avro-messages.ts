import { branch, fingerprintOf, type Column } from '../../../protocol/index.ts'
import { WireWriter } from '../../../protocol/avro/wire-writer.ts'
import { idSuffixText } from '../../wire/row-id.ts'
import { avroKeySchema, avroValueSchema } from './avro-schemas.ts'
import type { MessageWriter, RowOperation, Written } from './message-writer.ts'
import type { RowColumns } from './row-columns.ts'
import { operationLetters, rawIdPrefix, Shared, sourceFacts } from './row-facts.ts'
import type { RowMessagesOptions } from './row-options.ts'
import type { WireRecord } from './wire-record.ts'

const firstBytes = 64 * 1024
/** Ten bytes hold any long, and its branch. */
const longBytes = 16
const idBytes = 36

/** An Avro record a row: the fields of the wire are copied as they are. */
export class AvroMessages implements MessageWriter {
  readonly #columns: readonly Column[]
  readonly #key: readonly number[]
  readonly #keyPrefix: Uint8Array
  readonly #prefix: Uint8Array
  readonly #isDebezium: boolean
  readonly #isFull: boolean
  readonly #syncId: number
  readonly #keyOut = new WireWriter(1024)
  readonly #out = new WireWriter(firstBytes)
  /** The fields before the raw id, and the first half of that. */
  readonly #metadata: Shared<Uint8Array>
  readonly #source: Shared<Uint8Array>
  readonly #endings: Readonly<Record<RowOperation, Shared<Uint8Array>>>
  readonly #writtenKey = { bytes: this.#keyOut.buffer, length: 0 }
  readonly #written = { bytes: this.#out.buffer, length: 0 }

  constructor(options: RowMessagesOptions, { key }: RowColumns) {
    const { columns, sink, format, syncId, schemaIds } = options
    this.#columns = columns
    this.#key = key ?? []
    this.#keyPrefix =
      key === undefined
        ? new Uint8Array(0)
        : prefixOf(options, () => avroKeySchema(options, key), schemaIds?.key)
    this.#prefix = prefixOf(options, () => avroValueSchema(options), schemaIds?.value)
    this.#isDebezium = format.envelope === 'debezium'
    this.#isFull = sink.metadata === 'full'
    this.#syncId = syncId
    this.#metadata = new Shared((record) => metadataHead(options, record))
    this.#source = new Shared((record) => sourceHead(options, record))
    this.#endings = {
      write: new Shared((record) => endingOf('write', record)),
      delete: new Shared((record) => endingOf('delete', record)),
    }
  }

  key(record: WireRecord): Written | { readonly unfit: string } {
    const out = this.#keyOut
    out.position = 0
    writeBytes(out, this.#keyPrefix)
    const { input } = record.wire
    // A key of one column has no branch: it is never null.
    const skipped = this.#key.length === 1 ? 1 : 0
    for (const column of this.#key) {
      const start = record.fieldAt[column] ?? 0
      if (input[start] === branch.null && this.#isUnfit(record, column)) {
        return { unfit: this.#columns[column]?.name ?? '' }
      }
      const end = record.fieldAt[column + 1] ?? start
      out.reserve(end - start)
      out.copy(input, start + skipped, end)
    }
    this.#writtenKey.bytes = out.buffer
    this.#writtenKey.length = out.position
    return this.#writtenKey
  }

  #isUnfit(record: WireRecord, column: number): boolean {
    const entry = record.overflow?.get(this.#columns[column]?.name ?? '')
    return entry !== undefined && entry !== null
  }

  value(record: WireRecord, operation: RowOperation): Written {
    const out = this.#out
    out.position = 0
    writeBytes(out, this.#prefix)
    if (this.#isDebezium) this.#envelope(record, operation)
    else this.#row(record)
    this.#written.bytes = out.buffer
    this.#written.length = out.position
    return this.#written
  }

  #envelope(record: WireRecord, operation: RowOperation): void {
    const out = this.#out
    out.reserve(4)
    if (operation === 'write') out.byte(branch.null)
    out.byte(branch.value)
    this.#row(record)
    out.reserve(4)
    if (operation === 'delete') out.byte(branch.null)
    writeBytes(out, this.#source.get(record))
    out.reserve(longBytes)
    out.long(record.seq)
    writeBytes(out, this.#endings[operation].get(record))
  }

  #row(record: WireRecord): void {
    const out = this.#out
    const start = record.fieldAt[0] ?? 0
    const { end } = record
    out.reserve(end - start + 1)
    out.copy(record.wire.input, start, end)
    if (record.overflow === undefined) out.byte(branch.null)
    else writeOverflow(out, record.overflow)
    if (this.#isFull) this.#writeMetadata(record)
  }

  #writeMetadata(record: WireRecord): void {
    const out = this.#out
    writeBytes(out, this.#metadata.get(record))
    const suffix = idSuffixText(record.seq)
    out.reserve(suffix.length)
    for (let index = 0; index < suffix.length; index++) out.byte(suffix.charCodeAt(index))
    out.reserve(1)
    out.byte(branch.value)
    const changes = record.changes === '' ? '[]' : record.changes
    out.text(`{"sync_id":${String(this.#syncId)},"changes":${changes}}`)
  }
}

/** Returns the prefix of a datum, by which its schema is found. */
function prefixOf(
  { lookup }: RowMessagesOptions,
  schema: () => Parameters<typeof fingerprintOf>[0],
  id: number | undefined,
): Uint8Array {
  if (lookup === 'fingerprint')
    return Buffer.concat([Uint8Array.of(0xc3, 0x01), fingerprintOf(schema()).bytes])
  if (id === undefined) throw new TypeError('the registry gave no id for a schema')
  const prefix = Buffer.alloc(5)
  prefix.writeInt32BE(id, 1)
  return prefix
}

function writeOverflow(out: WireWriter, overflow: ReadonlyMap<string, string | null>): void {
  out.reserve(longBytes)
  out.byte(branch.value)
  out.long(overflow.size)
  for (const [name, json] of overflow) {
    out.text(name.toWellFormed())
    out.reserve(1)
    out.byte(json === null ? branch.null : branch.value)
    if (json !== null) out.text(json)
  }
  out.reserve(1)
  out.byte(0)
}

function metadataHead(
  options: RowMessagesOptions,
  { extractedAtMs, slice }: WireRecord,
): Uint8Array {
  const out = new WireWriter(128)
  out.byte(branch.value)
  out.long(extractedAtMs)
  out.byte(branch.value)
  out.long(options.generationId)
  out.byte(branch.value)
  out.long(idBytes)
  writeBytes(out, Buffer.from(rawIdPrefix(options, slice)))
  return out.bytes.slice(0, out.position)
}

/** `source` up to its last field, which is a number. */
function sourceHead(options: RowMessagesOptions, record: WireRecord): Uint8Array {
  const facts = sourceFacts(options, record)
  const out = new WireWriter(256)
  out.text(facts.version)
  out.text(facts.connector)
  out.text(facts.name.toWellFormed())
  writeLong(out, facts.ts_ms)
  out.text(facts.snapshot)
  out.text(facts.db.toWellFormed())
  out.reserve(1)
  out.byte(facts.schema === null ? branch.null : branch.value)
  if (facts.schema !== null) out.text(facts.schema.toWellFormed())
  out.text(facts.table.toWellFormed())
  writeLong(out, facts.sync_id)
  writeLong(out, facts.generation_id)
  out.text(facts.slice.toWellFormed())
  return out.bytes.slice(0, out.position)
}

/** Returns the fields after `source`: no transaction, `op` and `ts_ms`. */
function endingOf(operation: RowOperation, { extractedAtMs }: WireRecord): Uint8Array {
  const out = new WireWriter(128)
  out.byte(branch.null)
  out.text(operationLetters[operation])
  out.reserve(longBytes)
  out.byte(branch.value)
  out.long(extractedAtMs)
  return out.bytes.slice(0, out.position)
}

function writeLong(out: WireWriter, value: number): void {
  out.reserve(longBytes)
  out.long(value)
}

function writeBytes(out: WireWriter, bytes: Uint8Array): void {
  out.reserve(bytes.length)
  out.copy(bytes, 0, bytes.length)
}
