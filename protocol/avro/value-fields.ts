import { isRawJson, stringifyExact } from '../exact-json.ts'
import type { RecordValue } from '../json.ts'
import { integralOf } from './integral-number.ts'
import { MomentParser, parseDate } from './iso-moment.ts'
import { branch, type WireKind } from './record-layout.ts'
import type { WireWriter } from './wire-writer.ts'

const MAX_SAFE_LONG = 2 ** 52
const MIN_INT64 = -(2n ** 63n)
const MAX_INT64 = 2n ** 63n - 1n

/** The path for objects: one value of a record to one field of the wire. */
export class ValueFields {
  readonly #writer: WireWriter
  readonly #moment = new MomentParser()
  /** ASCII of the text that is being parsed: the parsers read bytes, so that both paths share them. */
  readonly #ascii = new Uint8Array(48)

  constructor(writer: WireWriter) {
    this.#writer = writer
  }

  /**
   * Writes the field; false if the kind cannot hold the value (then what was written is to be taken back).
   */
  write(kind: WireKind, value: Exclude<RecordValue, null>): boolean {
    const writer = this.#writer
    writer.reserve(16)
    writer.byte(branch.value)
    switch (kind) {
      case 'string':
        return this.#text(value)
      case 'integer':
        return this.#integer(value)
      case 'boolean':
        return this.#boolean(value)
      case 'number':
        return this.#number(value)
      case 'double':
        return this.#double(value)
      case 'date':
      case 'time':
      case 'timestamp':
      case 'timestamptz':
        return this.#writeDate(kind, value)
      case 'bytes':
        return this.#bytes(value)
      case 'json':
        return writer.text(stringifyExact(value))
    }
  }

  #text(value: RecordValue): boolean {
    return typeof value === 'string' && this.#writer.text(value)
  }

  #boolean(value: RecordValue): boolean {
    if (typeof value !== 'boolean') return false
    this.#writer.byte(value ? 1 : 0)
    return true
  }

  #integer(value: RecordValue): boolean {
    if (typeof value === 'number') {
      if (!Number.isInteger(value)) return false
      if (Math.abs(value) > MAX_SAFE_LONG) return this.#bigInteger(BigInt(value))
      this.#writer.long(value)
      return true
    }
    if (typeof value === 'bigint') return this.#bigInteger(value)
    if (!isRawJson(value)) return false
    const integral = integralOf(value.rawJSON)
    return integral !== undefined && this.#bigInteger(integral)
  }

  #bigInteger(value: bigint): boolean {
    if (value < MIN_INT64 || value > MAX_INT64) return false
    this.#writer.bigLong(value)
    return true
  }

  #number(value: RecordValue): boolean {
    if (typeof value === 'number' || typeof value === 'bigint') {
      return this.#writer.text(String(value))
    }
    return isRawJson(value) && /^[-0-9]/.test(value.rawJSON) && this.#writer.text(value.rawJSON)
  }

  #double(value: RecordValue): boolean {
    const double = typeof value === 'bigint' ? Number(value) : value
    if (typeof double !== 'number') return false
    if (typeof value === 'bigint' && !(Number.isFinite(double) && BigInt(double) === value))
      return false
    this.#writer.double(double)
    return true
  }

  #writeDate(kind: 'date' | 'time' | 'timestamp' | 'timestamptz', value: RecordValue): boolean {
    if (typeof value !== 'string') return false
    const length = this.#toAscii(value)
    if (kind === 'date') return this.#longUnlessNaN(parseDate(this.#ascii, 0, length))
    if (kind === 'time') return this.#longUnlessNaN(this.#moment.time(this.#ascii, 0, length))
    if (this.#moment.timestamp(this.#ascii, 0) !== length) return false
    if (kind === 'timestamp' && this.#moment.zoned) return false
    this.#moment.write(this.#writer)
    return true
  }

  #longUnlessNaN(value: number): boolean {
    if (Number.isNaN(value)) return false
    this.#writer.long(value)
    return true
  }

  /**
   * Returns the length, and ends the text with a zero; 0 if it is too long or not ASCII: then it is not a
   * date either.
   */
  #toAscii(text: string): number {
    this.#ascii[0] = 0
    if (text.length >= this.#ascii.length) return 0
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) return 0
      this.#ascii[i] = code
    }
    this.#ascii[text.length] = 0
    return text.length
  }

  #bytes(value: RecordValue): boolean {
    const bytes = typeof value === 'string' ? bytesOfBase64(value) : value
    if (!(bytes instanceof Uint8Array)) return false
    const writer = this.#writer
    writer.reserve(bytes.length + 5)
    writer.long(bytes.length)
    writer.copy(bytes, 0, bytes.length)
    return true
  }
}

function bytesOfBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined
  return Buffer.from(text, 'base64')
}
