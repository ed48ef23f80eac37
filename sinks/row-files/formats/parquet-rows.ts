import { packageVersion } from '../../../lib/files/package-version.ts'
import { branch, type Column, type ColumnKind, wireKind } from '../../../protocol/index.ts'
import type { ColumnValues } from '../../../rows/parquet/column-values.ts'
import {
  emptyValues,
  ParquetBytes,
  type ParquetColumn,
  type ParquetCompression,
  type ParquetType,
} from '../../../rows/parquet/write-parquet.ts'
import type { StreamSync } from '../../sink.ts'
import { jsonNames } from '../../topic/rows/json-schemas.ts'
import { ownFields, rawIdPrefix, Shared } from '../../topic/rows/row-facts.ts'
import { WireRecord } from '../../topic/rows/wire-record.ts'
import { idSuffixText } from '../../wire/row-id.ts'
import type { WireReader } from '../../wire/wire-reader.ts'
import type { DraftFile, StoredDraft } from '../file-store.ts'
import type { Nulled, RowEncoder, RowFile } from './row-format.ts'
import { TextBytes } from './text-bytes.ts'

/** A row group ends at this size of the values in the wire: larger ones are better for readers. */
const rowGroupBytes = 16 * 1024 * 1024
/** A byte of the wire takes about so many in memory: buffers double as they fill. */
const memoryForByte = 2
/** Columns of an open file have at least so many bytes each. */
const bytesOfColumn = 8 * 1024
/** Memory of larger row groups, which a single large record makes, is not used again. */
const mostKept = 3 * rowGroupBytes
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

/** Adds the value at the wire's offset. */
type AddValue = (values: ColumnValues, wire: WireReader) => void

const addCounted: AddValue = (values, wire) => {
  const length = wire.long()
  const start = wire.offset
  wire.offset = start + length
  values.addBytes(wire.input, wire.view, start, wire.offset)
}
const addLong: AddValue = (values, wire) => {
  const value = wire.long()
  if (value === value) {
    values.addInt64(value)
    return
  }
  wire.splitLarge()
  const size = BigInt(wire.millions) * 1_000_000n + BigInt(wire.units)
  values.addBigInt64(wire.negative ? -size : size)
}
const adders: Readonly<Record<ParquetType, AddValue>> = {
  boolean: (values, wire) => {
    values.addBoolean(wire.input[wire.offset] === 1)
  },
  double: (values, wire) => {
    values.addDouble(wire.double())
  },
  string: addCounted,
  json: addCounted,
  bytes: addCounted,
  integer: addLong,
  time: addLong,
  timestamp: addLong,
  timestamptz: addLong,
  date: (values, wire) => {
    values.addInt32(wire.long())
  },
}

/** Rows of Parquet from blocks of records: values of the wire as they are, without objects for rows. */
export class ParquetRows implements RowEncoder {
  readonly record: WireRecord
  readonly #columns: readonly Column[]
  readonly #all: readonly ParquetColumn[]
  readonly #add: readonly AddValue[]
  readonly #metadata: Metadata | undefined
  readonly #compression: ParquetCompression
  /** Values of row groups that are written: their memory is used again. */
  readonly #free: (readonly ColumnValues[])[] = []
  #nulled = { count: 0, columns: new Set<string>() }

  constructor(sync: SyncFacts, columns: readonly Column[], compression: ParquetCompression) {
    this.record = new WireRecord(columns)
    this.#columns = columns
    this.#compression = compression
    const names = jsonNames(columns)
    const own = columns.map(({ kind }, index) => ({ name: names[index] ?? '', type: typeOf(kind) }))
    this.#add = own.map(({ type }) => adders[type])
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
      newValues: () => this.#free.pop() ?? emptyValues(this.#all),
      giveBack: (values) => {
        this.#giveBack(values)
      },
      addRow: (values) => this.#addRow(values),
    })
  }

  /** Returns the size of the row in the wire. */
  #addRow(values: readonly ColumnValues[]): number {
    const { wire, fieldAt, overflow } = this.record
    const add = this.#add
    for (let index = 0; index < add.length; index++) {
      const column = values[index]
      if (column === undefined) break
      const position = fieldAt[index] ?? 0
      if (wire.input[position] === branch.null) addText(column, this.#textAt(index))
      else {
        wire.offset = position + 1
        add[index]?.(column, wire)
      }
    }
    const overflowColumn = values[add.length]
    if (overflow === undefined) overflowColumn?.addNull()
    else addText(overflowColumn, this.#overflow(overflow))
    this.#metadata?.add(this.record, values.slice(add.length + 1))
    return this.record.end - (fieldAt[0] ?? 0)
  }

  /** A text column takes a value of any type as its text; undefined: there is none. */
  #textAt(index: number): string | undefined {
    const { name, kind } = this.#columns[index] ?? { name: '', kind: 'json' }
    const json = this.record.overflow?.get(name)
    if (json === undefined || json === null || wireKind(kind) !== 'string') return undefined
    // A text that is none in UTF-8.
    return json.startsWith('"') ? undefined : json
  }

  /** The values that their columns cannot hold, by the names of the columns. */
  #overflow(overflow: ReadonlyMap<string, string | null>): string | undefined {
    const fields = this.#columns.flatMap(({ name }, index) => {
      const json = overflow.get(name)
      if (json === undefined || json === null || this.#textAt(index) !== undefined) return []
      this.#nulled.count += 1
      this.#nulled.columns.add(name)
      return [`${JSON.stringify(name)}:${json}`]
    })
    return fields.length === 0 ? undefined : `{${fields.join(',')}}`
  }

  takeNulled(): Nulled {
    const nulled = this.#nulled
    this.#nulled = { count: 0, columns: new Set() }
    return nulled
  }

  #giveBack(values: readonly ColumnValues[]): void {
    const held = values.reduce((sum, { heldBytes }) => sum + heldBytes, 0)
    if (this.#free.length > 0 || held > mostKept) return
    for (const column of values) column.clear()
    this.#free.push(values)
  }
}

const texts = new TextBytes()

function addText(column: ColumnValues | undefined, text: string | undefined): void {
  if (text === undefined) {
    column?.addNull()
    return
  }
  const length = texts.write(text)
  column?.addBytes(texts.bytes, texts.view, 0, length)
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
  readonly #usualMeta: string

  constructor(sync: SyncFacts) {
    this.#sync = sync
    this.#usualMeta = metaText(sync, '[]')
    const facts = { ...sync, version: packageVersion() }
    this.#prefix = new Shared(({ slice }) => rawIdPrefix(facts, slice))
  }

  add(record: WireRecord, values: readonly ColumnValues[]): void {
    const { generationId } = this.#sync
    const { changes } = record
    addText(values[0], this.#prefix.get(record) + idSuffixText(record.seq))
    values[1]?.addInt64(record.extractedAtMs * 1000)
    values[2]?.addInt64(generationId)
    addText(values[3], changes === '' ? this.#usualMeta : metaText(this.#sync, changes))
  }
}

function metaText({ syncId }: SyncFacts, changes: string): string {
  return `{"sync_id":${String(syncId)},"changes":${changes}}`
}

interface RowSource {
  /** Empty values of all columns. */
  readonly newValues: () => readonly ColumnValues[]
  readonly giveBack: (values: readonly ColumnValues[]) => void
  /** Adds the row of the record at hand. Returns its size in the wire. */
  readonly addRow: (values: readonly ColumnValues[]) => number
}

class ParquetFile implements RowFile {
  readonly #draft: DraftFile
  readonly #bytes: ParquetBytes
  readonly #source: RowSource
  #values: readonly ColumnValues[]
  #waitingBytes = 0
  /** The row group before, which is compressed while rows are added to the next one. */
  #working: Promise<void> = Promise.resolve()
  #workingBytes = 0
  #passedBytes = 0
  records = 0

  constructor(draft: DraftFile, bytes: ParquetBytes, source: RowSource) {
    this.#draft = draft
    this.#bytes = bytes
    this.#source = source
    this.#values = source.newValues()
  }

  get heldBytes(): number {
    const own = (this.#waitingBytes + this.#workingBytes) * memoryForByte
    return own + this.#values.length * bytesOfColumn + this.#draft.heldBytes
  }

  get bytes(): number {
    const { size } = this.#bytes
    const ratio = this.#passedBytes === 0 ? firstRatio : size / this.#passedBytes
    return size + (this.#waitingBytes + this.#workingBytes) * ratio
  }

  add(): void {
    this.records += 1
    this.#waitingBytes += this.#source.addRow(this.#values)
  }

  async drain(): Promise<void> {
    if (this.#waitingBytes >= rowGroupBytes) await this.#passOn()
  }

  async close(): Promise<StoredDraft> {
    await this.#passOn()
    await this.#working
    await this.#draft.write(this.#bytes.end())
    return this.#draft.close()
  }

  async discard(): Promise<void> {
    await this.#working.catch(() => undefined)
    await this.#draft.discard()
  }

  async #passOn(): Promise<void> {
    await this.#working
    if (this.#values[0]?.rows === 0) return
    const values = this.#values
    this.#workingBytes = this.#waitingBytes
    this.#waitingBytes = 0
    this.#values = this.#source.newValues()
    this.#working = this.#write(values)
    this.#working.catch(() => undefined) // the next call throws it
  }

  async #write(values: readonly ColumnValues[]): Promise<void> {
    for (const piece of await this.#bytes.rowGroup(values)) await this.#draft.write(piece)
    this.#source.giveBack(values)
    this.#passedBytes += this.#workingBytes
    this.#workingBytes = 0
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
