import {
  columnsOf,
  isRawJson,
  type ColumnKind,
  type JsonObject,
  type RecordData,
  type RecordValue,
} from '../../protocol/index.ts'
import { booleans, integerText, numberText } from '../../rows/csv-values.ts'
import type { columnTypes } from './config.ts'

const dateText = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/
const momentText =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(Z|[+-]\d{2}:?\d{2})?$/

/** The columns that rows of some files have, with types that can hold their values. */
export class SampledColumns {
  /** Undefined: no value was seen yet. */
  readonly #kinds = new Map<string, ColumnKind | undefined>()

  /** Rows of a format without a schema. */
  addRows(rows: readonly RecordData[]): void {
    for (const row of rows)
      for (const [name, value] of Object.entries(row))
        this.#add(name, value === undefined ? undefined : kindOfValue(value))
  }

  /** Texts: their forms say what they are. */
  addTexts(rows: readonly RecordData[], { inferTypes }: { readonly inferTypes: boolean }): void {
    for (const row of rows)
      for (const [name, value] of Object.entries(row))
        this.#add(name, typeof value !== 'string' ? undefined : kindOfText(value, inferTypes))
  }

  /** Columns whose types the file itself declares. */
  addProperties(properties: JsonObject): void {
    for (const { name, kind } of columnsOf({ properties })) this.#add(name, kind)
  }

  /** JSON Schema. A column without a value is a text. */
  get properties(): Record<string, JsonObject> {
    const entries = [...this.#kinds].map(([name, kind]) => [name, schemaOfKind(kind ?? 'string')])
    return Object.fromEntries(entries) as Record<string, JsonObject>
  }

  #add(name: string, kind: ColumnKind | undefined): void {
    const before = this.#kinds.get(name)
    this.#kinds.set(
      name,
      before === undefined || kind === undefined ? (kind ?? before) : wider(before, kind),
    )
  }
}

const numeric: readonly ColumnKind[] = ['integer', 'number', 'double']

/** A kind that holds the values of both. */
function wider(left: ColumnKind, right: ColumnKind): ColumnKind {
  if (left === right) return left
  if (left === 'json' || right === 'json') return 'json'
  return numeric.includes(left) && numeric.includes(right) ? 'number' : 'string'
}

function kindOfValue(value: RecordValue): ColumnKind | undefined {
  if (value === null) return undefined
  if (typeof value === 'string') return momentKindOf(value) ?? 'string'
  if (typeof value === 'boolean') return 'boolean'
  if (typeof value === 'bigint') return kindOfInteger(value)
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return isRawJson(value) ? 'number' : 'json'
}

function kindOfText(text: string, inferTypes: boolean): ColumnKind {
  if (!inferTypes) return 'string'
  if (integerText.test(text)) return kindOfInteger(BigInt(text))
  if (numberText.test(text)) return 'number'
  if (booleans.has(text.toLowerCase())) return 'boolean'
  return momentKindOf(text) ?? 'string'
}

/** A BIGINT has 64 bits. */
function kindOfInteger(value: bigint): ColumnKind {
  return BigInt.asIntN(64, value) === value ? 'integer' : 'number'
}

function momentKindOf(text: string): ColumnKind | undefined {
  if (text.length < 10) return undefined
  if (dateText.test(text)) return 'date'
  const zone = momentText.exec(text)
  if (zone === null) return undefined
  return zone[1] === undefined ? 'timestamp' : 'timestamptz'
}

const nullable = (type: string, more: JsonObject = {}): JsonObject => ({
  type: ['null', type],
  ...more,
})

const schemas: Readonly<Partial<Record<ColumnKind, JsonObject>>> = {
  boolean: nullable('boolean'),
  integer: nullable('integer'),
  number: nullable('number'),
  double: nullable('number', { airbyte_type: 'double' }),
  date: nullable('string', { format: 'date' }),
  timestamptz: nullable('string', {
    format: 'date-time',
    airbyte_type: 'timestamp_with_timezone',
  }),
  timestamp: nullable('string', {
    format: 'date-time',
    airbyte_type: 'timestamp_without_timezone',
  }),
  time: nullable('string', { format: 'time', airbyte_type: 'time_without_timezone' }),
  timetz: nullable('string', { format: 'time', airbyte_type: 'time_with_timezone' }),
  bytes: nullable('string', { contentEncoding: 'base64' }),
  json: { type: ['null', 'object', 'array', 'string', 'number', 'boolean'] },
}

export function schemaOfKind(kind: ColumnKind | (typeof columnTypes)[number]): JsonObject {
  return schemas[kind] ?? nullable('string')
}
