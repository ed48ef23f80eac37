import { component, flag, optionalComponent, text } from '../../definition.ts'
import { valueError } from '../../value/python-error.ts'
import { str } from '../../value/text.ts'
import { truth } from '../../value/truth.ts'
import { isPageDecoder } from '../decoders/page-decoder.ts'
import {
  compileRequestOption,
  injectAll,
  requireDistinctOptions,
  type InjectInto,
} from '../requesters/request-option.ts'
import type { BuildContext, Builder } from '../../component.ts'
import type { PaginationStrategy, Paginator, RequestScope, Cursor } from '../../contracts.ts'
import type { PlainDict, Value } from '../../value/value.ts'
import { isEmpty } from '../../value/dict.ts'

/**
 * DefaultPaginator: puts the token and the size of a page on its request; a strategy returns the next token.
 */
export function defaultPaginator(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): Paginator {
  requirePageDecoder(context)
  const { sizeOption, tokenOption, tokenIsPath } = compileOptions(definition, builder)
  const strategy = strategyOf(definition, builder, context)
  if (sizeOption !== undefined && !strategy.pageSize())
    throw valueError(
      'page_size_option cannot be set if the pagination strategy does not have a page_size.',
    )
  if (tokenOption !== undefined) requireDistinctOptions([sizeOption, tokenOption])
  const sizeOf = ({ pageSizeOverride }: RequestScope) => {
    const size = sizeOption === undefined ? 0 : (pageSizeOverride ?? strategy.pageSize() ?? 0)
    return size === 0 ? undefined : size
  }
  const optionsOf = (part: InjectInto) => (scope: RequestScope) =>
    injectAll(part, [
      [tokenOption, tokenOf(scope) ?? undefined],
      [sizeOption, sizeOf(scope)],
    ])
  return {
    initialToken: () => strategy.initialToken(),
    pageSize: () => strategy.pageSize(),
    path(scope) {
      const token = tokenOf(scope)
      return tokenIsPath && truth(token) ? str(token) : null
    },
    async next(page) {
      const token = await strategy.next(page)
      return truth(token) ? { next_page_token: token } : null
    },
    params: optionsOf('request_parameter'),
    headers: optionsOf('header'),
    bodyData: optionsOf('body_data'),
    bodyJson: optionsOf('body_json'),
  }
}

function compileOptions(definition: PlainDict, builder: Builder) {
  const size = optionalComponent(definition, 'page_size_option')
  const token = optionalComponent(definition, 'page_token_option')
  const tokenIsPath = token !== undefined && text(token, 'type') === 'RequestPath'
  return {
    sizeOption: size && compileRequestOption(size, builder),
    tokenOption: token && !tokenIsPath ? compileRequestOption(token, builder) : undefined,
    tokenIsPath,
  }
}

function strategyOf(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): PaginationStrategy {
  const strategy = builder.build(
    'paginationStrategy',
    component(definition, 'pagination_strategy'),
    context,
  )
  const stream = context.stream
  const isDataFeed =
    stream?.incrementalSync != null && flag(stream.incrementalSync, 'is_data_feed', false)
  return isDataFeed ? stopAtKnownRecord(strategy, stream.cursor) : strategy
}

/** The reference pages only through what it can decode twice. */
function requirePageDecoder({ decoder, streamName }: BuildContext): void {
  if (decoder === undefined || isPageDecoder(decoder)) return
  throw valueError(
    `The decoder of stream ${streamName} does not support pagination. Use JsonDecoder, XmlDecoder, or GzipDecoder with a JsonDecoder inside; or remove the paginator.`,
  )
}

function tokenOf({ nextPageToken }: RequestScope): Value {
  return nextPageToken?.next_page_token ?? null
}

/**
 * Ends the paging of a data feed, newest records first, at a page whose last record an earlier read has had.
 */
function stopAtKnownRecord(strategy: PaginationStrategy, cursor: Cursor): PaginationStrategy {
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
