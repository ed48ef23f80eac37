import type { MappedRecord } from './mapping/map-record.ts'

/** Two versions of a record that are sent together: the later one counts, with fields that it lacks. */
export function mergeRecords(before: MappedRecord, later: MappedRecord): MappedRecord {
  if (later.isGone || before.isGone) return later
  const fields = { ...before.fields, ...later.fields }
  const references = { ...before.references, ...later.references }
  for (const name of Object.keys(later.fields)) Reflect.deleteProperty(references, name)
  for (const name of Object.keys(later.references)) Reflect.deleteProperty(fields, name)
  return { ...later, fields, references }
}
