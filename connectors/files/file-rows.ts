import { pipeline } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { columnsOf, type JsonObject } from '../../protocol/index.ts'
import { textReaderOf } from '../../rows/csv-values.ts'
import { MalformedRows } from '../../rows/malformed-rows.ts'
import type { OpenBytes, RowBatch, RowPosition } from '../../rows/row-source.ts'
import { isZstd, zstdFrames } from '../../rows/zstd-frames.ts'
import { readCsv, type CsvOptions } from '../../rows/read-csv.ts'
import { readJsonLines } from '../../rows/read-json-lines.ts'
import {
  standardCsv,
  type compressions,
  type CsvConfig,
  type fileFormats,
  type FileStream,
} from './config.ts'
import { FileUnreadable, type FileEntry, type FilePlace } from './place.ts'

type Format = (typeof fileFormats)[number]
type Compression = (typeof compressions)[number]

/** By the ending of a name, without that of a compression. */
const formatsByEnding: Readonly<Record<string, Format>> = {
  avro: 'avro',
  csv: 'csv',
  json: 'jsonl',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  parquet: 'parquet',
  tsv: 'csv',
}
const gzipMagic = [0x1f, 0x8b]

/** The format that the name of a file says; undefined if it says none. */
export function formatOfName(path: string): Format | undefined {
  return formatsByEnding[endingOf(path)]
}

/** The name without the endings of its format and its compression. */
export function stemOf(path: string): string {
  const stem = withoutCompression(path)
  const ending = endingOf(path)
  return ending === '' ? stem : stem.slice(0, -ending.length - 1)
}

function withoutCompression(path: string): string {
  return path.replace(/\.(?:gz|gzip|zst|zstd)$/i, '')
}

function endingOf(path: string): string {
  return (/\.([^./]+)$/.exec(withoutCompression(path))?.[1] ?? '').toLowerCase()
}

/** One file, as its stream says that it is read. */
export class FileRows {
  readonly #place: FilePlace
  readonly #file: FileEntry
  readonly #stream: Pick<FileStream, 'format' | 'compression'>
  readonly #csv: CsvConfig
  #compression: Compression | undefined

  constructor(place: FilePlace, file: FileEntry, stream: FileStream) {
    this.#place = place
    this.#file = file
    this.#stream = stream
    this.#csv = stream.csv ?? standardCsv
  }

  get isCsv(): boolean {
    return this.#format() === 'csv'
  }

  get infersTypes(): boolean {
    return this.#csv.infer_types
  }

  /** The properties that the file declares; undefined if its format declares none. */
  async properties(): Promise<JsonObject | undefined> {
    switch (this.#format()) {
      case 'parquet':
        await this.#requirePlain()
        return (await import('../../rows/parquet/read-parquet.ts')).parquetProperties(this.#source)
      case 'avro': {
        const open = await this.#open()
        return (await import('../../rows/avro/read-avro.ts')).avroProperties(open)
      }
      case 'csv':
      case 'jsonl':
        return undefined
    }
  }

  /** `properties`: the wanted columns, with their types; undefined: all, and CSV as texts. */
  async *rows(from: RowPosition, properties: JsonObject | undefined): AsyncGenerator<RowBatch> {
    if (this.#file.size === 0) return
    switch (this.#format()) {
      case 'parquet': {
        await this.#requirePlain()
        const { readParquet } = await import('../../rows/parquet/read-parquet.ts')
        const wanted = properties === undefined ? undefined : new Set(Object.keys(properties))
        yield* readParquet(this.#source, wanted, from)
        return
      }
      case 'avro': {
        const { readAvro } = await import('../../rows/avro/read-avro.ts')
        yield* this.#resumable(readAvro(await this.#open(), from))
        return
      }
      case 'csv':
        yield* this.#resumable(readCsv(await this.#open(), this.#csvOptions(properties), from))
        return
      case 'jsonl':
        yield* this.#resumable(readJsonLines(await this.#open(), from))
    }
  }

  /** Bytes of a compressed file are no places to begin at. */
  async *#resumable(batches: AsyncIterable<RowBatch>): AsyncGenerator<RowBatch> {
    for await (const { rows, next } of batches)
      yield { rows, next: this.#compression === 'none' ? next : { rows: next.rows } }
  }

  #format(): Format {
    const { format } = this.#stream
    const found = format === 'auto' ? formatOfName(this.#file.path) : format
    if (found !== undefined) return found
    throw new FileUnreadable('has a name that says no format: set `format` of the stream', {
      isOfChange: false,
    })
  }

  get #source() {
    return {
      size: this.#file.size,
      read: async (from: number, to: number): Promise<Uint8Array> => {
        const chunks: Uint8Array[] = []
        for await (const chunk of this.#place.read(this.#file, from, to)) chunks.push(chunk)
        return Buffer.concat(chunks)
      },
    }
  }

  async #requirePlain(): Promise<void> {
    if ((await this.#findCompression()) !== 'none')
      throw new FileUnreadable(
        'is compressed as a whole, and a Parquet file is compressed inside: store it as it is',
        { isOfChange: false },
      )
  }

  async #open(): Promise<OpenBytes> {
    const compression = await this.#findCompression()
    const read = (from: number): AsyncIterable<Uint8Array> =>
      this.#place.read(this.#file, from, this.#file.size)
    return compression === 'none' ? read : () => decompressed(read(0), compression)
  }

  async #findCompression(): Promise<Compression> {
    const { compression } = this.#stream
    this.#compression ??= compression === 'auto' ? await this.#compressionInside() : compression
    return this.#compression
  }

  async #compressionInside(): Promise<Compression> {
    const start = await this.#source.read(0, Math.min(4, this.#file.size))
    if (gzipMagic.every((byte, index) => start[index] === byte)) return 'gzip'
    return isZstd(start) ? 'zstd' : 'none'
  }

  #csvOptions(properties: JsonObject | undefined): CsvOptions {
    const {
      delimiter,
      quote,
      escape = quote,
      header,
      encoding,
      null_values,
      skip_lines,
    } = this.#csv
    const kinds = new Map(columnsOf({ properties: properties ?? {} }).map((c) => [c.name, c.kind]))
    const isTab = delimiter === ',' && endingOf(this.#file.path) === 'tsv'
    return {
      ...{ quote, escape, header, encoding },
      delimiter: isTab ? '\t' : delimiter,
      nulls: new Set(null_values),
      skipLines: skip_lines,
      readerOf: (column) => {
        const kind = kinds.get(column)
        return kind === undefined ? undefined : textReaderOf(kind)
      },
    }
  }
}

async function* decompressed(
  chunks: AsyncIterable<Uint8Array>,
  compression: 'gzip' | 'zstd',
): AsyncGenerator<Uint8Array> {
  const options = { chunkSize: 256 * 1024 }
  try {
    if (compression === 'gzip') yield* through(chunks, createGunzip(options))
    else
      for await (const frame of zstdFrames(chunks))
        yield* through(frame, createZstdDecompress(options))
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || !isOfZlib(error.code)) throw error
    throw new MalformedRows(`is not ${compression}, or is damaged (${error.message})`)
  }
}

/** The iteration throws the error that ended it. */
function through(
  chunks: AsyncIterable<Uint8Array>,
  stream: NodeJS.ReadWriteStream,
): AsyncIterable<Uint8Array> {
  return pipeline(chunks, stream, () => undefined) as unknown as AsyncIterable<Uint8Array>
}

function isOfZlib(code: unknown): boolean {
  return typeof code === 'string' && /^(?:Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB)/.test(code)
}
