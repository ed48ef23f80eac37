import type { PlainDict, Value } from '../../value/value.ts'

/**
 * Stands where CombinedExtractor left out an empty record: it counts as a record of its page, so that the
 * page does not look like a short, last one. Record selectors leave it out; it is known by its identity.
 */
export const droppedRecord: PlainDict = Object.freeze({})

export function isDropped(record: Value): boolean {
  return record === droppedRecord
}
