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
  readonly id: string
  /** The values that were sent, by fields; references are among them, as objects. */
  readonly fields: JsonObject
  readonly version: string | null
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

/** What is to be sent: only records, and of them only fields, that are not as they were sent last. Pure. */
export function planWrites(
  records: readonly MappedRecord[],
  sent: ReadonlyMap<string, SentRecord>,
  options: PlanOptions,
): WritePlan {
  const writes: PlannedWrite[] = []
  const unchanged: MappedRecord[] = []
  const unknownGone: MappedRecord[] = []
  for (const record of records) {
    const before = sent.get(record.key)
    if (record.isGone) {
      if (options.deletes === 'keep') unchanged.push(record)
      else if (before !== undefined) writes.push(deletion(record, before.id, before))
      else if (options.mapping.isById) writes.push(deletion(record, record.key, undefined))
      else unknownGone.push(record)
      continue
    }
    const write =
      before === undefined ? firstWrite(record, options) : change(record, before, options)
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
  { isGuarded, mapping }: PlanOptions,
): PlannedWrite | undefined {
  const isChanged = (name: string, value: JsonValue): boolean => {
    const last = before.fields[name]
    return last === undefined || stringifyExact(last) !== stringifyExact(value)
  }
  const mayChange = new Set(
    mapping.object.fields.filter(({ onUpdate }) => onUpdate).map(({ name }) => name),
  )
  const fields = Object.entries(record.fields).filter(
    ([name, value]) => isChanged(name, value) && mayChange.has(name),
  )
  const references = Object.entries(record.references).filter(([name, reference]) =>
    isChanged(name, jsonOf(reference)),
  )
  if (fields.length + references.length === 0) return undefined
  return {
    record,
    operation: 'update',
    write: {
      id: before.id,
      fields: Object.fromEntries(fields),
      ...(references.length > 0 && { references: Object.fromEntries(references) }),
      ...(isGuarded && before.version !== null && { ifVersion: before.version }),
    },
    before,
    after: { ...before.fields, ...valuesOf(record) },
  }
}

function valuesOf({ fields, references }: MappedRecord): JsonObject {
  const objects = Object.entries(references).map(([name, reference]) => [name, jsonOf(reference)])
  return { ...fields, ...(Object.fromEntries(objects) as JsonObject) }
}

function jsonOf({ externalIdField, value }: RecordReference): JsonValue {
  return { [externalIdField]: value }
}

function hasSome(references: object): boolean {
  return Object.keys(references).length > 0
}
