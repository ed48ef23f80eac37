import { promisify } from 'node:util'
import { constants, gzip, zstdCompress } from 'node:zlib'
import type { ColumnChunk, CompressionCodec, Encoding, PageHeader, SchemaElement } from 'hyparquet'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { writePageHeader } from 'hyparquet-writer/src/datapage.js'
import { snappyCompress } from 'hyparquet-writer/src/snappy.js'
import { idBytes, levelBytes, plainBytes } from './column-page.ts'
import { statisticsOf } from './column-statistics.ts'
import { ColumnValues, type PhysicalType } from './column-values.ts'

export type ParquetType =
  | 'boolean'
  | 'integer'
  | 'double'
  | 'string'
  | 'json'
  | 'bytes'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamptz'

export interface ParquetColumn {
  readonly name: string
  readonly type: ParquetType
}

export type ParquetCompression = 'none' | 'gzip' | 'zstd' | 'snappy'

const codecs: Readonly<Record<ParquetCompression, CompressionCodec>> = {
  none: 'UNCOMPRESSED',
  gzip: 'GZIP',
  zstd: 'ZSTD',
  snappy: 'SNAPPY',
}

/** Output comes in pieces of this size: each costs a turn of the event loop, and memory. */
const chunkSize = 256 * 1024
const gzipOnThread = promisify(gzip)
const zstdOnThread = promisify(zstdCompress)
type Compress = (bytes: Buffer) => Promise<Uint8Array>

/** Those of Node work on threads of their own. */
const compressors: Readonly<Record<ParquetCompression, Compress | undefined>> = {
  none: undefined,
  gzip: (bytes) => gzipOnThread(bytes, { chunkSize }),
  zstd: (bytes) =>
    zstdOnThread(bytes, { chunkSize, params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
  snappy: (bytes) => Promise.resolve(snappyCompress(bytes)),
}

/** Empty values of all columns, for the next row group. */
export function emptyValues(columns: readonly ParquetColumn[]): readonly ColumnValues[] {
  return columns.map(({ type }) => new ColumnValues(physicalTypes[type]))
}

/** Makes the bytes of a Parquet file, one row group after the other. Only its index stays in memory. */
export class ParquetBytes {
  readonly #out = new ByteWriter(4 * 1024)
  readonly #columns: readonly ParquetColumn[]
  readonly #writer: ParquetWriter
  readonly #compression: ParquetCompression

  constructor(
    columns: readonly ParquetColumn[],
    options: { readonly compression: ParquetCompression; readonly createdBy: string },
  ) {
    this.#columns = columns
    this.#compression = options.compression
    this.#writer = new ParquetWriter({
      writer: this.#out,
      schema: [{ name: 'schema', num_children: columns.length }, ...columns.map(elementOf)],
      codec: codecs[options.compression],
      // Pages come compressed: it makes the index only.
      compressors: { GZIP: same, ZSTD: same },
      createdBy: options.createdBy,
    })
  }

  /** The size of what was returned. */
  get size(): number {
    return this.#out.offset - this.#out.index
  }

  /**
   * The bytes of a row group, in pieces. `values`: of each column, all with the same number of rows, which is
   * not 0; the pieces may be parts of them.
   */
  async rowGroup(values: readonly ColumnValues[]): Promise<readonly Buffer[]> {
    const chunks = await Promise.all(values.map((column, index) => this.#chunk(column, index)))
    const start = this.#out.offset
    const pieces: Buffer[] = []
    let uncompressed = 0n
    const columns = chunks.map(({ pages, describe }) => {
      const chunk = describe(this.#out.offset)
      for (const page of pages) this.#append(page, pieces)
      uncompressed += chunk.meta_data?.total_uncompressed_size ?? 0n
      return chunk
    })
    const rows = BigInt(values[0]?.rows ?? 0)
    this.#writer.num_rows += rows
    this.#writer.row_groups.push({
      columns,
      total_byte_size: uncompressed,
      num_rows: rows,
      total_compressed_size: BigInt(this.#out.offset - start),
    })
    return [this.#take(), ...pieces]
  }

  /** The last bytes. */
  end(): Buffer {
    void this.#writer.finish()
    return this.#take()
  }

  /** Bytes that do not pass through the writer: they follow what it has. */
  #append(page: Uint8Array, pieces: Buffer[]): void {
    pieces.push(Buffer.from(page.buffer, page.byteOffset, page.byteLength))
    this.#out.offset += page.length
  }

  #take(): Buffer {
    const bytes = Buffer.from(this.#out.getBytes())
    this.#out.index = 0
    return bytes
  }

  async #chunk(values: ColumnValues, index: number): Promise<PreparedChunk> {
    const column = this.#columns[index]
    if (column === undefined) throw new TypeError('there are more values than columns')
    const { dictionary } = values
    const encoding: Encoding = dictionary === undefined ? 'PLAIN' : 'RLE_DICTIONARY'
    const pages: Page[] = []
    if (dictionary !== undefined) {
      const { entries } = dictionary
      pages.push(await this.#dictionaryPage(entries.bytes, entries.size))
    }
    const bytes =
      dictionary === undefined
        ? plainBytes(values)
        : idBytes(dictionary.ids, dictionary.entries.size)
    pages.push(await this.#dataPage(values, bytes, encoding))
    return describedChunk(column, values, { pages, encoding, codec: codecs[this.#compression] })
  }

  async #dictionaryPage(bytes: Buffer, entries: number): Promise<Page> {
    const compressed = await this.#compressed(bytes)
    return pageOf([compressed], {
      type: 'DICTIONARY_PAGE',
      uncompressed_page_size: bytes.length,
      compressed_page_size: compressed.length,
      dictionary_page_header: { num_values: entries, encoding: 'PLAIN' },
    })
  }

  /** A page of the second version: its levels are not compressed. */
  async #dataPage(values: ColumnValues, bytes: Buffer, encoding: Encoding): Promise<Page> {
    const { rows, nulls } = values
    const levels = levelBytes(values)
    const isCompressed = this.#compression !== 'none' && bytes.length > 0
    const compressed = isCompressed ? await this.#compressed(bytes) : bytes
    return pageOf([levels, compressed], {
      type: 'DATA_PAGE_V2',
      uncompressed_page_size: levels.length + bytes.length,
      compressed_page_size: levels.length + compressed.length,
      data_page_header_v2: {
        num_values: rows,
        num_nulls: nulls,
        num_rows: rows,
        encoding,
        definition_levels_byte_length: levels.length,
        repetition_levels_byte_length: 0,
        is_compressed: isCompressed,
      },
    })
  }

  async #compressed(bytes: Buffer): Promise<Uint8Array> {
    return (await compressors[this.#compression]?.(bytes)) ?? bytes
  }
}

interface Page {
  readonly pieces: readonly Uint8Array[]
  readonly size: number
  readonly uncompressedSize: number
}

interface PreparedChunk {
  readonly pages: readonly Uint8Array[]
  /** `start`: where it begins in the file. */
  readonly describe: (start: number) => ColumnChunk
}

function pageOf(body: readonly Uint8Array[], header: PageHeader): Page {
  const out = new ByteWriter(64)
  writePageHeader(out, header)
  const head = Uint8Array.from(out.getBytes())
  return {
    pieces: [head, ...body],
    size: head.length + header.compressed_page_size,
    uncompressedSize: head.length + header.uncompressed_page_size,
  }
}

function describedChunk(
  { name, type }: ParquetColumn,
  values: ColumnValues,
  facts: {
    readonly pages: readonly Page[]
    readonly encoding: Encoding
    readonly codec: CompressionCodec
  },
): PreparedChunk {
  const { pages, encoding, codec } = facts
  const hasDictionary = encoding === 'RLE_DICTIONARY'
  const dictionarySize = hasDictionary ? (pages[0]?.size ?? 0) : 0
  const sum = (sizeOf: (page: Page) => number): bigint =>
    BigInt(pages.reduce((total, page) => total + sizeOf(page), 0))
  // No reader looks for JSON or bytes by their order.
  const statistics = type === 'json' || type === 'bytes' ? undefined : statisticsOf(values)
  const count = BigInt(values.rows)
  return {
    pages: pages.flatMap(({ pieces }) => pieces),
    describe: (start) => ({
      meta_data: {
        type: elements[type].type,
        encodings: hasDictionary ? ['PLAIN', 'RLE', 'RLE_DICTIONARY'] : ['PLAIN', 'RLE'],
        path_in_schema: [name],
        codec,
        num_values: count,
        total_compressed_size: sum(({ size }) => size),
        total_uncompressed_size: sum(({ uncompressedSize }) => uncompressedSize),
        data_page_offset: BigInt(start + dictionarySize),
        ...(hasDictionary && { dictionary_page_offset: BigInt(start) }),
        ...(statistics && { statistics }),
      },
      file_offset: BigInt(start),
    }),
  }
}

function same(bytes: Uint8Array): Uint8Array {
  return bytes
}

function elementOf({ name, type }: ParquetColumn): SchemaElement {
  return { name, repetition_type: 'OPTIONAL', ...elements[type] }
}

const physicalTypes: Readonly<Record<ParquetType, PhysicalType>> = {
  boolean: 'boolean',
  integer: 'int64',
  double: 'double',
  string: 'bytes',
  json: 'bytes',
  bytes: 'bytes',
  date: 'int32',
  time: 'int64',
  timestamp: 'int64',
  timestamptz: 'int64',
}

type Element = Omit<SchemaElement, 'name'> & Required<Pick<SchemaElement, 'type'>>

/** Readers that do not know logical types find the converted ones, which have the same meaning. */
const elements: Readonly<Record<ParquetType, Element>> = {
  boolean: { type: 'BOOLEAN' },
  integer: { type: 'INT64' },
  double: { type: 'DOUBLE' },
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  json: { type: 'BYTE_ARRAY', converted_type: 'JSON', logical_type: { type: 'JSON' } },
  bytes: { type: 'BYTE_ARRAY' },
  date: { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } },
  time: { type: 'INT64', logical_type: { type: 'TIME', isAdjustedToUTC: false, unit: 'MICROS' } },
  timestamp: {
    type: 'INT64',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit: 'MICROS' },
  },
  timestamptz: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MICROS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
  },
}
