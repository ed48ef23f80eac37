import { isUtf8 } from 'node:buffer'
import { DecodeError } from './decode-error.ts'
import * as json from './json-bytes.ts'
import { limitPiece } from './piece-limit.ts'
import type { JsonPath } from './json-path.ts'
import type { Value } from '../../value/value.ts'

export interface ElementsOptions {
  readonly path: JsonPath
  /** Reads one JSON text. Throws a SyntaxError. */
  readonly parse: (text: string) => Value
  /** For tests: the limit of one value. */
  readonly maxPieceBytes?: number
}

/**
 * Reads the values at a path of a JSON document without holding the document: bytes in, batches of values
 * out. An array's elements are cut at commas by looking at brackets and quotes only, and a batch of them is
 * parsed at once. Values outside the path are skipped: only their brackets and quotes are looked at.
 */
export class JsonElements {
  readonly #path: JsonPath
  readonly #parseText: (text: string) => Value
  readonly #maxPieceBytes: number | undefined
  #mode: Mode = 'value'
  /** The states of the open containers that lead to the path, and whether they are arrays. */
  readonly #states: number[] = []
  readonly #arrays: boolean[] = []
  /** The state of the value that comes next. */
  #next: number
  /** Inside of a value: the open brackets, and the position in a text. */
  #depth = 0
  #inText = false
  #escaped = false
  /** The value that is read is wanted. */
  #keeps = false
  /** Bytes of the key, the value or the batch that is being read, from chunks that are gone. */
  #pieces: Uint8Array[] = []
  #pieceBytes = 0
  /** A batch of the array has been returned: the text after its last comma may not be blank. */
  #gaveElements = false
  #ready: Value[][] = []

  constructor({ path, parse, maxPieceBytes }: ElementsOptions) {
    this.#path = path
    this.#parseText = parse
    this.#maxPieceBytes = maxPieceBytes
    this.#next = path.start
  }

  /** Throws a `DecodeError` if the document is broken. */
  push(chunk: Uint8Array): void {
    let position = 0
    while (position < chunk.length) position = this.#step(chunk, position)
  }

  /** The end of the document. Throws a `DecodeError` if it is not complete. */
  end(): void {
    if (this.#mode === 'inside' && this.#depth === 0 && !this.#inText) this.#closeValue(nothing)
    if (this.#mode === 'elements') this.#giveCompleteElements(this.#collected(nothing))
    if (this.#mode !== 'done') throw incomplete('The JSON document ends too early.')
  }

  /** The batches that are complete, also those before an error. */
  take(): Value[][] {
    const ready = this.#ready
    this.#ready = []
    return ready
  }

  #step(chunk: Uint8Array, position: number): number {
    if (this.#mode === 'elements') return this.#readElements(chunk, position)
    if (this.#mode === 'key') return this.#readKey(chunk, position)
    if (this.#mode === 'inside')
      return this.#depth === 0 && !this.#inText
        ? this.#readScalar(chunk, position)
        : this.#readNested(chunk, position)
    const byte = chunk[position] ?? json.SPACE
    if (json.isSpace(byte)) return position + 1
    if (this.#mode === 'value') return this.#openValue(byte, position)
    this.#punctuate(this.#mode, byte)
    return position + 1
  }

  #punctuate(mode: BetweenTokens, byte: number): void {
    const inArray = this.#arrays.at(-1) === true
    if (mode !== 'colon' && this.#closes(byte)) {
      this.#closeContainer()
      return
    }
    const { expects, leadsTo } = punctuation[mode]
    if (byte !== expects) throw incomplete('The JSON document has an unexpected character.')
    this.#mode = mode === 'comma' && inArray ? 'value' : leadsTo
    this.#inText = leadsTo === 'key'
  }

  /** True for the bracket that closes the innermost container. */
  #closes(byte: number): boolean {
    const inArray = this.#arrays.at(-1)
    if (inArray === undefined) return false
    return byte === (inArray ? json.CLOSE_ARRAY : json.CLOSE_OBJECT)
  }

  #openValue(byte: number, position: number): number {
    const state = this.#next
    const isArray = byte === json.OPEN_ARRAY
    if (this.#arrays.at(-1) === true && this.#closes(byte)) {
      this.#closeContainer()
      return position + 1
    }
    if (isArray && state >= 0 && this.#path.hasElements(state)) {
      this.#mode = 'elements'
      this.#depth = 0
      this.#gaveElements = false
      return position + 1
    }
    this.#keeps = state >= 0 && this.#path.ends(state)
    if (state >= 0 && !this.#keeps && (isArray || byte === json.OPEN_OBJECT)) {
      this.#openContainer(state, isArray)
      return position + 1
    }
    if (!json.startsValue(byte)) throw incomplete('The JSON document has an unexpected character.')
    this.#mode = 'inside'
    this.#depth = 0
    return position
  }

  #openContainer(state: number, isArray: boolean): void {
    this.#states.push(state)
    this.#arrays.push(isArray)
    this.#mode = isArray ? 'value' : 'member'
    if (isArray) this.#next = this.#path.step(state, null)
  }

  #closeContainer(): void {
    this.#states.pop()
    this.#arrays.pop()
    this.#afterValue()
  }

  #afterValue(): void {
    const state = this.#states.at(-1)
    this.#mode = state === undefined ? 'done' : 'comma'
    if (state !== undefined && this.#arrays.at(-1) === true)
      this.#next = this.#path.step(state, null)
  }

  #readKey(chunk: Uint8Array, start: number): number {
    const end = this.#skipText(chunk, start)
    if (this.#inText) {
      this.#keep(chunk.subarray(start))
      return end
    }
    const key = this.#collected(chunk.subarray(start, end))
    const [text] = this.#parse(Buffer.concat([quote, key]), 'value')
    this.#next = this.#path.step(this.#states.at(-1) ?? -1, typeof text === 'string' ? text : '')
    this.#mode = 'colon'
    return end
  }

  /** The start of a text or a container, or all of a number, true, false, null. */
  #readScalar(chunk: Uint8Array, start: number): number {
    const kind = json.kinds[chunk[start] ?? 0]
    if (this.#pieceBytes === 0 && (kind === json.QUOTES || kind === json.OPENS)) {
      if (kind === json.QUOTES) this.#inText = true
      else this.#depth = 1
      if (this.#keeps) this.#keep(chunk.subarray(start, start + 1))
      return start + 1
    }
    let position = start
    while (position < chunk.length && !json.endsScalar(chunk[position] ?? json.COMMA)) position += 1
    if (position === chunk.length) this.#keep(chunk.subarray(start))
    else this.#closeValue(chunk.subarray(start, position))
    return position
  }

  /** The rest of a text or a container. */
  #readNested(chunk: Uint8Array, start: number): number {
    let position = start
    while (position < chunk.length) {
      if (this.#inText) position = this.#skipText(chunk, position)
      else {
        const kind = json.kinds[chunk[position] ?? 0]
        if (kind === json.QUOTES) this.#inText = true
        else if (kind === json.OPENS) this.#depth += 1
        else if (kind === json.CLOSES) this.#depth -= 1
        position += 1
      }
      if (this.#depth === 0 && !this.#inText) {
        this.#closeValue(this.#keeps ? chunk.subarray(start, position) : nothing)
        return position
      }
    }
    if (this.#keeps) this.#keep(chunk.subarray(start))
    return position
  }

  #closeValue(rest: Uint8Array): void {
    const bytes = this.#collected(rest)
    if (bytes.length > 0) {
      const values = this.#parse(bytes, 'value')
      if (this.#keeps && values.every((value) => this.#path.accepts(value)))
        this.#ready.push(values)
    }
    this.#afterValue()
  }

  /** The hot loop: it looks at each byte of the array once. */
  #readElements(chunk: Uint8Array, start: number): number {
    let from = start
    let boundary = -1
    let depth = this.#depth
    let position = start
    while (position < chunk.length) {
      if (this.#inText) {
        position = this.#skipText(chunk, position)
        continue
      }
      const kind = json.kinds[chunk[position] ?? 0]
      if (kind === json.QUOTES) this.#inText = true
      else if (kind === json.OPENS) depth += 1
      else if (kind === json.CLOSES) {
        if (depth === 0) return this.#closeElements(chunk, { from, position })
        depth -= 1
      } else if (kind === json.PARTS && depth === 0) {
        boundary = position
        if (this.#pieceBytes + position - from >= BATCH_BYTES) {
          this.#giveElements(chunk.subarray(from, position), 'more')
          from = position + 1
        }
      }
      position += 1
    }
    this.#depth = depth
    // Given as soon as the chunk is read: a slow response does not hold back what has arrived.
    if (boundary >= from) {
      this.#giveElements(chunk.subarray(from, boundary), 'more')
      from = boundary + 1
    }
    this.#keep(chunk.subarray(from))
    return position
  }

  #closeElements(
    chunk: Uint8Array,
    { from, position }: { readonly from: number; readonly position: number },
  ): number {
    this.#depth = 0
    if (chunk[position] === json.CLOSE_ARRAY) {
      this.#giveElements(chunk.subarray(from, position), 'last')
      this.#afterValue()
      return position + 1
    }
    this.#giveCompleteElements(this.#collected(chunk.subarray(from, position)))
    throw incomplete('The brackets of the JSON document do not match.')
  }

  /** A batch up to a comma, or the `last` one of its array. */
  #giveElements(rest: Uint8Array, position: 'more' | 'last'): void {
    const bytes = this.#collected(rest)
    if (!json.isBlank(bytes)) this.#ready.push(this.#parse(bytes, 'elements'))
    else if (position === 'more' || this.#gaveElements)
      throw incomplete('An array of the JSON document lacks an element.')
    this.#gaveElements = true
  }

  #parse(bytes: Uint8Array, kind: 'value' | 'elements'): Value[] {
    const values = this.#parsed(bytes)
    if (values !== undefined) return values
    if (kind === 'elements') this.#giveCompleteElements(bytes)
    if (!isUtf8(bytes)) throw incomplete('A part of the JSON document is not in UTF-8.')
    throw incomplete('A part of the JSON document cannot be parsed.')
  }

  /** The elements before a broken or incomplete element. */
  #giveCompleteElements(bytes: Uint8Array): void {
    const complete: Value[] = []
    for (const element of json.splitElements(bytes)) {
      const values = this.#parsed(element)
      if (values?.[0] === undefined) break
      complete.push(values[0])
    }
    if (complete.length > 0) this.#ready.push(complete)
  }

  /** Values that are parted by commas; undefined if they are no JSON. */
  #parsed(bytes: Uint8Array): Value[] | undefined {
    try {
      const values = this.#parseText(`[${utf8.decode(bytes)}]`)
      return Array.isArray(values) ? values : undefined
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof TypeError) return undefined
      throw error
    }
  }

  /** Goes behind the closing quote, or to the end of the chunk. */
  #skipText(chunk: Uint8Array, start: number): number {
    let position = this.#escaped ? start + 1 : start
    while (position < chunk.length) {
      const byte = chunk[position]
      if (byte === json.QUOTE) {
        this.#inText = false
        this.#escaped = false
        return position + 1
      }
      position += byte === json.BACKSLASH ? 2 : 1
    }
    this.#escaped = position > chunk.length
    return chunk.length
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#pieces.push(bytes)
    this.#pieceBytes += bytes.length
    limitPiece(this.#pieceBytes, this.#maxPieceBytes)
  }

  #collected(rest: Uint8Array): Uint8Array {
    if (this.#pieces.length === 0) return rest
    this.#keep(rest)
    const all = Buffer.concat(this.#pieces)
    this.#pieces = []
    this.#pieceBytes = 0
    return all
  }
}

/**
 * Between tokens: a key or the end of an object, a colon, a comma or the end of a container, nothing more.
 */
type BetweenTokens = 'member' | 'colon' | 'comma' | 'done'
/** Before a value; in a key, in a value that is stepped over or kept, in the array that is wanted. */
type Mode = BetweenTokens | 'value' | 'key' | 'inside' | 'elements'

const punctuation: Record<BetweenTokens, { readonly expects: number; readonly leadsTo: Mode }> = {
  member: { expects: json.QUOTE, leadsTo: 'key' },
  colon: { expects: json.COLON, leadsTo: 'value' },
  comma: { expects: json.COMMA, leadsTo: 'member' },
  done: { expects: -1, leadsTo: 'done' },
}

/** An array's elements are parsed in batches of about this size. */
const BATCH_BYTES = 256 * 1024
const nothing = new Uint8Array(0)
const quote = Uint8Array.of(json.QUOTE)
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function incomplete(message: string): DecodeError {
  return new DecodeError('IncompleteJSONError', message)
}
