import {
  isRawJson,
  type JsonValue,
  parseExactJson,
  type RecordData,
  type RecordValue,
  stringifyExact,
} from '../../../protocol/index.ts'
import { jsonPath } from './json-path.ts'
import type { FieldRule } from './write-rules.ts'

/** Reads the value of a field of the vendor from a record. */
export interface FieldSource {
  /** Undefined for a constant. */
  readonly column: string | undefined
  /** The external id by which the field refers to another record. */
  readonly reference: string | undefined
  /**
   * Undefined if the record has no value: the field stays as it is. Throws a TypeError, in words for people,
   * if the value cannot be written.
   */
  read(record: RecordData): JsonValue | undefined
}

export function fieldSource(rule: FieldRule): FieldSource {
  if (typeof rule === 'string') return columnSource(rule)
  if ('value' in rule) {
    const { value } = rule
    return { column: undefined, reference: undefined, read: () => value }
  }
  const { column, path, map, otherwise, reference } = rule
  const find = path === undefined ? undefined : jsonPath(path)
  return {
    column,
    reference,
    read: (record) => {
      const raw = record[column]
      // A column that the source did not send is not empty.
      if (raw === undefined) return undefined
      const value = plainValue((find === undefined ? raw : find(raw)) ?? null)
      if (map === undefined) return value ?? otherwise ?? null
      return mapped(value, { map, otherwise, column })
    },
  }
}

function columnSource(column: string): FieldSource {
  return {
    column,
    reference: undefined,
    read: (record) => {
      const value = record[column]
      return value === undefined ? undefined : plainValue(value)
    },
  }
}

function mapped(
  value: JsonValue,
  {
    map,
    otherwise,
    column,
  }: {
    readonly map: Readonly<Record<string, JsonValue>>
    readonly otherwise: JsonValue | undefined
    readonly column: string
  },
): JsonValue {
  const name = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
  if (value !== null && Object.hasOwn(map, name)) return map[name] ?? null
  if (otherwise !== undefined) return otherwise
  if (value === null) return null
  throw new TypeError(`\`map\` of column ${column} does not have its value`)
}

/** JSON, whose numbers have all their digits. */
function plainValue(value: RecordValue): JsonValue {
  if (typeof value !== 'object' && typeof value !== 'bigint' && typeof value !== 'number')
    return value
  if (value === null) return null
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (isRawJson(value)) return value as unknown as JsonValue
  return parseExactJson(stringifyExact(value))
}
