import type { RecordData, RecordValue } from '../protocol/index.ts'
import { CsvRecords, type CsvFields, type CsvSyntax } from './csv-records.ts'
import type { TextReader } from './csv-values.ts'
import { MalformedRows } from './malformed-rows.ts'
import { firstRow, type OpenBytes, type RowBatch, type RowPosition } from './row-source.ts'

export const csvEncodings = ['utf-8', 'utf-16le', 'windows-1252', 'iso-8859-1'] as const

export interface CsvOptions extends CsvSyntax {
  /** `true`: the first record has the names. A list: these are the names, and the first record is a row. */
  readonly header: boolean | readonly string[]
  /** Lines before the header that are no part of the table. */
  readonly skipLines: number
  readonly encoding: (typeof csvEncodings)[number]
  /** How texts of a column are read; without one they stay texts. */
  readonly readerOf?: (column: string) => TextReader | undefined
}

/**
 * The rows of a CSV file. A reader that begins in the middle reads the header first. Rows before one that is
 * malformed come before its error.
 */
export async function* readCsv(
  open: OpenBytes,
  options: CsvOptions,
  from: RowPosition = firstRow,
): AsyncGenerator<RowBatch> {
  const names = from.offset === undefined ? undefined : await readCsvNames(open, options)
  const table = new Table(options, from, names)
  for await (const chunk of open(names === undefined ? 0 : (from.offset ?? 0))) {
    const batch = table.push(chunk)
    if (batch !== undefined) yield batch
  }
  const batch = table.push(undefined)
  if (batch !== undefined) yield batch
  table.requireGood()
}

/** The names of the columns, from the start of the file; undefined if it has no row. */
export async function readCsvNames(
  open: OpenBytes,
  options: CsvOptions,
): Promise<readonly string[] | undefined> {
  const table = new Table(options, firstRow, undefined)
  for await (const chunk of open(0)) {
    table.push(chunk)
    if (table.names !== undefined) return table.names
  }
  table.push(undefined)
  return table.names
}

class Table {
  readonly #options: CsvOptions
  readonly #records: CsvRecords
  /** Does not drop the mark at the beginning, so that places in the text are places in the file. */
  readonly #decoder: InstanceType<typeof TextDecoder>
  #names: readonly string[] | undefined
  #readers: readonly (TextReader | undefined)[] = []
  #rows: number
  #offset: number
  #skipRows: number
  #skipLines: number
  #isStart: boolean
  #failure: MalformedRows | undefined

  constructor(options: CsvOptions, from: RowPosition, names: readonly string[] | undefined) {
    const inside = names === undefined ? undefined : from.offset
    this.#options = options
    this.#records = new CsvRecords(options)
    this.#decoder = new TextDecoder(options.encoding, { fatal: true, ignoreBOM: true })
    this.#rows = inside === undefined ? 0 : from.rows
    this.#offset = inside ?? 0
    this.#skipRows = inside === undefined ? from.rows : 0
    this.#skipLines = inside === undefined ? options.skipLines : 0
    this.#isStart = inside === undefined
    if (inside !== undefined && names !== undefined) this.#setNames(names)
    else if (typeof options.header !== 'boolean') this.#setNames(options.header)
  }

  get names(): readonly string[] | undefined {
    return this.#names
  }

  /** `chunk`: undefined at the end. Undefined if no row ends in it. */
  push(chunk: Uint8Array | undefined): RowBatch | undefined {
    this.requireGood()
    const text = this.#withoutLines(this.#withoutMark(this.#decode(chunk)))
    const records = this.#records.push(text, { isLast: chunk === undefined })
    this.#offset += this.#records.takenBytes
    const count = records.length
    if (this.#names === undefined && count > 0) this.#begin(records)
    const rows = this.#rowsOf(records)
    const { failure } = this.#records
    if (failure !== undefined)
      this.#failure ??= new MalformedRows(`${failure.message}, after row ${String(this.#rows)}`)
    if (rows.length === 0) this.requireGood()
    if (count === 0) return undefined
    const isByteOffset = this.#failure === undefined && this.#options.encoding === 'utf-8'
    return { rows, next: { rows: this.#rows, ...(isByteOffset && { offset: this.#offset }) } }
  }

  /** Throws the error that follows the rows that were returned, if there is one. */
  requireGood(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #rowsOf(records: readonly CsvFields[]): RecordData[] {
    const rows: RecordData[] = []
    for (const fields of records) {
      if (this.#skipRows > 0) this.#skipRows -= 1
      else {
        const row = this.#row(fields)
        if (row instanceof MalformedRows) {
          this.#failure = row
          break
        }
        rows.push(row)
      }
      this.#rows += 1
    }
    return rows
  }

  #decode(chunk: Uint8Array | undefined): string {
    try {
      return chunk === undefined
        ? this.#decoder.decode()
        : this.#decoder.decode(chunk, { stream: true })
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      throw new MalformedRows(
        `is not ${this.#decoder.encoding} text after row ${String(this.#rows)}`,
      )
    }
  }

  #withoutMark(text: string): string {
    if (!this.#isStart || text === '') return text
    this.#isStart = false
    if (!text.startsWith('\uFEFF')) return text
    this.#offset += 3
    return text.slice(1)
  }

  /** The text after the lines that are no part of the table. */
  #withoutLines(text: string): string {
    let rest = text
    while (this.#skipLines > 0 && rest !== '') {
      const end = rest.indexOf('\n') + 1
      const line = end === 0 ? rest : rest.slice(0, end)
      this.#offset += Buffer.byteLength(line)
      rest = rest.slice(line.length)
      if (end > 0) this.#skipLines -= 1
    }
    return rest
  }

  /** Takes the header from the first records. */
  #begin(records: CsvFields[]): void {
    const hasHeader = this.#options.header === true
    const [first = []] = records
    if (first.some((field) => field?.includes('\r') === true && !field.includes('\n')))
      throw new MalformedRows(
        'has lines that end in a carriage return alone: write newlines instead',
      )
    this.#setNames(hasHeader ? namesOf(first) : first.map((_, index) => unnamed(index)))
    if (hasHeader) records.shift()
  }

  #setNames(names: readonly string[]): void {
    if (names.includes('__proto__')) throw new MalformedRows('has a column `__proto__`')
    this.#names = names
    this.#readers = names.map((name) => this.#options.readerOf?.(name))
  }

  #row(fields: CsvFields): RecordData | MalformedRows {
    const names = this.#names ?? []
    if (fields.length !== names.length)
      return new MalformedRows(
        `has ${String(fields.length)} fields in row ${String(this.#rows + 1)}, and ${String(names.length)} columns`,
      )
    const row: Record<string, RecordValue> = {}
    for (let index = 0; index < names.length; index++) {
      const text = fields[index] ?? null
      const reader = this.#readers[index]
      row[names[index] ?? ''] = text === null || reader === undefined ? text : reader(text)
    }
    return row
  }
}

/** A column without a name gets one, and of several with the same name the later ones get a number. */
function namesOf(fields: CsvFields): string[] {
  const used = new Set<string>()
  return fields.map((field, index) => {
    const wanted = field?.trim() ?? ''
    const base = wanted === '' ? unnamed(index) : wanted
    let name = base
    for (let number = 2; used.has(name); number++) name = `${base}_${String(number)}`
    used.add(name)
    return name
  })
}

function unnamed(index: number): string {
  return `column_${String(index + 1)}`
}
