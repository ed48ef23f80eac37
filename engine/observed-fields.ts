import { isRawJson, type RecordData, type RecordValue } from '../protocol/index.ts'

/** A JSON type, or a format of strings. */
export type ObservedType =
  | 'null'
  | 'boolean'
  | 'integer'
  | 'number'
  | 'string'
  | 'date'
  | 'date-time'
  | 'bytes'
  | 'object'
  | 'array'

/** The values of one field in the records. Plain data: it crosses a thread. */
export interface ObservedField {
  readonly name: string
  /** Records by the type of the field's value. */
  readonly types: Readonly<Partial<Record<ObservedType, number>>>
}

/**
 * A source that invents names must not fill the memory: limits the fields, and the characters of their names.
 */
const maxFields = 2_000
const maxNameLength = 1_000

/** The fields and types that the records really have, whatever their schema says. */
export class ObservedFields {
  readonly #fields = new Map<string, Map<ObservedType, number>>()

  add(record: RecordData): void {
    for (const [name, value] of Object.entries(record)) {
      if (value === undefined) continue
      let types = this.#fields.get(name)
      if (types === undefined) {
        if (this.#fields.size >= maxFields || name.length > maxNameLength) continue
        types = new Map()
        this.#fields.set(name, types)
      }
      const type = typeOf(value)
      types.set(type, (types.get(type) ?? 0) + 1)
    }
  }

  get fields(): readonly ObservedField[] {
    return [...this.#fields].map(([name, types]) => ({ name, types: Object.fromEntries(types) }))
  }
}

/** The facts that a limited job found out about its source. */
export interface Observed {
  /** Empty if the source does not give objects. */
  readonly fields: readonly ObservedField[]
  /** Requests that were sent, if it speaks HTTP; else 0. */
  readonly requests: number
}

/** Joins those of several jobs. */
export function joinObserved(observed: Observed | undefined, other: Observed): Observed {
  if (observed === undefined) return other
  const joined = new Map(observed.fields.map(({ name, types }) => [name, { ...types }]))
  for (const { name, types } of other.fields) {
    const before: Partial<Record<ObservedType, number>> = joined.get(name) ?? {}
    for (const [type, count] of typeCounts(types)) before[type] = (before[type] ?? 0) + count
    joined.set(name, before)
  }
  const fields = [...joined].map(([name, types]) => ({ name, types }))
  return { fields, requests: observed.requests + other.requests }
}

export function typeCounts(types: ObservedField['types']): readonly [ObservedType, number][] {
  return observedTypes.flatMap((type) => {
    const count = types[type]
    return count === undefined ? [] : [[type, count]]
  })
}

const observedTypes = [
  'null',
  'boolean',
  'integer',
  'number',
  'string',
  'date',
  'date-time',
  'bytes',
  'object',
  'array',
] as const satisfies readonly ObservedType[]

const date = /^\d{4}-\d\d-\d\d$/
const dateTime = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?$/

function typeOf(value: RecordValue): ObservedType {
  if (value === null) return 'null'
  if (typeof value === 'boolean') return 'boolean'
  if (typeof value === 'bigint' || Number.isInteger(value)) return 'integer'
  if (typeof value === 'number' || isRawJson(value)) return 'number'
  if (typeof value === 'string') return typeOfText(value)
  if (value instanceof Uint8Array) return 'bytes'
  return Array.isArray(value) ? 'array' : 'object'
}

function typeOfText(value: string): ObservedType {
  if (date.test(value)) return 'date'
  return dateTime.test(value) ? 'date-time' : 'string'
}
