import {
  columnsOf,
  type Column,
  type ColumnKind,
  type JsonObject,
  type JsonValue,
} from '../../protocol/index.ts'
import { typeCounts, type ObservedField, type ObservedType } from '../observed-fields.ts'
import type { SchemaMismatch } from './sandbox-report.ts'

/**
 * JSON Schema of the records. For a source that returns rows of a database, the declared types count: they
 * are the database's own. A field that is null, or missing, in some of the records may be null.
 */
export function inferredSchema(
  declared: JsonObject,
  { observed, records }: { readonly observed: readonly ObservedField[]; readonly records: number },
): JsonObject | null {
  if (records === 0) return null
  if (observed.length === 0) return declared
  const properties = observed.map(({ name, types }) => [name, propertyOf(types, records)])
  return { type: 'object', properties: Object.fromEntries(properties) as JsonObject }
}

function propertyOf(types: ObservedField['types'], records: number): JsonValue {
  const counts = typeCounts(types)
  const seen = counts.reduce((total, [, count]) => total + count, 0)
  const observedTypes = new Set(counts.map(([type]) => type))
  const isNullable = observedTypes.delete('null') || seen < records
  const json = new Set([...observedTypes].map(jsonType))
  if (json.has('number')) json.delete('integer')
  if (isNullable) json.add('null')
  const [only] = observedTypes
  const isFormat = observedTypes.size === 1 && (only === 'date' || only === 'date-time')
  return {
    type: json.size === 1 ? ([...json][0] ?? 'null') : [...json].sort(),
    ...(isFormat && { format: only }),
    ...(observedTypes.size === 1 && only === 'bytes' && { contentEncoding: 'base64' }),
  }
}

function jsonType(type: ObservedType): string {
  return type === 'date' || type === 'date-time' || type === 'bytes' ? 'string' : type
}

/** `refused`: how many values of a field the destination could not hold. */
export function schemaMismatches(
  declared: JsonObject,
  {
    observed,
    records,
    refused,
  }: {
    readonly observed: readonly ObservedField[]
    readonly records: number
    readonly refused: readonly { readonly field: string; readonly rows: number }[]
  },
): readonly SchemaMismatch[] {
  const columns = new Map(columnsOf(declared).map((column) => [column.name, column]))
  const fields = new Map(observed.map((field) => [field.name, field]))
  return [
    ...refused.map(({ field, rows }) => ({
      field,
      kind: 'type' as const,
      declared: kindOf(columns.get(field)),
      found: foundIn(fields.get(field)),
      records: rows,
    })),
    ...observed.flatMap((field) =>
      columns.has(field.name)
        ? []
        : [
            {
              field: field.name,
              kind: 'undeclared' as const,
              declared: null,
              found: foundIn(field),
              records: typeCounts(field.types).reduce((total, [, count]) => total + count, 0),
            },
          ],
    ),
    ...(observed.length === 0
      ? []
      : [...columns.values()].flatMap((column) =>
          fields.has(column.name)
            ? []
            : [
                {
                  field: column.name,
                  kind: 'missing' as const,
                  declared: kindOf(column),
                  found: [],
                  records,
                },
              ],
        )),
  ]
}

function kindOf(column: Column | undefined): ColumnKind | null {
  return column?.kind ?? null
}

function foundIn(field: ObservedField | undefined): readonly string[] {
  return field === undefined ? [] : typeCounts(field.types).map(([type]) => type)
}
