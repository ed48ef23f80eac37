import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { CompressionCodec, SchemaElement } from 'hyparquet'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'

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

/**
 * A value as a file stores it: texts, JSON and bytes as bytes; dates as days (number), integers, and times as
 * microseconds, as bigint. Null: there is none.
 */
export type ParquetValue = boolean | number | bigint | Uint8Array | null

export type ParquetCompression = 'none' | 'gzip' | 'zstd' | 'snappy'

const codecs: Readonly<Record<ParquetCompression, CompressionCodec>> = {
  none: 'UNCOMPRESSED',
  gzip: 'GZIP',
  zstd: 'ZSTD',
  snappy: 'SNAPPY',
}
const compressors = { GZIP: gzipSync, ZSTD: zstdCompressSync }

/** Makes the bytes of a Parquet file, one row group after the other. Only its index stays in memory. */
export class ParquetBytes {
  readonly #out = new ByteWriter(64 * 1024)
  readonly #columns: readonly ParquetColumn[]
  readonly #writer: ParquetWriter

  constructor(
    columns: readonly ParquetColumn[],
    options: { readonly compression: ParquetCompression; readonly createdBy: string },
  ) {
    this.#columns = columns
    this.#writer = new ParquetWriter({
      writer: this.#out,
      schema: [{ name: 'schema', num_children: columns.length }, ...columns.map(elementOf)],
      codec: codecs[options.compression],
      compressors,
      createdBy: options.createdBy,
    })
  }

  /** The size of what was returned. */
  get size(): number {
    return this.#out.offset - this.#out.index
  }

  /** The bytes of a row group. `values`: of each column, all of the same length, which is not 0. */
  rowGroup(values: readonly ParquetValue[][]): Buffer {
    const rows = values[0]?.length ?? 0
    const columnData = this.#columns.map(({ name, type }, index) => ({
      name,
      data: values[index] ?? [],
      // No reader looks for JSON or bytes by their order.
      statistics: type !== 'json' && type !== 'bytes',
    }))
    // Only a writer with a `flush` of its own would return a promise.
    void this.#writer.write({ columnData, rowGroupSize: rows })
    return this.#take()
  }

  /** The last bytes. */
  end(): Buffer {
    const { schema } = this.#writer
    this.#writer.schema = schema.map((element) =>
      element.logical_type?.type === 'JSON' ? { ...element, converted_type: 'JSON' } : element,
    )
    void this.#writer.finish()
    return this.#take()
  }

  #take(): Buffer {
    const bytes = Buffer.from(this.#out.getBytes())
    this.#out.index = 0
    return bytes
  }
}

function elementOf({ name, type }: ParquetColumn): SchemaElement {
  return { name, repetition_type: 'OPTIONAL', ...physicalTypes[type] }
}

/** Readers that do not know logical types find the converted ones, which have the same meaning. */
const physicalTypes: Readonly<Record<ParquetType, Omit<SchemaElement, 'name'>>> = {
  boolean: { type: 'BOOLEAN' },
  integer: { type: 'INT64' },
  double: { type: 'DOUBLE' },
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  // Only the index has its converted type: the writer would make JSON of the bytes.
  json: { type: 'BYTE_ARRAY', logical_type: { type: 'JSON' } },
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
