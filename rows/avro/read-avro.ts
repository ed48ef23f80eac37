import { inflateRawSync, zstdDecompressSync } from 'node:zlib'
import { snappyUncompress } from 'hyparquet'
import {
  parseExactJson,
  type JsonObject,
  type RecordData,
  type RecordValue,
} from '../../protocol/index.ts'
import { ChunkReader } from '../chunk-reader.ts'
import { MalformedRows } from '../malformed-rows.ts'
import {
  firstRow,
  maxRowBytes,
  type OpenBytes,
  type RowBatch,
  type RowPosition,
} from '../row-source.ts'
import { AvroCursor } from './avro-cursor.ts'
import { avroRecordOf, type AvroRecord } from './avro-types.ts'

const magic = Buffer.from('Obj\x01', 'latin1')
const syncBytes = 16
/** A long has no more. */
const maxLongBytes = 10
/** A block may have very many small rows. */
const batchRows = 5_000

/** The properties of a file's rows, in its order. */
export async function avroProperties(open: OpenBytes): Promise<JsonObject> {
  await using reader = new ChunkReader(open(0))
  const { record } = await readHeader(reader)
  return Object.fromEntries(record.fields.map(({ name, type }) => [name, type.schema]))
}

/**
 * The rows of an Avro object container file. `offset` of a position is the beginning of a block; blocks
 * before the first row are not decoded.
 */
export async function* readAvro(
  open: OpenBytes,
  { rows: skipped, offset }: RowPosition = firstRow,
): AsyncGenerator<RowBatch> {
  await using start = new ChunkReader(open(0))
  const header = await readHeader(start)
  const isInside = offset !== undefined && offset > start.taken
  await using inside = isInside ? new ChunkReader(open(offset)) : undefined
  const reader = inside ?? start
  const base = isInside ? offset : 0
  let rows = isInside ? skipped : 0
  while (!(await reader.isAtEnd())) {
    const block = await readBlock(reader, header)
    const end = rows + block.count
    const next = { rows: end, offset: base + reader.taken }
    if (end > skipped) yield* batchesOf(block, header, { rows, skipped, next })
    rows = end
  }
}

interface Header {
  readonly record: AvroRecord
  readonly codec: (bytes: Uint8Array) => Uint8Array
  readonly sync: Uint8Array
}

interface Block {
  readonly count: number
  readonly bytes: Uint8Array
}

async function readHeader(reader: ChunkReader): Promise<Header> {
  if (!magic.equals(await reader.peek(magic.length)))
    throw new MalformedRows('is no Avro object container file')
  await reader.take(magic.length)
  const metadata = await readMetadata(reader)
  const schema = metadata.get('avro.schema')
  if (schema === undefined) throw new MalformedRows('has no Avro schema')
  return {
    record: avroRecordOf(parseExactJson(schema)),
    codec: codecOf(metadata.get('avro.codec') ?? 'null'),
    sync: await reader.take(syncBytes),
  }
}

/** A map of bytes, as Avro encodes it. */
async function readMetadata(reader: ChunkReader): Promise<ReadonlyMap<string, string>> {
  const metadata = new Map<string, string>()
  for (let count = await readLong(reader); count !== 0; count = await readLong(reader)) {
    if (count < 0) await readLong(reader)
    for (let left = Math.abs(count); left > 0; left--) {
      const name = await reader.take(await readSize(reader))
      const value = await reader.take(await readSize(reader))
      metadata.set(Buffer.from(name).toString(), Buffer.from(value).toString())
    }
  }
  return metadata
}

async function readLong(reader: ChunkReader): Promise<number> {
  const cursor = new AvroCursor(await reader.peek(maxLongBytes))
  const value = Number(cursor.long())
  await reader.take(cursor.position)
  return value
}

async function readSize(reader: ChunkReader): Promise<number> {
  const size = await readLong(reader)
  if (size >= 0 && size <= maxRowBytes) return size
  throw new MalformedRows(`has a block of ${String(size)} bytes`)
}

async function readBlock(reader: ChunkReader, { codec, sync }: Header): Promise<Block> {
  const count = await readLong(reader)
  const bytes = await reader.take(await readSize(reader))
  const marker = await reader.take(syncBytes)
  if (count < 0 || Buffer.compare(marker, sync) !== 0)
    throw new MalformedRows('is damaged: a block does not end with the mark of the file')
  return {
    count,
    get bytes() {
      return codec(bytes)
    },
  }
}

function* batchesOf(
  { count, bytes }: Block,
  { record }: Header,
  place: { readonly rows: number; readonly skipped: number; readonly next: RowPosition },
): Generator<RowBatch> {
  const cursor = new AvroCursor(bytes)
  cursor.requirePlausible(count)
  let batch: RecordData[] = []
  for (let index = 0; index < count; index++) {
    const row = readRow(cursor, record)
    const number = place.rows + index
    if (number >= place.skipped) batch.push(row)
    if (batch.length < batchRows || index === count - 1) continue
    yield { rows: batch, next: { rows: number + 1 } }
    batch = []
  }
  yield { rows: batch, next: place.next }
}

function readRow(cursor: AvroCursor, { fields }: AvroRecord): RecordData {
  const row: Record<string, RecordValue> = {}
  for (const { name, type } of fields) row[name] = type.read(cursor)
  return row
}

function codecOf(name: string): Header['codec'] {
  const codec = codecs[name]
  if (codec === undefined)
    throw new MalformedRows(
      `has the codec ${name}, and ${Object.keys(codecs).join(', ')} can be read`,
    )
  return (bytes) => {
    try {
      return codec(bytes)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new MalformedRows(`has a block that is no ${name} (${reason})`)
    }
  }
}

const codecs: Readonly<Record<string, Header['codec']>> = {
  null: (bytes) => bytes,
  deflate: (bytes) => inflateRawSync(bytes, { maxOutputLength: maxRowBytes }),
  zstandard: (bytes) => zstdDecompressSync(bytes, { maxOutputLength: maxRowBytes }),
  // A checksum follows, and a varint with the size of the text stands before it.
  snappy: (bytes) => {
    const size = snappySize(bytes)
    if (size > maxRowBytes) throw new RangeError(`${String(size)} bytes`)
    const text = new Uint8Array(size)
    snappyUncompress(bytes.subarray(0, -4), text)
    return text
  },
}

function snappySize(bytes: Uint8Array): number {
  let size = 0
  for (let index = 0; index < 5; index++) {
    const byte = bytes[index] ?? 0
    size += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) break
  }
  return size
}
