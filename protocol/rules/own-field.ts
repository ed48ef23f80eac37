import type { RecordData, RecordValue } from '../json.ts'

/** The record's own field: a name such as `constructor` finds nothing that is not there. */
export function own(record: RecordData, name: string): RecordValue | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}
