import type {
  RecordReference,
  RecordWrite,
  WriteOperation,
} from '../../connectors/record-writer.ts'
import { type JsonObject, type JsonValue, stringifyExact } from '../../protocol/index.ts'
import type { BoundMapping } from './mapping/bind-mapping.ts'
import type { MappedRecord } from './mapping/map-record.ts'

/** A record of the vendor as our last write left it. */
export interface SentRecord {
  readonly key: string
  /** Empty if its first write was sent and the answer was lost: the record is found by its key. */
  readonly id: string
  /** The values that were sent, by fields; references are among them, as objects. */
  readonly fields: JsonObject
  readonly version: string | null
  /** A write was sent, and its outcome was lost: the vendor may have other values, or no record. */
  readonly isPending: boolean
}

/** A write, and the record that it is for. */
export interface PlannedWrite {
  readonly record: MappedRecord
  readonly operation: WriteOperation
  readonly write: RecordWrite
  readonly before: SentRecord | undefined
  /** The values that the vendor has if the write succeeds. */
  readonly after: JsonObject
}

export interface WritePlan {
  readonly writes: readonly PlannedWrite[]
  /** The vendor has these records as they are, or does not need to know. */
  readonly unchanged: readonly MappedRecord[]
  /** Records to delete whose ids must be looked up. */
  readonly unknownGone: readonly MappedRecord[]
}

export interface PlanOptions {
  readonly mapping: Pick<BoundMapping, 'isById' | 'object'>
  readonly deletes: 'keep' | 'delete'
  readonly isGuarded: boolean
}

/** Pure. Only records, and of them only fields, are sent that are not as they were sent last. */
export function planWrites(
  records: readonly MappedRecord[],
  sent: ReadonlyMap<string, SentRecord>,
  options: PlanOptions,
): WritePlan {
  const writes: PlannedWrite[] = []
  const unchanged: MappedRecord[] = []
  const unknownGone: MappedRecord[] = []
  const changeable = options.mapping.object.fields.filter(({ onUpdate }) => onUpdate)
  const changing = { ...options, mayChange: new Set(changeable.map(({ name }) => name)) }
  for (const record of records) {
    const before = sent.get(record.key)
    if (record.isGone) {
      if (options.deletes === 'keep') unchanged.push(record)
      else if (before !== undefined && before.id !== '')
        writes.push(deletion(record, before.id, before))
      else if (options.mapping.isById) writes.push(deletion(record, record.key, undefined))
      else unknownGone.push(record)
      continue
    }
    const write =
      before === undefined || before.isPending
        ? firstWrite(record, options)
        : change(record, before, changing)
    if (write === undefined) unchanged.push(record)
    else writes.push(write)
  }
  return { writes, unchanged, unknownGone }
}

export function deletion(
  record: MappedRecord,
  id: string,
  before: SentRecord | undefined,
): PlannedWrite {
  return { record, operation: 'delete', write: { id, fields: {} }, before, after: {} }
}

/** All fields, as it is not known what the vendor has. */
function firstWrite(record: MappedRecord, { mapping }: PlanOptions): PlannedWrite {
  const { fields, references, key, keyValue } = record
  const found = hasSome(references) ? { references } : {}
  const after = valuesOf(record)
  if (mapping.isById)
    return {
      record,
      operation: 'update',
      write: { id: key, fields, ...found },
      before: undefined,
      after,
    }
  const write = { externalId: keyValue, fields, ...found }
  return { record, operation: 'upsert', write, before: undefined, after }
}

/** Undefined if no field has changed. */
function change(
  record: MappedRecord,
  before: SentRecord,
  { isGuarded, mayChange }: PlanOptions & { readonly mayChange: ReadonlySet<string> },
): PlannedWrite | undefined {
  const fields: Record<string, JsonValue> = {}
  const references: Record<string, RecordReference> = {}
  let changes = 0
  for (const [name, value] of Object.entries(record.fields)) {
    if (isSame(before.fields[name], value) || !mayChange.has(name)) continue
    fields[name] = value
    changes += 1
  }
  for (const [name, reference] of Object.entries(record.references)) {
    if (isSame(before.fields[name], jsonOf(reference))) continue
    references[name] = reference
    changes += 1
  }
  if (changes === 0) return undefined
  return {
    record,
    operation: 'update',
    write: {
      id: before.id,
      fields,
      ...(hasSome(references) && { references }),
      ...(isGuarded && before.version !== null && { ifVersion: before.version }),
    },
    before,
    after: { ...before.fields, ...valuesOf(record) },
  }
}

function isSame(last: JsonValue | undefined, value: JsonValue): boolean {
  if (last === undefined || last === value) return last === value
  const isPlain = typeof value !== 'object' && typeof last !== 'object'
  return !isPlain && stringifyExact(last) === stringifyExact(value)
}

function valuesOf({ fields, references }: MappedRecord): JsonObject {
  if (!hasSome(references)) return fields
  const objects = Object.entries(references).map(([name, reference]) => [name, jsonOf(reference)])
  return { ...fields, ...(Object.fromEntries(objects) as JsonObject) }
}

function jsonOf({ externalIdField, value }: RecordReference): JsonValue {
  return { [externalIdField]: value }
}

function hasSome(references: object): boolean {
  return Object.keys(references).length > 0
}
