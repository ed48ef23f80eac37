import { isUtf8 } from 'node:buffer'
import { isJsonObject, parseExact, type RecordData } from '../protocol/index.ts'
import { MalformedRows } from './malformed-rows.ts'
import {
  firstRow,
  maxRowBytes,
  mostLevels,
  type OpenBytes,
  type RowBatch,
  type RowPosition,
} from './row-source.ts'

const NEWLINE = 0x0a
const OPENING_BRACKET = 0x5b
/** U+FEFF, as some programs begin a text. */
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * The rows of JSON lines: one object in each line, in UTF-8; empty lines are nothing. A batch has the lines
 * that end in a chunk; rows before one that is malformed come before its error.
 */
export async function* readJsonLines(
  open: OpenBytes,
  from: RowPosition = firstRow,
): AsyncGenerator<RowBatch> {
  const lines = new Lines(from)
  for await (const chunk of open(from.offset ?? 0)) {
    const batch = lines.push(chunk)
    if (batch !== undefined) yield batch
  }
  const last = lines.end()
  if (last !== undefined) yield last
}

class Lines {
  #rows: number
  #offset: number
  #skip: number
  #parts: Uint8Array[] = []
  #waiting = 0
  #failure: MalformedRows | undefined

  constructor({ rows, offset }: RowPosition) {
    this.#rows = offset === undefined ? 0 : rows
    this.#offset = offset ?? 0
    this.#skip = offset === undefined ? rows : 0
  }

  /** The rows of the lines that end in this chunk; undefined if none does. */
  push(chunk: Uint8Array): RowBatch | undefined {
    if (this.#failure !== undefined) throw this.#failure
    const end = chunk.lastIndexOf(NEWLINE) + 1
    if (end === 0) {
      this.#keep(chunk)
      return undefined
    }
    const whole = this.#join(chunk.subarray(0, end))
    this.#keep(chunk.subarray(end))
    return this.#batch(whole)
  }

  /** The last line, if it has no end. */
  end(): RowBatch | undefined {
    if (this.#failure !== undefined) throw this.#failure
    return this.#waiting === 0 ? undefined : this.#batch(this.#join(new Uint8Array(0)))
  }

  #keep(part: Uint8Array): void {
    if (part.length === 0) return
    this.#waiting += part.length
    if (this.#waiting > maxRowBytes)
      throw new MalformedRows(`has a line of more than ${String(maxRowBytes)} bytes`)
    // Copied: the chunk may be a part of a large buffer.
    this.#parts.push(Uint8Array.from(part))
  }

  #join(last: Uint8Array): Uint8Array {
    const whole = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last])
    this.#parts = []
    this.#waiting = 0
    return whole
  }

  #batch(bytes: Uint8Array): RowBatch {
    const text = this.#text(bytes)
    this.#offset += bytes.length
    const rows: RecordData[] = []
    for (const line of text.split('\n')) {
      if (line === '' || line.trim() === '') continue
      this.#rows += 1
      if (this.#skip > 0) {
        this.#skip -= 1
        continue
      }
      const row = this.#parse(line)
      if (row instanceof MalformedRows) return this.#before(row, rows)
      rows.push(row)
    }
    return { rows, next: { rows: this.#rows, offset: this.#offset } }
  }

  #before(failure: MalformedRows, rows: readonly RecordData[]): RowBatch {
    if (rows.length === 0) throw failure
    this.#failure = failure
    return { rows, next: { rows: this.#rows - 1 } }
  }

  #text(bytes: Uint8Array): string {
    if (!isUtf8(bytes)) throw new MalformedRows(`is not UTF-8 text after row ${String(this.#rows)}`)
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const isFirst = this.#offset === 0
    if (isFirst && buffer[0] === OPENING_BRACKET)
      throw new MalformedRows('is one JSON list, and not one JSON object in each line')
    const start = isFirst && buffer.indexOf(byteOrderMark) === 0 ? byteOrderMark.length : 0
    return buffer.toString('utf8', start)
  }

  #parse(line: string): RecordData | MalformedRows {
    const row = rowIn(line)
    if (typeof row !== 'string') return row
    return new MalformedRows(`has ${row} in row ${String(this.#rows)}`)
  }
}

const noObject = 'no JSON object'
const isTooDeep = `a value of more than ${String(mostLevels)} nested levels`

/** Or what is there instead, without what is in the file, as the message of a SyntaxError would show it. */
function rowIn(line: string): RecordData | string {
  try {
    const value = parseExact(line)
    if (!isJsonObject(value)) return noObject
    return line.length > 2 * mostLevels && isDeeper(value, mostLevels) ? isTooDeep : value
  } catch (error) {
    if (error instanceof SyntaxError) return noObject
    // A number of many digits is read with a function of ours, for which the parser recurses.
    if (error instanceof RangeError) return isTooDeep
    throw error
  }
}

/** Without recursion, as the file chooses the depth. */
function isDeeper(value: object, levels: number): boolean {
  let level: readonly unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > levels) return true
    level = level.flatMap((parent): unknown[] => Object.values(Object(parent) as object))
    level = level.filter((inner) => typeof inner === 'object' && inner !== null)
  }
  return false
}
