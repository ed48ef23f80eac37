import {
  type JsonObject,
  type JsonValue,
  type RecordData,
  stringifyExact,
} from '../../../protocol/index.ts'
import type { RecordReference } from '../../../connectors/record-writer.ts'
import { type BoundMapping, deletedColumn } from './bind-mapping.ts'

/** A record as it is to be at the vendor. */
export interface MappedRecord {
  /** The value of the key field, as text. */
  readonly key: string
  readonly keyValue: JsonValue
  /** The fields that the record has values of; without the key. */
  readonly fields: JsonObject
  /** Fields that refer to other records by their external ids. */
  readonly references: Readonly<Record<string, RecordReference>>
  /** The source says that the record is gone. */
  readonly isGone: boolean
}

/** Throws a TypeError, in words for people, if the record cannot be written. */
export function mapRecord(data: RecordData, mapping: BoundMapping): MappedRecord {
  const isGone = (data[deletedColumn] ?? null) !== null
  const { key, keyValue } = readKey(data, mapping)
  if (isGone) return { key, keyValue, fields: {}, references: {}, isGone }
  const fields: [string, JsonValue][] = []
  const references: [string, RecordReference][] = []
  for (const { field, source } of mapping.fields) {
    const value = source.read(data)
    if (value === undefined) continue
    if (source.reference === undefined || value === null) fields.push([field.name, value])
    else references.push([field.name, { externalIdField: source.reference, value }])
  }
  return {
    key,
    keyValue,
    fields: Object.fromEntries(fields),
    references: Object.fromEntries(references),
    isGone,
  }
}

/** Throws a TypeError, in words for people, if the record has no key. */
export function readKey(
  data: RecordData,
  { key: source, keyField }: Pick<BoundMapping, 'key' | 'keyField'>,
): Pick<MappedRecord, 'key' | 'keyValue'> {
  const keyValue = source.read(data) ?? null
  if (keyValue === null || keyValue === '')
    throw new TypeError(`the record has no value for ${keyField}, by which it is found`)
  return { key: typeof keyValue === 'string' ? keyValue : stringifyExact(keyValue), keyValue }
}
