import { isUtf8 } from 'node:buffer'
import { JsonLinesDecoder, type JsonLine } from '../../protocol/index.ts'
import { RecordShape } from './record-shape.ts'

const NEWLINE = 0x0a

/** Lines in order: records as bytes, or whatever a line is. */
export type ReadLines =
  | {
      readonly kind: 'objects'
      readonly shape: RecordShape
      readonly bytes: Uint8Array
      /** Where the data of each record begins and ends. */
      readonly bounds: readonly number[]
      readonly emittedAtMs: number
    }
  | { readonly kind: 'lines'; readonly lines: readonly JsonLine[] }

/**
 * Splits the output of a connector into lines, and leaves the data of records as the bytes that they are: the
 * output of the lane makes rows of them without objects. Lines that are written in another way than the
 * record before them are parsed as a whole.
 */
export class RecordLines {
  readonly #decoder = new JsonLinesDecoder()
  #shape: RecordShape | undefined
  /** The decoder has the beginning of a line. */
  #isOpen = false

  /** The lines that end in this chunk, which must not change as long as they are used. */
  push(chunk: Uint8Array): readonly ReadLines[] {
    const last = chunk.lastIndexOf(NEWLINE)
    if (last < 0) return this.#keep(chunk)
    const found: ReadLines[] = []
    const start = this.#isOpen ? chunk.indexOf(NEWLINE) + 1 : 0
    if (start > 0) this.#parse(found, chunk.subarray(0, start))
    if (isUtf8(chunk.subarray(start, last + 1))) this.#split(found, chunk, { start, last })
    else this.#parse(found, chunk.subarray(start, last + 1))
    if (last + 1 < chunk.length) this.#keep(chunk.subarray(last + 1))
    return found
  }

  /** The last line, if the output ended without a newline. */
  end(): readonly ReadLines[] {
    const lines = this.#decoder.end()
    return lines.length > 0 ? [{ kind: 'lines', lines }] : []
  }

  #keep(part: Uint8Array): readonly ReadLines[] {
    this.#decoder.push(part)
    this.#isOpen ||= part.length > 0
    return []
  }

  #split(
    found: ReadLines[],
    chunk: Uint8Array,
    { start, last }: { readonly start: number; readonly last: number },
  ): void {
    let lineAt = start
    while (lineAt <= last) {
      const reached = this.#records(found, chunk, { start: lineAt, last })
      if (reached > last) return
      const next = chunk.indexOf(NEWLINE, reached) + 1
      this.#parse(found, chunk.subarray(reached, next))
      lineAt = next
    }
  }

  /** Takes records of the known shape; returns where the first other line begins. */
  #records(
    found: ReadLines[],
    bytes: Uint8Array,
    { start, last }: { readonly start: number; readonly last: number },
  ): number {
    const shape = this.#shape
    if (shape === undefined) return start
    const bounds: number[] = []
    let position = start
    while (position <= last) {
      const dataStart = shape.dataStart(bytes, position)
      if (dataStart < 0) break
      const lineEnd = bytes.indexOf(NEWLINE, dataStart)
      const dataEnd = shape.dataEnd(bytes, lineEnd)
      if (dataEnd < dataStart) break
      bounds.push(dataStart, dataEnd)
      position = lineEnd + 1
    }
    const lastEnd = bounds.at(-1)
    if (lastEnd === undefined) return start
    const emittedAtMs = shape.emittedAtMs(bytes, lastEnd)
    found.push({ kind: 'objects', shape, bytes, bounds, emittedAtMs })
    return position
  }

  /** Whole lines. The shape of the last one is that of the next ones, if it is a record. */
  #parse(found: ReadLines[], part: Uint8Array): void {
    const wasOpen = this.#isOpen
    this.#isOpen = false
    const lines = this.#decoder.push(part)
    if (lines.length === 0) return
    found.push({ kind: 'lines', lines })
    const last = lines.at(-1)
    if (wasOpen || last?.kind !== 'message' || last.message.type !== 'RECORD') return
    const text = Buffer.from(part.buffer, part.byteOffset, part.length - 1)
    this.#shape = RecordShape.of(text.toString('utf8', text.lastIndexOf(NEWLINE) + 1))
  }
}
