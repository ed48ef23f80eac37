import { SourceError } from '../../contracts.ts'
import { flag, optionalNumber } from '../../definition.ts'
import { nextCount } from './next-count.ts'
import { fixedPageSize } from './page-size.ts'
import type { Builder } from '../../component.ts'
import type { PaginationStrategy } from '../../contracts.ts'
import type { PlainDict } from '../../value/value.ts'

/**
 * PageIncrement: the token is the number of the page; a page with fewer records than requested is the last.
 */
export function pageIncrement(definition: PlainDict, builder: Builder): PaginationStrategy {
  const pageSize = fixedPageSize(definition, builder)
  const first = optionalNumber(definition, 'start_from_page') ?? 0
  const injectsFirst = flag(definition, 'inject_on_first_request', false)
  return {
    initialToken: () => (injectsFirst ? first : null),
    pageSize: () => pageSize,
    next({ extracted, lastToken, pageSizeOverride }) {
      if (pageSizeOverride !== undefined) return Promise.reject(cannotReduce())
      const isShort = pageSize !== null && extracted < pageSize
      return Promise.resolve(
        isShort || extracted === 0 ? null : nextCount(lastToken, { first, step: 1 }),
      )
    },
  }
}

function cannotReduce(): SourceError {
  return new SourceError(
    'PageIncrement does not support reducing the page size while paginating: a smaller page shifts all pages that follow. Use OffsetIncrement or CursorPagination instead.',
    { failureType: 'config_error' },
  )
}
