import { copy, entries, get, isDict, set } from '../../value/dict.ts'
import type { Dict } from '../../value/value.ts'

/** Merges the records that the requests of one page give for the same thing, each with other properties. */
export interface RecordMerger {
  /**
   * Takes the records of a request; gives those that are complete, as they have no key. Those before a record
   * that fails are given before the error is thrown.
   */
  merge(records: readonly Dict[]): Iterable<readonly Dict[]>
  /** The merged records, once all requests of the page have their responses. */
  finish(): readonly Dict[]
}

export function recordMerger(keyOf: (record: Dict) => string | null): RecordMerger {
  const merged = new Map<string, Dict>()

  /** True if the record is complete. */
  function take(record: Dict): boolean {
    const key = keyOf(record)
    if (key === null) return true
    const earlier = merged.get(key)
    if (earlier === undefined) merged.set(key, copy(record))
    else deepMerge(earlier, record)
    return false
  }

  return {
    *merge(records) {
      const complete: Dict[] = []
      try {
        for (const record of records) if (take(record)) complete.push(record)
      } catch (error) {
        if (complete.length > 0) yield complete
        throw error
      }
      if (complete.length > 0) yield complete
    },
    finish: () => [...merged.values()],
  }
}

/** For complete records: the properties of a page come with one request. */
export const noMerger: RecordMerger = {
  *merge(records) {
    if (records.length > 0) yield records
  },
  finish: () => [],
}

/** Nested objects are merged too; they are copied before, since the response may still be looked at. */
function deepMerge(target: Dict, source: Dict): void {
  for (const [key, value] of entries(source)) {
    const earlier = get(target, key)
    if (earlier !== undefined && isDict(earlier) && isDict(value)) {
      const nested = copy(earlier)
      deepMerge(nested, value)
      set(target, key, nested)
    } else set(target, key, value)
  }
}
