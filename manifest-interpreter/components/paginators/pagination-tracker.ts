import { SourceError } from '../../contracts.ts'
import { equals } from '../../value/equality.ts'
import type { Cursor } from '../../contracts.ts'
import type { StreamSlice } from '../../value/stream-slice.ts'
import type { Dict } from '../../value/value.ts'

/**
 * Follows the paging of one slice, so that it can begin again if the API allows no further pages
 * (PaginationReset).
 */
export class PaginationTracker {
  readonly #cursor: Cursor | null
  readonly #maxRecords: number | null
  readonly #maxAttempts: number
  #records = 0
  /** In a row with the same slice. */
  #attempts = 0

  /**
   * @param cursor observes the records, so that the rest of the slice is known; without a cursor the slice is
   * read once more
   * @param maxRecords the number of records after which paging starts over
   */
  constructor(cursor: Cursor | null, maxRecords: number | null) {
    this.#cursor = cursor
    this.#maxRecords = maxRecords
    this.#maxAttempts = cursor === null ? 2 : 1
  }

  observe(records: readonly Dict[], slice: StreamSlice): void {
    this.#records += records.length
    if (this.#cursor === null) return
    for (const record of records) this.#cursor.observe(record, slice)
  }

  hasReachedLimit(): boolean {
    return this.#maxRecords !== null && this.#records >= this.#maxRecords
  }

  /** The slice to continue with from its first page. Throws if that would be the same again and again. */
  reduce(previous: StreamSlice, original: StreamSlice): StreamSlice {
    const next = this.#cursor?.reduceRange?.(original) ?? previous
    if (equals(next.merged, previous.merged)) {
      this.#attempts += 1
      if (this.#attempts >= this.#maxAttempts) throw stuck(this.#attempts, this.#maxAttempts)
    } else this.#attempts = 0
    this.#records = 0
    return next
  }
}

function stuck(attempts: number, maxAttempts: number): SourceError {
  return new SourceError('Something went wrong in the connector. See the logs for more details.', {
    failureType: 'system_error',
    internalMessage: `There were ${attempts} attempts with the same slice already while the max allowed is ${maxAttempts}`,
  })
}
