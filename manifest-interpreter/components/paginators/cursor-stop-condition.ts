import { isEmpty } from '../../value/dict.ts'
import type { Cursor, PaginationStrategy } from '../../contracts.ts'

/** Ends the paging of a data feed, newest records first, at a page whose last record an earlier read has had. */
export function stopAtKnownRecord(
  strategy: PaginationStrategy,
  cursor: Cursor,
): PaginationStrategy {
  return {
    initialToken: () => strategy.initialToken(),
    pageSize: () => strategy.pageSize(),
    next(page) {
      const { lastRecord, slice } = page
      const isKnown =
        lastRecord !== null && !isEmpty(lastRecord) && !cursor.shouldBeSynced(lastRecord, slice)
      return isKnown ? Promise.resolve(null) : strategy.next(page)
    },
  }
}
