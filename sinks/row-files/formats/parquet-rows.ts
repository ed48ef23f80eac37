import { packageVersion } from '../../../lib/files/package-version.ts'
import { branch, type Column, type ColumnKind, wireKind } from '../../../protocol/index.ts'
import {
  ParquetBytes,
  type ParquetColumn,
  type ParquetCompression,
  type ParquetType,
  type ParquetValue,
} from '../../../rows/parquet/write-parquet.ts'
import type { StreamSync } from '../../sink.ts'
import { jsonNames } from '../../topic/rows/json-schemas.ts'
import { ownFields, rawIdPrefix, Shared } from '../../topic/rows/row-facts.ts'
import { WireRecord } from '../../topic/rows/wire-record.ts'
import { idSuffixText } from '../../wire/row-id.ts'
import type { WireReader } from '../../wire/wire-reader.ts'
import type { DraftFile, StoredDraft } from '../file-store.ts'
import { Arena } from './arena.ts'
import type { RowEncoder, RowFile } from './row-format.ts'

/** A row group ends at this size of the values in the wire: larger ones are better for readers. */
const rowGroupBytes = 16 * 1024 * 1024
/** An object stands for each text in memory: a byte of the wire needs about so many. */
const memoryForByte = 3
/** The size of a file beside that of the wire, before its first row group is written. */
const firstRatio = 0.3

const types: Readonly<Record<ReturnType<typeof wireKind>, ParquetType>> = {
  boolean: 'boolean',
  integer: 'integer',
  // All of its digits: a decimal of Parquet has a fixed number of them.
  number: 'string',
  double: 'double',
  string: 'string',
  date: 'date',
  time: 'time',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  bytes: 'bytes',
  json: 'json',
}

type SyncFacts = Pick<StreamSync, 'sink' | 'syncId' | 'generationId'>

/** Reads the value at the wire's offset. */
type ReadValue = (wire: WireReader, arena: Arena) => ParquetValue

const counted: ReadValue = (wire, arena) => {
  const length = wire.long()
  const start = wire.offset
  wire.offset += length
  return arena.copy(wire.input, start, wire.offset)
}
const long: ReadValue = (wire) => {
  const value = wire.long()
  if (value === value) return BigInt(value)
  wire.splitLarge()
  const size = BigInt(wire.millions) * 1_000_000n + BigInt(wire.units)
  return wire.negative ? -size : size
}
const readers: Readonly<Record<ParquetType, ReadValue>> = {
  boolean: (wire) => wire.input[wire.offset] === 1,
  double: (wire) => wire.double(),
  string: counted,
  json: counted,
  bytes: counted,
  integer: long,
  time: long,
  timestamp: long,
  timestamptz: long,
  date: (wire) => wire.long(),
}

/** Rows of Parquet from blocks of records: values of the wire as they are, without objects for rows. */
export class ParquetRows implements RowEncoder {
  readonly record: WireRecord
  readonly #columns: readonly Column[]
  readonly #all: readonly ParquetColumn[]
  readonly #read: readonly ReadValue[]
  readonly #metadata: Metadata | undefined
  readonly #compression: ParquetCompression

  constructor(sync: SyncFacts, columns: readonly Column[], compression: ParquetCompression) {
    this.record = new WireRecord(columns)
    this.#columns = columns
    this.#compression = compression
    const names = jsonNames(columns)
    const own = columns.map(({ kind }, index) => ({ name: names[index] ?? '', type: typeOf(kind) }))
    this.#read = own.map(({ type }) => readers[type])
    this.#metadata = sync.sink.metadata === 'full' ? new Metadata(sync) : undefined
    const overflow = freeName(ownFields.overflow, names)
    this.#all = [
      ...own,
      { name: overflow, type: 'json' },
      ...(this.#metadata === undefined ? [] : metadataColumns),
    ]
  }

  open(draft: DraftFile): RowFile {
    const createdBy = `Reactor Connect ${packageVersion()}`
    const bytes = new ParquetBytes(this.#all, { compression: this.#compression, createdBy })
    return new ParquetFile(draft, bytes, {
      columns: this.#all.length,
      addRow: (values, arena) => this.#addRow(values, arena),
    })
  }

  /** Returns the size of the row in the wire. */
  #addRow(values: readonly ParquetValue[][], arena: Arena): number {
    const { wire, fieldAt, overflow } = this.record
    const read = this.#read
    for (let column = 0; column < read.length; column++) {
      const position = fieldAt[column] ?? 0
      let value: ParquetValue = null
      if (wire.input[position] !== branch.null) {
        wire.offset = position + 1
        value = read[column]?.(wire, arena) ?? null
      }
      values[column]?.push(value)
    }
    values[read.length]?.push(overflow === undefined ? null : this.#overflow(overflow, arena))
    this.#metadata?.add(this.record, values.slice(read.length + 1), arena)
    return this.record.end - (fieldAt[0] ?? 0)
  }

  /** The values that their columns cannot hold, by the names of the columns. */
  #overflow(overflow: ReadonlyMap<string, string | null>, arena: Arena): ParquetValue {
    const fields = this.#columns.flatMap(({ name }) => {
      const json = overflow.get(name)
      return json === undefined || json === null ? [] : [`${JSON.stringify(name)}:${json}`]
    })
    return fields.length === 0 ? null : arena.text(`{${fields.join(',')}}`)
  }
}

const metadataColumns: readonly ParquetColumn[] = [
  { name: ownFields.rawId, type: 'string' },
  { name: ownFields.extractedAt, type: 'timestamptz' },
  { name: ownFields.generationId, type: 'integer' },
  { name: ownFields.meta, type: 'json' },
]

/** The columns that we add to the data. */
class Metadata {
  readonly #sync: SyncFacts
  readonly #prefix: Shared<string>
  /** The metadata of rows that were not changed. */
  readonly #usualMeta: Buffer

  constructor(sync: SyncFacts) {
    this.#sync = sync
    this.#usualMeta = Buffer.from(metaText(sync, '[]'))
    const facts = { ...sync, version: packageVersion() }
    this.#prefix = new Shared(({ slice }) => rawIdPrefix(facts, slice))
  }

  add(record: WireRecord, values: readonly ParquetValue[][], arena: Arena): void {
    const { generationId } = this.#sync
    const { changes } = record
    const meta = changes === '' ? this.#usualMeta : arena.text(metaText(this.#sync, changes))
    values[0]?.push(arena.text(this.#prefix.get(record) + idSuffixText(record.seq)))
    values[1]?.push(BigInt(record.extractedAtMs) * 1000n)
    values[2]?.push(BigInt(generationId))
    values[3]?.push(meta)
  }
}

function metaText({ syncId }: SyncFacts, changes: string): string {
  return `{"sync_id":${String(syncId)},"changes":${changes}}`
}

interface RowSource {
  /** The number of columns. */
  readonly columns: number
  /** Adds the row of the record at hand. Returns its size in the wire. */
  readonly addRow: (values: readonly ParquetValue[][], arena: Arena) => number
}

class ParquetFile implements RowFile {
  readonly #draft: DraftFile
  readonly #bytes: ParquetBytes
  readonly #source: RowSource
  #values: readonly ParquetValue[][]
  #arena = new Arena()
  #waitingBytes = 0
  #passedBytes = 0
  records = 0

  constructor(draft: DraftFile, bytes: ParquetBytes, source: RowSource) {
    this.#draft = draft
    this.#bytes = bytes
    this.#source = source
    this.#values = this.#empty()
  }

  get heldBytes(): number {
    return this.#waitingBytes * memoryForByte + this.#draft.heldBytes
  }

  get bytes(): number {
    const { size } = this.#bytes
    const ratio = this.#passedBytes === 0 ? firstRatio : size / this.#passedBytes
    return size + this.#waitingBytes * ratio
  }

  add(): void {
    this.records += 1
    this.#waitingBytes += this.#source.addRow(this.#values, this.#arena)
  }

  async drain(): Promise<void> {
    if (this.#waitingBytes >= rowGroupBytes) await this.#passOn()
  }

  async close(): Promise<StoredDraft> {
    await this.#passOn()
    await this.#draft.write(this.#bytes.end())
    return this.#draft.close()
  }

  discard(): Promise<void> {
    return this.#draft.discard()
  }

  async #passOn(): Promise<void> {
    if ((this.#values[0]?.length ?? 0) === 0) return
    const bytes = this.#bytes.rowGroup(this.#values)
    this.#passedBytes += this.#waitingBytes
    this.#waitingBytes = 0
    this.#values = this.#empty()
    this.#arena = new Arena()
    await this.#draft.write(bytes)
  }

  #empty(): readonly ParquetValue[][] {
    return Array.from({ length: this.#source.columns }, () => [])
  }
}

function typeOf(kind: ColumnKind): ParquetType {
  return types[wireKind(kind)]
}

function freeName(name: string, taken: readonly string[]): string {
  let candidate: string = name
  for (let n = 2; taken.includes(candidate); n++) candidate = `${name}_${String(n)}`
  return candidate
}
