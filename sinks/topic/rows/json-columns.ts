import { branch, type Column } from '../../../protocol/index.ts'
import type { ByteOutput } from '../../wire/byte-output.ts'
import { JsonFields, jsonCodeOf, valueBytes } from './json-fields.ts'
import type { WireRecord } from './wire-record.ts'

const COMMA = 0x2c
const nullText = Buffer.from('null')

export interface JsonColumn extends Column {
  /** By its number in the wire. */
  readonly index: number
  /** The name of the property. */
  readonly label: string
}

/** Writes some columns of records as properties of a JSON object, each with a comma behind it. */
export class JsonColumns {
  readonly #out: ByteOutput
  readonly #record: WireRecord
  readonly #fields: JsonFields
  readonly #names: readonly string[]
  readonly #indexes: Int32Array
  readonly #codes: Uint8Array
  /** `"name":` of each. */
  readonly #labels: readonly Buffer[]
  readonly #missing: 'null' | 'left out'

  /** `missing`: what becomes of a field that a record does not have. */
  constructor(
    columns: readonly JsonColumn[],
    dependencies: {
      readonly out: ByteOutput
      readonly record: WireRecord
      readonly missing: 'null' | 'left out'
    },
  ) {
    const { out, record, missing } = dependencies
    this.#out = out
    this.#record = record
    this.#missing = missing
    this.#fields = new JsonFields(out, record.wire)
    this.#names = columns.map(({ name }) => name)
    this.#indexes = Int32Array.from(columns, ({ index }) => index)
    this.#codes = Uint8Array.from(columns, ({ kind }) => jsonCodeOf(kind))
    this.#labels = columns.map(({ label }) => Buffer.from(`${JSON.stringify(label)}:`))
  }

  /** Those of the current record. */
  write(): void {
    const out = this.#out
    const { wire, fieldAt } = this.#record
    const labels = this.#labels
    for (let column = 0; column < labels.length; column++) {
      const label = labels[column] ?? nullText
      const position = fieldAt[this.#indexes[column] ?? 0] ?? 0
      if (wire.input[position] === branch.null) {
        this.#writeNull(column, label)
        continue
      }
      out.reserve(label.length + valueBytes)
      writeBytes(out, label)
      wire.offset = position + 1
      this.#fields.write(this.#codes[column] ?? 0)
      out.bytes[out.offset++] = COMMA
    }
  }

  /** NULL, or a value that came as JSON because the column's kind cannot hold it. */
  #writeNull(column: number, label: Buffer): void {
    const entry = this.#record.overflow?.get(this.#names[column] ?? '')
    if (entry === null && this.#missing === 'left out') return
    const out = this.#out
    out.reserve(label.length + valueBytes)
    writeBytes(out, label)
    if (entry === undefined || entry === null) writeBytes(out, nullText)
    else out.append(Buffer.from(entry))
    out.bytes[out.offset++] = COMMA
  }
}

/** The object's end takes the place of the comma behind its last property. */
export function closeObject(out: ByteOutput): void {
  out.reserve(1)
  if (out.bytes[out.offset - 1] === COMMA) out.offset -= 1
  out.bytes[out.offset++] = 0x7d
}

/** A few bytes, for which there is room: cheaper than a call of `set`. */
function writeBytes(out: ByteOutput, from: Buffer): void {
  const { bytes, offset } = out
  for (let index = 0; index < from.length; index++) bytes[offset + index] = from[index] ?? 0
  out.offset = offset + from.length
}
