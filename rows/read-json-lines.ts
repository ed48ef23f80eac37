import { isUtf8 } from 'node:buffer'
import { isJsonObject, parseExact, type RecordData } from '../protocol/index.ts'
import { MalformedRows } from './malformed-rows.ts'
import {
  firstRow,
  maxRowBytes,
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
 * that end in a chunk.
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

  constructor({ rows, offset }: RowPosition) {
    this.#rows = offset === undefined ? 0 : rows
    this.#offset = offset ?? 0
    this.#skip = offset === undefined ? rows : 0
  }

  /** The rows of the lines that end in this chunk; undefined if none does. */
  push(chunk: Uint8Array): RowBatch | undefined {
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
      if (this.#skip > 0) this.#skip -= 1
      else rows.push(this.#parse(line))
    }
    return { rows, next: { rows: this.#rows, offset: this.#offset } }
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

  #parse(line: string): RecordData {
    const value = tryParse(line)
    if (isJsonObject(value)) return value
    throw new MalformedRows(`has no JSON object in row ${String(this.#rows)}`)
  }
}

/** Undefined if it is not JSON: the message of the SyntaxError would show what is in the file. */
function tryParse(line: string): unknown {
  try {
    return parseExact(line)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
