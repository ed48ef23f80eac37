import { SourceError } from '../../contracts.ts'
import { flag, parametersOf } from '../../definition.ts'
import { numeric } from '../../value/number.ts'
import { typeError } from '../../value/python-error.ts'
import { typeName } from '../../value/type-name.ts'
import { containsUnion } from '../extractors/combined-extractor.ts'
import { nextCount } from './next-count.ts'
import { pageResponse } from './page-response.ts'
import { pageSizeField, wholeNumber } from './page-size.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { PaginationStrategy, ReadPage } from '../../contracts.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/**
 * OffsetIncrement: the token is the number of records before the page; a page with fewer than requested is
 * the last.
 */
export function offsetIncrement(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): PaginationStrategy {
  rejectUnion(context.extractor)
  const injectsFirst = flag(definition, 'inject_on_first_request', false)
  const size = requestedSize(definition, builder, context)
  return {
    initialToken: () => (injectsFirst ? 0 : null),
    pageSize: () => size.configured(),
    async next(page): Promise<Value> {
      const requested = page.pageSizeOverride ?? (await size.sizeOf(page))
      if ((requested !== 0 && page.extracted < requested) || page.extracted === 0) return null
      return nextCount(page.lastToken, { first: 0, step: page.extracted })
    },
  }
}

interface RequestedSize {
  configured(): number | null
  /** 0 if no size is requested. */
  sizeOf(page: ReadPage): Promise<number>
}

/** A template may look at the response: it is evaluated for each page. */
function requestedSize(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): RequestedSize {
  const size = pageSizeField(definition)
  if (typeof size !== 'string' || size === '') {
    const fixed = size === '' || size === 0 ? null : size
    return { configured: () => fixed, sizeOf: () => Promise.resolve(fixed ?? 0) }
  }
  const { config } = builder
  const template = builder.templates.string(size, { parameters: parametersOf(definition) })
  const body = pageResponse(context.decoder, [size])
  return {
    configured: () => wholeNumber(template({ config })),
    async sizeOf(page) {
      const value = template({ config, response: await body.bodyOf(page.response) })
      if (value === null || value === '') return 0
      const number = numeric(value)
      if (number !== undefined) return Number(number)
      throw typeError(`page_size must be a number, not ${typeName(value)}.`)
    },
  }
}

/**
 * The sum of several extractors is more than the page that the API gave, so the next offset would leave
 * records out.
 */
function rejectUnion(extractor: PlainDict | undefined): void {
  if (extractor === undefined || !containsUnion(extractor)) return
  throw new SourceError(
    'CombinedExtractor mode "union" is not supported with an OffsetIncrement paginator.',
    {
      failureType: 'config_error',
      internalMessage:
        'Use the mode first_match, a CursorPagination or PageIncrement paginator, or a single extractor.',
    },
  )
}
