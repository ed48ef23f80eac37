import { DecodeError } from './decode-error.ts'
import { limitPiece } from './piece-limit.ts'

/** Python's limit. */
const MAX_FIELD_LENGTH = 131_072

const QUOTE = '"'
const NEWLINE = 10

/**
 * Rows of CSV text as Python's `csv.reader` gives them for its excel dialect: a quote is special only at the
 * start of a field and inside of a quoted one, doubled quotes are one, and nothing is ever an error but an
 * overlong field. Line ends are \n, \r and \r\n, and all are \n in a field, as in a file that Python opened
 * as text.
 */
export class CsvReader {
  readonly #delimiterCode: number
  readonly #maxFieldLength: number
  #state: State = 'record'
  /** Parts of the field that is being read. */
  #field = ''
  #row: string[] = []
  /** Characters of the row so far, including separators. */
  #rowLength = 0
  #rows: string[][] = []
  /** The last chunk ended with \r: a \n that follows belongs to it. */
  #afterReturn = false

  /** @param delimiter one UTF-16 unit */
  constructor(
    delimiter: string,
    options: {
      /** A field may not be longer: Python's own limit, unless set otherwise. */
      readonly maxFieldLength?: number
    } = {},
  ) {
    this.#delimiterCode = delimiter.charCodeAt(0)
    this.#maxFieldLength = options.maxFieldLength ?? MAX_FIELD_LENGTH
  }

  /** The rows that the text completes. An empty line is an empty row. */
  push(text: string): string[][] {
    const start = this.#afterReturn && text.startsWith('\n') ? 1 : 0
    if (text !== '') this.#afterReturn = text.endsWith('\r')
    this.#read(text.slice(start).replaceAll(/\r\n?/g, '\n'))
    return this.#take()
  }

  /** The text so far ends in a quoted field that is open. */
  get isInQuotes(): boolean {
    return this.#state === 'quoted'
  }

  /** The last row, if its line does not end. */
  end(): string[][] {
    if (this.#state !== 'record') this.#endRow()
    return this.#take()
  }

  #take(): string[][] {
    const rows = this.#rows
    this.#rows = []
    return rows
  }

  #read(text: string): void {
    let position = 0
    while (position < text.length) {
      if (this.#state === 'quoted') position = this.#readQuoted(text, position)
      else if (this.#state === 'field') position = this.#readPlain(text, position)
      else position = this.#readMark(text, position)
    }
  }

  /**
   * One character where it decides: at the start of a record or a field, or after a quote in a quoted field.
   */
  #readMark(text: string, position: number): number {
    const char = text.charAt(position)
    if (this.#state === 'quote') {
      if (char === QUOTE) {
        this.#add(QUOTE)
        this.#state = 'quoted'
        return position + 1
      }
      this.#state = 'field'
      return position
    }
    if (char === '\n' && this.#state === 'record') {
      this.#rows.push([])
      return position + 1
    }
    if (char === QUOTE) {
      this.#state = 'quoted'
      return position + 1
    }
    this.#state = 'field'
    return position
  }

  #readPlain(text: string, start: number): number {
    for (let position = start; position < text.length; position += 1) {
      const code = text.charCodeAt(position)
      if (code === this.#delimiterCode) {
        this.#add(text.slice(start, position))
        this.#endField()
        this.#state = 'start'
        return position + 1
      }
      if (code === NEWLINE) {
        this.#add(text.slice(start, position))
        this.#endRow()
        return position + 1
      }
    }
    this.#add(text.slice(start))
    return text.length
  }

  #readQuoted(text: string, start: number): number {
    const end = text.indexOf(QUOTE, start)
    if (end < 0) {
      this.#add(text.slice(start))
      return text.length
    }
    this.#add(text.slice(start, end))
    this.#state = 'quote'
    return end + 1
  }

  #add(part: string): void {
    this.#field += part
    if (this.#field.length > this.#maxFieldLength)
      throw new DecodeError(
        'Error',
        `A field of the CSV is longer than ${this.#maxFieldLength} characters.`,
      )
  }

  #endField(): void {
    this.#row.push(this.#field)
    this.#rowLength += this.#field.length + 1
    limitPiece(this.#rowLength)
    this.#field = ''
  }

  #endRow(): void {
    this.#endField()
    this.#rows.push(this.#row)
    this.#row = []
    this.#rowLength = 0
    this.#state = 'record'
  }
}

/**
 * At the start of a record, at the start of a further field, in a plain field, in a quoted one, after a quote
 * in that.
 */
type State = 'record' | 'start' | 'field' | 'quoted' | 'quote'
