import {
  absentColumns,
  columnsOf,
  isJsonObject,
  type AirbyteStream,
  type JsonObject,
  type RecordData,
  type RecordValue,
} from '../../protocol/index.ts'
import { textReaderOf } from '../../rows/csv-values.ts'
import type { RowBatch } from '../../rows/row-source.ts'
import type { FileStream } from './config.ts'
import { metadataNames } from './metadata-columns.ts'
import { partitionsIn } from './partitions.ts'
import { FileUnreadable, type FileEntry } from './place.ts'

/** Makes records of the rows of one file: the columns of the stream, those of the file itself included. */
export class FileRecords {
  readonly #wanted: ReadonlySet<string>
  readonly #names: ReturnType<typeof metadataNames>
  /** The values that all rows of the file have. */
  readonly #constants: Readonly<Record<string, RecordValue>>
  readonly #hasRow: boolean

  constructor(stream: FileStream, { json_schema: schema }: AirbyteStream, file: FileEntry) {
    const { properties } = schema
    const absent = absentColumns(schema)
    const columns = columnsOf(schema).filter(({ name }) => !absent.has(name))
    this.#wanted = new Set(isJsonObject(properties) ? columns.map(({ name }) => name) : [])
    this.#names = metadataNames(stream)
    this.#hasRow = this.#wanted.has(this.#names.row)
    const partitions = partitionsIn(file.path)
    const values = columns.flatMap(({ name, kind }): [string, RecordValue][] => {
      const own = this.#ownValue(name, file)
      if (own !== undefined) return [[name, own]]
      if (!Object.hasOwn(partitions, name)) return []
      const text = partitions[name] ?? null
      return [[name, text === null ? null : (textReaderOf(kind)?.(text) ?? text)]]
    })
    this.#constants = Object.fromEntries(values)
  }

  /** The records of a batch. It changes the rows. */
  of({ rows, next }: RowBatch): RecordData[] {
    const first = next.rows - rows.length + 1
    return rows.map((row, index) => this.#record(row, first + index))
  }

  #ownValue(name: string, { key, modifiedMs }: FileEntry): string | undefined {
    if (name === this.#names.file) return key
    return name === this.#names.modifiedAt ? new Date(modifiedMs).toISOString() : undefined
  }

  #record(row: RecordData, number: number): RecordData {
    const { file, modifiedAt, row: rowName } = this.#names
    for (const name of [file, modifiedAt, rowName]) if (Object.hasOwn(row, name)) throw taken(name)
    const record: Record<string, RecordValue | undefined> = this.#hasOnlyWanted(row)
      ? row
      : this.#withoutOthers(row)
    Object.assign(record, this.#constants)
    if (this.#hasRow) record[rowName] = number
    return record
  }

  #hasOnlyWanted(row: RecordData): boolean {
    for (const name in row) if (!this.#wanted.has(name)) return false
    return true
  }

  #withoutOthers(row: RecordData): Record<string, RecordValue | undefined> {
    return Object.fromEntries(Object.entries(row).filter(([name]) => this.#wanted.has(name)))
  }
}

/** The types of the columns that a file itself may have. */
export function ownProperties({ json_schema: { properties } }: AirbyteStream): JsonObject {
  return isJsonObject(properties) ? properties : {}
}

function taken(name: string): FileUnreadable {
  return new FileUnreadable(
    `has a column ${name}, and so is named the one that says where a row is from: set \`metadata_prefix\` of the stream to another name`,
    { isOfChange: false },
  )
}
