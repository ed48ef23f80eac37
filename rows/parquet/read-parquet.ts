import {
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  type ColumnData,
  type FileMetaData,
  type RowGroup,
  type SchemaElement,
} from 'hyparquet'
import type { JsonObject, RecordData, RecordValue } from '../../protocol/index.ts'
import { MalformedRows } from '../malformed-rows.ts'
import { firstRow, type ByteSource, type RowBatch, type RowPosition } from '../row-source.ts'
import { ByteFile } from './byte-file.ts'
import { compressors } from './compressors.ts'
import { parquetTypeOf, type ValueReader } from './parquet-types.ts'

/** Values are in memory as objects, several times larger than in the file. */
const windowBytes = 16 * 1024 * 1024
/** A footer of thousands of row groups and columns has some megabytes. */
const footerBytes = 512 * 1024

/** The properties of a file's rows, in its order. */
export async function parquetProperties(source: ByteSource): Promise<JsonObject> {
  const metadata = await metadataOf(new ByteFile(source))
  const columns = parquetSchema(metadata).children
  return Object.fromEntries(columns.map((tree) => [tree.element.name, parquetTypeOf(tree).schema]))
}

/**
 * The rows of a Parquet file, in windows of some thousand rows, so that a large row group does not have to
 * fit into memory as objects. `columns`: those to read; undefined for all.
 */
export async function* readParquet(
  source: ByteSource,
  columns: ReadonlySet<string> | undefined,
  { rows: skipped }: RowPosition = firstRow,
): AsyncGenerator<RowBatch> {
  const file = new ByteFile(source)
  const metadata = await metadataOf(file)
  const trees = parquetSchema(metadata).children.filter(
    ({ element }) => columns === undefined || columns.has(element.name),
  )
  const readers = new Map(trees.map((tree) => [tree.element.name, parquetTypeOf(tree).read]))
  const table = { file, metadata: withoutConversions(metadata), readers }
  let groupStart = 0
  for (const group of metadata.row_groups) {
    const groupEnd = groupStart + Number(group.num_rows)
    let start = Math.max(groupStart, skipped)
    if (start < groupEnd && readers.size > 0) await file.hold(...bytesOf(group, readers))
    const step = windowRows(group)
    for (; start < groupEnd; start += step) {
      const end = Math.min(start + step, groupEnd)
      yield { rows: await rowsOf(table, start, end), next: { rows: end } }
    }
    groupStart = groupEnd
  }
}

interface ParquetTable {
  readonly file: ByteFile
  readonly metadata: FileMetaData
  readonly readers: ReadonlyMap<string, ValueReader>
}

async function metadataOf(file: ByteFile): Promise<FileMetaData> {
  return unlessMalformed(() =>
    parquetMetadataAsync(file, {
      initialFetchSize: Math.min(footerBytes, file.byteLength),
      geoparquet: false,
    }),
  )
}

/** hyparquet would make doubles of decimals. */
function withoutConversions(metadata: FileMetaData): FileMetaData {
  const plain = (element: SchemaElement): SchemaElement => {
    if (element.converted_type !== 'DECIMAL' && element.logical_type?.type !== 'DECIMAL')
      return element
    const rest = { ...element }
    delete rest.converted_type
    delete rest.logical_type
    return rest
  }
  return { ...metadata, schema: metadata.schema.map(plain) }
}

function windowRows({ num_rows: rows, total_byte_size: bytes }: RowGroup): number {
  const share = windowBytes / Math.max(Number(bytes), 1)
  return Math.max(100, Math.min(40_000, Math.ceil(Number(rows) * share)))
}

/** From the first byte of the wanted columns to the last. */
function bytesOf(group: RowGroup, wanted: ReadonlyMap<string, unknown>): [number, number] {
  let from = Number.POSITIVE_INFINITY
  let to = 0
  for (const { meta_data: meta } of group.columns) {
    if (meta === undefined || !wanted.has(meta.path_in_schema[0] ?? '')) continue
    const start = Number(meta.dictionary_page_offset ?? meta.data_page_offset)
    from = Math.min(from, start, Number(meta.data_page_offset))
    to = Math.max(to, start + Number(meta.total_compressed_size))
  }
  return from < to ? [from, to] : [0, 0]
}

/** Values without the conversions of hyparquet. */
const raw = {
  timestampFromMilliseconds: (value: unknown) => value,
  timestampFromMicroseconds: (value: unknown) => value,
  timestampFromNanoseconds: (value: unknown) => value,
  dateFromDays: (value: unknown) => value,
  jsonFromBytes: (value: unknown) => value,
  uuidFromBytes: (value: unknown) => value,
  geometryFromBytes: (value: unknown) => value,
  geographyFromBytes: (value: unknown) => value,
}

async function rowsOf(
  { file, metadata, readers }: ParquetTable,
  rowStart: number,
  rowEnd: number,
): Promise<RecordData[]> {
  const rows = Array.from({ length: rowEnd - rowStart }, (): Record<string, RecordValue> => ({}))
  if (readers.size === 0) return rows
  const chunks: ColumnData[] = []
  await unlessMalformed(() =>
    parquetRead({
      file,
      metadata,
      compressors,
      columns: [...readers.keys()],
      rowStart,
      rowEnd,
      utf8: false,
      useOffsetIndex: true,
      parsers: raw,
      // Nothing may be thrown in there.
      onChunk: (chunk) => chunks.push(chunk),
    }),
  )
  for (const { columnName, columnData, rowStart: first } of chunks) {
    const read = readers.get(columnName)
    if (read !== undefined) fill(rows, { columnName, columnData, read, first: first - rowStart })
  }
  return rows
}

/** `first`: the row of the first value, which may be before the first row, as a page may be. */
function fill(
  rows: readonly Record<string, RecordValue>[],
  chunk: {
    readonly columnName: string
    readonly columnData: ArrayLike<unknown>
    readonly read: ValueReader
    readonly first: number
  },
): void {
  const { columnName, columnData, read, first } = chunk
  const end = Math.min(columnData.length, rows.length - first)
  for (let index = Math.max(0, -first); index < end; index++) {
    const row = rows[first + index]
    const value = columnData[index]
    if (row !== undefined)
      row[columnName] = value === undefined || value === null ? null : read(value)
  }
}

/** hyparquet throws plain errors for all that it cannot read. */
async function unlessMalformed<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof Error) || error.constructor !== Error) throw error
    throw new MalformedRows(`is no Parquet file that can be read (${error.message})`)
  }
}
