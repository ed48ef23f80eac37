import type { Schema, Type } from 'avsc'
import type { Column } from '../columns.ts'
import { exactNumber, parseDigits, parseExact, writtenDigits } from '../exact-json.ts'
import type { RecordData, RecordValue } from '../json.ts'
import { recordSchemaOf } from './avro-schema.ts'
import type { AvroSchema } from './avro-types.ts'
import { avsc } from './avsc.ts'
import { formatDate, formatTime, formatTimestamp } from './iso-moment.ts'
import { recordFields, wireKind, type WireKind } from './record-layout.ts'

/** A record as it was given to the encoder. */
export interface DecodedRecord {
  readonly extractedAtMs: number
  /** The source's `meta.changes`; absent if there are none. */
  readonly changes?: RecordValue
  readonly data: RecordData
}

/**
 * Decodes the records of a block (without array framing) into objects; the overflow map is merged back, and
 * what was missing is missing again. Integers beyond 2^53 are bigints, decimals that a double would change
 * are `RawJson`, dates and times are ISO text (timestamps with a zone in UTC), bytes are a Uint8Array.
 *
 * `digits`: a decimal is a `RawJson` too if a double has its value, but would be printed otherwise (`1.50`).
 *
 * For consumers, tests and transformations: the sink transcodes the bytes instead.
 */
export function decodeBlock(
  bytes: Uint8Array,
  count: number,
  columns: readonly Column[],
  numbers: Numbers = 'values',
): DecodedRecord[] {
  const decoder = decoders[numbers].get(columns) ?? new RecordDecoder(columns, numbers)
  decoders[numbers].set(columns, decoder)
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const records: DecodedRecord[] = []
  let position = 0
  for (let index = 0; index < count; index++) {
    const { record, next } = decoder.decode(buffer, position)
    records.push(record)
    position = next
  }
  return records
}

/**
 * One costs as much as to decode many records: a caller that decodes single records gives the same columns
 * each time.
 */
const decoders = {
  values: new WeakMap<readonly Column[], RecordDecoder>(),
  digits: new WeakMap<readonly Column[], RecordDecoder>(),
}

/** The part of a decimal number that is preserved. */
type Numbers = 'values' | 'digits'

/** The schema as avsc takes it: a document of its own, which avsc may change. */
export function forAvsc(schema: AvroSchema): Schema {
  return JSON.parse(JSON.stringify(schema)) as Schema
}

/** The value that avsc returns for a field: a long is a number, or a bigint beyond 2^53. */
type Held = boolean | number | bigint | string | Buffer

type WireRecord = Readonly<Record<string, Held | null | OverflowEntry[]>>

interface OverflowEntry {
  readonly key: string
  readonly value: string | null
}

class RecordDecoder {
  readonly #columns: readonly { readonly name: string; readonly kind: WireKind; field: string }[]
  readonly #type: Type
  readonly #valueOf: ValuesOfKinds
  readonly #parse: (json: string) => RecordValue

  constructor(columns: readonly Column[], numbers: Numbers) {
    this.#valueOf = numbers === 'digits' ? digitsOf : valueOf
    this.#parse = numbers === 'digits' ? parseDigits : parseExact
    const schema = recordSchemaOf({ name: 'record' }, columns)
    const [extractedAt, changes, , ...fields] = schema.fields
    this.#columns = columns.map(({ name, kind }, index) => ({
      name,
      kind: wireKind(kind),
      field: fields[index]?.name ?? '',
    }))
    const decoded = { ...schema, fields: [extractedAt, changes, overflowAsPairs, ...fields] }
    this.#type = avsc().Type.forSchema(JSON.parse(JSON.stringify(decoded)) as Schema, {
      typeHook: exactLongs(),
    })
  }

  decode(
    bytes: Buffer,
    position: number,
  ): { readonly record: DecodedRecord; readonly next: number } {
    const decoded = this.#type.decode(bytes, position)
    const value = decoded.value as WireRecord
    const { [recordFields.overflow]: pairs, [recordFields.changes]: changes } = value
    const overflow = new Map(
      Array.isArray(pairs) ? pairs.map(({ key, value }) => [key, value]) : [],
    )
    const entries: [string, RecordValue][] = []
    for (const { name, kind, field } of this.#columns) {
      const original = overflow.get(name)
      overflow.delete(name)
      if (original === null) continue
      const held = value[field]
      if (original !== undefined) entries.push([name, this.#parse(original)])
      else entries.push([name, isHeld(held) ? this.#valueOf[kind](held) : null])
    }
    for (const [name, json] of overflow)
      entries.push([name, json === null ? null : this.#parse(json)])
    const record = {
      extractedAtMs: Number(value[recordFields.extractedAt]),
      ...(typeof changes === 'string' && { changes: parseExact(changes) }),
      // fromEntries defines properties, so that a field named __proto__ is one.
      data: Object.fromEntries(entries),
    }
    return { record, next: decoded.offset }
  }
}

/** An array of pairs is a map on the wire; avsc's maps lose the key `__proto__`. */
const overflowAsPairs = {
  name: recordFields.overflow,
  type: [
    'null',
    {
      type: 'array',
      items: {
        type: 'record',
        name: 'Entry',
        fields: [
          { name: 'key', type: 'string' },
          { name: 'value', type: ['null', 'string'] },
        ],
      },
    },
  ],
}

/** For avsc's `typeHook`: a long is a number, or a bigint beyond 2^53. */
export function exactLongs(): (schema: Schema) => Type | undefined {
  const long = exactLong()
  return (schema) => (isLong(schema) ? long : undefined)
}

function isLong(schema: Schema): boolean {
  return (
    schema === 'long' || (typeof schema === 'object' && 'type' in schema && schema.type === 'long')
  )
}

function exactLong(): Type {
  return avsc().types.LongType.__with({
    fromBuffer: (buffer: Buffer) => {
      const value = buffer.readBigInt64LE()
      const number = Number(value)
      return Number.isSafeInteger(number) ? number : value
    },
    toBuffer: (value: number | bigint) => {
      const buffer = Buffer.alloc(8)
      buffer.writeBigInt64LE(BigInt(value))
      return buffer
    },
    fromJSON: BigInt,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'number' || typeof value === 'bigint',
    compare: (left: number | bigint, right: number | bigint) =>
      Number(left > right) - Number(left < right),
  })
}

function isHeld(value: Held | null | undefined | OverflowEntry[]): value is Held {
  return value !== null && value !== undefined && !Array.isArray(value)
}

type ValuesOfKinds = Readonly<Record<WireKind, (held: Held) => RecordValue>>

const valueOf: ValuesOfKinds = {
  boolean: (held) => held,
  integer: (held) => held,
  number: (held) => numberOf(String(held), exactNumber),
  double: (held) => held,
  string: (held) => held,
  date: (held) => formatDate(Number(held)),
  timestamptz: (held) => `${formatTimestamp(integerOf(held))}Z`,
  timestamp: (held) => formatTimestamp(integerOf(held)),
  time: (held) => formatTime(Number(held)),
  bytes: (held) => (held instanceof Uint8Array ? Uint8Array.from(held) : held),
  json: (held) => parseExact(String(held)),
}

const digitsOf: ValuesOfKinds = {
  ...valueOf,
  number: (held) => numberOf(String(held), writtenDigits),
  json: (held) => parseDigits(String(held)),
}

function integerOf(held: Held): bigint {
  return typeof held === 'bigint' ? held : BigInt(Number(held))
}

function numberOf(digits: string, parse: (digits: string) => RecordValue): RecordValue {
  return /^-?[0-9]/.test(digits) ? parse(digits) : Number(digits)
}
