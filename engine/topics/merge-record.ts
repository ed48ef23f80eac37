import type { DecodedRecord } from '../../protocol/avro/decode-block.ts'
import {
  exactNumber,
  isRawJson,
  stringifyExact,
  type Column,
  type RecordData,
  type RecordValue,
} from '../../protocol/index.ts'
import type { PlanValue } from '../log/kafka/message-schemas.ts'

/**
 * The newest record of a key: the higher cursor, then the later time, then the one that comes later, which is
 * of the newer sync.
 */
export function mergeRecord(
  table: Map<string, DecodedRecord>,
  record: DecodedRecord,
  { primary_key: primaryKey, cursor, deletes }: PlanValue,
): void {
  if (isSweep(record, { primaryKey, cursor, deletes })) {
    sweep(table, record, { cursor, deletes })
    return
  }
  const key = stringifyExact(primaryKey.map(([field = '']) => keyOf(record.data[field] ?? null)))
  const held = table.get(key)
  if (held === undefined) {
    table.set(key, record)
    return
  }
  if (compare(record, held, cursor) < 0) return
  const data: Record<string, RecordValue | undefined> = { ...record.data }
  const isGone = isDeleted(held.data, deletes.column) && deletes.mode === 'hard'
  for (const [name, value] of isGone ? [] : Object.entries(held.data)) {
    // A change leaves out what it does not change, and a source the columns that it dropped; a soft delete
    // keeps the last values.
    const isKept = !Object.hasOwn(data, name)
    const isLast = isDeleted(record.data, deletes.column) && deletes.mode === 'soft'
    if (isKept || (isLast && (data[name] ?? null) === null)) data[name] = value
  }
  table.set(key, { ...record, data })
}

/** Changes of a database: a record without a key that is marked as deleted says that older rows are gone. */
function isSweep(
  { data }: DecodedRecord,
  {
    primaryKey,
    cursor,
    deletes,
  }: Pick<PlanValue, 'cursor' | 'deletes'> & { readonly primaryKey: PlanValue['primary_key'] },
): boolean {
  return (
    cursor?.[0] === '_ab_cdc_lsn' &&
    isDeleted(data, deletes.column) &&
    primaryKey.every(([field = '']) => (data[field] ?? null) === null)
  )
}

function sweep(
  table: Map<string, DecodedRecord>,
  bound: DecodedRecord,
  { cursor, deletes }: Pick<PlanValue, 'cursor' | 'deletes'>,
): void {
  const { column, mode } = deletes
  const [field = ''] = cursor ?? []
  for (const [key, row] of table) {
    if (compareValues(row.data[field] ?? null, bound.data[field] ?? null) >= 0) continue
    if (mode === 'hard') table.delete(key)
    else if (column !== null && !isDeleted(row.data, column))
      table.set(key, { ...row, data: { ...row.data, [column]: bound.data[column] } })
  }
}

/** `1.0` and `1` are one key. */
function keyOf(value: RecordValue): RecordValue {
  return isRawJson(value) ? exactNumber(value.rawJSON) : value
}

/**
 * Those that are not deleted. A row whose name in the map begins with `row` has no key: a deletion is a row
 * like any other there.
 */
export function shownRows(
  table: ReadonlyMap<string, DecodedRecord>,
  deletes: PlanValue['deletes'] | undefined,
): DecodedRecord[] {
  const isShown = ({ data }: DecodedRecord, key: string): boolean =>
    key.startsWith('row ') || deletes?.mode !== 'hard' || !isDeleted(data, deletes.column)
  return [...table].flatMap(([key, row]) => (isShown(row, key) ? [row] : []))
}

/** A field that is missing is unchanged in a stream of changes, and null in others. */
export function withNulls(records: DecodedRecord[], columns: readonly Column[]): DecodedRecord[] {
  if (columns.some(({ name }) => name.startsWith('_ab_cdc_'))) return records
  return records.map((record) => {
    const missing = columns.filter(({ name }) => !Object.hasOwn(record.data, name))
    if (missing.length === 0) return record
    const nulls = Object.fromEntries(missing.map(({ name }) => [name, null]))
    return { ...record, data: { ...record.data, ...nulls } }
  })
}

/** Whether the record says that its row is gone. */
function isDeleted(data: RecordData, column: string | null): boolean {
  return column !== null && (data[column] ?? null) !== null
}

function compare(a: DecodedRecord, b: DecodedRecord, cursor: PlanValue['cursor']): number {
  const field = cursor?.[0]
  const order =
    field === undefined ? 0 : compareValues(a.data[field] ?? null, b.data[field] ?? null)
  return order === 0 ? a.extractedAtMs - b.extractedAtMs : order
}

/** Null is the lowest. */
function compareValues(a: RecordValue, b: RecordValue): number {
  const [left, right] = [orderOf(a), orderOf(b)]
  if (left === null || right === null) return Number(left !== null) - Number(right !== null)
  return Number(left > right) - Number(left < right)
}

function orderOf(value: RecordValue): string | number | bigint | null {
  if (value === null || typeof value === 'number' || typeof value === 'bigint') return value
  // A moment with a fraction is later than the one without, whatever `.` and `Z` are.
  if (typeof value === 'string') return value.replace(/(?<=\d)Z$/, '')
  // A position of changes has more digits than a double.
  const text = stringifyExact(value)
  const [whole = '', fraction = ''] = text.split('.')
  return /^\d+$/.test(whole) && /^\d{10}$/.test(fraction) ? BigInt(whole + fraction) : Number(text)
}
