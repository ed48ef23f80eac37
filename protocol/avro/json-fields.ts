import type { Column } from '../columns.ts'
import { parseExact, stringifyExact } from '../exact-json.ts'
import { isJsonObject, type RecordData, type RecordValue } from '../json.ts'
import { MomentParser, parseDate } from './iso-moment.ts'
import { JsonScanner, NO_JSON } from './json-scanner.ts'
import type { Overflow } from './overflow.ts'
import { branch, type WireKind } from './record-layout.ts'
import type { ValueFields } from './value-fields.ts'
import type { WireWriter } from './wire-writer.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const NULL = 0x6e
const TRUE = 0x74

/** Numbers up to this length need no look at their digits. */
const SHORT_NUMBER = 15

/** Longer ones are no moments on the path of objects. */
const LONGEST_MOMENT = 47

/** Where the fields go. */
export interface JsonFieldsOptions {
  readonly columns: readonly Column[]
  readonly kinds: readonly WireKind[]
  readonly writer: WireWriter
  readonly values: ValueFields
  readonly overflow: Overflow
}

/**
 * The fast path from JSON: the fields of an object, as bytes, to fields of the wire. It first finds where
 * each value is, and then writes the values in the order of the columns, from their bytes. A value that has
 * no short way takes that of objects (`ValueFields`), by itself: the bytes are the same.
 */
export class JsonFields {
  readonly #options: JsonFieldsOptions
  readonly #scanner = new JsonScanner()
  readonly #moment = new MomentParser()
  /** The names of the columns as they stand in JSON, with quotes. */
  readonly #names: readonly Uint8Array[]
  readonly #columnOf: ReadonlyMap<string, number>
  /** Where the value of each column is, and whether it is canonical; of the record `#record`. */
  readonly #starts: Int32Array
  readonly #ends: Int32Array
  readonly #canonical: Uint8Array
  readonly #seen: Int32Array
  #record = 0
  /** The columns of the record before, in the order of its names: the next one mostly has the same. */
  readonly #order: number[] = []
  /** Fields without a column: their names as JSON, and begin and end of their values. */
  readonly #undeclaredNames: string[] = []
  readonly #undeclaredBounds: number[] = []
  #text: Buffer = Buffer.alloc(0)

  constructor(options: JsonFieldsOptions) {
    const { columns } = options
    this.#options = options
    this.#names = columns.map(({ name }) => Buffer.from(JSON.stringify(name)))
    this.#columnOf = new Map(columns.map(({ name }, index) => [JSON.stringify(name), index]))
    this.#starts = new Int32Array(columns.length)
    this.#ends = new Int32Array(columns.length)
    this.#canonical = new Uint8Array(columns.length)
    this.#seen = new Int32Array(columns.length)
  }

  /** The bytes that the objects are in: UTF-8. */
  get bytes(): Uint8Array {
    return this.#scanner.bytes
  }

  set bytes(bytes: Uint8Array) {
    this.#scanner.bytes = bytes
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  /**
   * Finds the fields of the object in these bytes. False if it is not exactly one object, or one that only an
   * object of JavaScript can stand for: with a name twice, or names that are numbers.
   */
  find(start: number, end: number): boolean {
    const scanner = this.#scanner
    const { bytes } = scanner
    this.#record += 1
    if (this.#undeclaredNames.length > 0) {
      this.#undeclaredNames.length = 0
      this.#undeclaredBounds.length = 0
    }
    if (bytes[start] !== OPEN_OBJECT) return false
    let position = scanner.skipSpace(start + 1)
    if (bytes[position] === CLOSE_OBJECT) return position + 1 === end
    for (let index = 0; ; index += 1) {
      position = this.#member(index, position)
      if (position < 0) return false
      position = scanner.skipSpace(position)
      if (bytes[position] === CLOSE_OBJECT) return position + 1 === end && !this.#hasTwice()
      if (bytes[position] !== COMMA) return false
      position = scanner.skipSpace(position + 1)
    }
  }

  /** The object in these bytes, for one that `find` refuses. Throws a SyntaxError if it is none. */
  parse(start: number, end: number): RecordData {
    const value = this.#valueOf(start, end)
    if (isJsonObject(value)) return value
    throw new SyntaxError('a record is no JSON object')
  }

  #hasTwice(): boolean {
    const { length } = this.#undeclaredNames
    return length > 1 && new Set(this.#undeclaredNames).size !== length
  }

  /** False if the object has no such field. */
  has(column: number): boolean {
    return this.#seen[column] === this.#record
  }

  /**
   * Writes the field of a column that the object has. Returns the JSON of a value that the kind cannot hold:
   * then what was written is to be taken back.
   */
  write(column: number): string | undefined {
    const start = this.#starts[column] ?? 0
    const end = this.#ends[column] ?? 0
    const { writer, kinds } = this.#options
    const kind = kinds[column] ?? 'json'
    if (this.bytes[start] === NULL) {
      writer.reserve(1)
      writer.byte(branch.null)
      return undefined
    }
    const before = writer.position
    writer.reserve(end - start + 16)
    writer.byte(branch.value)
    if (this.#canonical[column] === 1 && this.#writeBytes(kind, { start, end })) return undefined
    writer.position = before
    const value = this.#valueOf(start, end)
    if (value === null || this.#options.values.write(kind, value)) return undefined
    return stringifyExact(value)
  }

  /** Puts the fields that have no column into the overflow map. */
  keepUndeclared(): void {
    const bounds = this.#undeclaredBounds
    for (const [index, name] of this.#undeclaredNames.entries()) {
      const value = this.#valueOf(bounds[2 * index] ?? 0, bounds[2 * index + 1] ?? 0)
      this.#options.overflow.add(String(JSON.parse(name)), stringifyExact(value))
    }
  }

  /** Finds one name and its value; returns the position behind them, negative if that is not possible. */
  #member(index: number, start: number): number {
    const scanner = this.#scanner
    const { bytes } = scanner
    const guess = this.#order[index] ?? 0
    const isGuessed = this.#isName(guess, start)
    const nameEnd = isGuessed ? start + (this.#names[guess]?.length ?? 0) : this.#endOfName(start)
    if (nameEnd < 0) return NO_JSON
    const name = isGuessed ? '' : this.#text.toString('utf8', start, nameEnd)
    const column = isGuessed ? guess : this.#columnOf.get(name)
    const colon = scanner.skipSpace(nameEnd)
    if (bytes[colon] !== COLON) return NO_JSON
    const valueAt = scanner.skipSpace(colon + 1)
    const valueEnd = scanner.value(valueAt)
    if (valueEnd < 0) return NO_JSON
    if (column === undefined) {
      this.#undeclaredNames.push(name)
      this.#undeclaredBounds.push(valueAt, valueEnd)
      return valueEnd
    }
    if (this.#seen[column] === this.#record) return NO_JSON
    this.#order[index] = column
    this.#note(column, valueAt, valueEnd)
    return valueEnd
  }

  #note(column: number, start: number, end: number): void {
    this.#seen[column] = this.#record
    this.#starts[column] = start
    this.#ends[column] = end
    this.#canonical[column] = this.#scanner.isCanonical ? 1 : 0
  }

  #isName(column: number, start: number): boolean {
    const name = this.#names[column]
    if (name === undefined) return false
    const { bytes } = this
    for (let index = 0; index < name.length; index += 1)
      if (bytes[start + index] !== name[index]) return false
    return true
  }

  /** A name in its plain form; negative for one with escapes, or that is a number. */
  #endOfName(start: number): number {
    const { bytes } = this
    const first = bytes[start + 1] ?? 0
    if (bytes[start] !== QUOTE || (first >= 0x30 && first <= 0x39)) return NO_JSON
    return this.#scanner.plainString(start)
  }

  #valueOf(start: number, end: number): RecordValue {
    return parseExact(this.#text.toString('utf8', start, end))
  }

  /** For a canonical value; false if it has no short way. */
  #writeBytes(kind: WireKind, value: FoundValue): boolean {
    switch (kind) {
      case 'string':
        return this.#string(value)
      case 'json':
        return this.#copy(value.start, value.end)
      case 'integer':
        return this.#options.writer.longOfDigits(this.bytes, value.start, value.end)
      case 'number':
        return this.#number(value)
      case 'double':
        return this.#double(value)
      case 'boolean':
        return this.#boolean(value)
      case 'date':
      case 'time':
      case 'timestamp':
      case 'timestamptz':
        return this.#writeMoment(kind, value)
      case 'bytes':
        return false
    }
  }

  #string(value: FoundValue): boolean {
    return this.#isString(value) && this.#copy(value.start + 1, value.end - 1)
  }

  #number(value: FoundValue): boolean {
    return this.#isNumber(value) && this.#copy(value.start, value.end)
  }

  #copy(start: number, end: number): boolean {
    const { writer } = this.#options
    writer.long(end - start)
    writer.copy(this.bytes, start, end)
    return true
  }

  #isString({ start }: FoundValue): boolean {
    return this.bytes[start] === QUOTE
  }

  #isNumber({ start, end }: FoundValue): boolean {
    const byte = this.bytes[start] ?? 0
    return end - start <= SHORT_NUMBER && (byte === 0x2d || (byte >= 0x30 && byte <= 0x39))
  }

  #double(value: FoundValue): boolean {
    if (!this.#isNumber(value)) return false
    this.#options.writer.double(Number(this.#text.toString('latin1', value.start, value.end)))
    return true
  }

  #boolean({ start }: FoundValue): boolean {
    const byte = this.bytes[start]
    if (byte !== TRUE && byte !== 0x66) return false
    this.#options.writer.byte(byte === TRUE ? 1 : 0)
    return true
  }

  #writeMoment(kind: 'date' | 'time' | 'timestamp' | 'timestamptz', value: FoundValue): boolean {
    const [start, end] = [value.start + 1, value.end - 1]
    if (!this.#isString(value) || end - start > LONGEST_MOMENT) return false
    const { bytes } = this
    const { writer } = this.#options
    const moment = this.#moment
    if (kind === 'date' || kind === 'time') {
      const number = kind === 'date' ? parseDate(bytes, start, end) : moment.time(bytes, start, end)
      if (Number.isNaN(number)) return false
      writer.long(number)
      return true
    }
    if (moment.timestamp(bytes, start) !== end) return false
    if (kind === 'timestamp' && moment.zoned) return false
    moment.write(writer)
    return true
  }
}

/** Where a value begins and ends. */
interface FoundValue {
  readonly start: number
  readonly end: number
}
