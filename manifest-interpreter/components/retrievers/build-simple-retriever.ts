import { component, flag, optionalComponent, optionalText } from '../../definition.ts'
import { get, isPlainDict } from '../../value/dict.ts'
import { PageSizeReducer } from '../paginators/page-size-reducer.ts'
import { PaginationTracker } from '../paginators/pagination-tracker.ts'
import { firstPageOf } from '../partition-routers/lazy-first-page.ts'
import {
  checkLazyRead,
  checkPageSizeReduction,
  checkPaginationReset,
  checkWindowSplitting,
  conditionalRequests,
} from './retriever-rules.ts'
import { queryPropertiesOf } from './requested-properties.ts'
import { tokenPlaceOf } from './repeated-pages.ts'
import { SimpleRetriever, type WindowSplitting } from './simple-retriever.ts'
import type { BuildContext, Builder, StreamContext } from '../../component.ts'
import type { Paginator, Retriever } from '../../contracts.ts'
import type { PlainDict } from '../../value/value.ts'

/** Builds a SimpleRetriever, or the lazy one if the records of its first page are in the parent's records. */
export function simpleRetriever(
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
): Retriever {
  const { streamName, stream } = context
  const decoderDefinition = optionalComponent(definition, 'decoder') ?? { type: 'JsonDecoder' }
  const inner: BuildContext = {
    ...context,
    decoder: builder.build('decoder', decoderDefinition, context),
  }
  const query = queryPropertiesOf(component(definition, 'requester'), builder, context)
  const isLazy = checkLazyRead(definition, { streamName, stream })
  if (!isLazy) {
    checkPaginationReset(definition)
    checkPageSizeReduction(definition, {
      streamName,
      hasQueryProperties: query.properties !== null,
    })
    checkWindowSplitting(definition, {
      streamName,
      stream,
      hasQueryProperties: query.properties !== null,
    })
  }
  const paginator = buildPaginator(definition, builder, inner)
  return new SimpleRetriever({
    streamName,
    requester: builder.build('requester', query.requester, {
      ...inner,
      ...(query.key !== undefined && { queryPropertiesKey: query.key }),
    }),
    recordSelector: builder.build(
      'recordSelector',
      component(definition, 'record_selector'),
      inner,
    ),
    paginator,
    tokenPlace: tokenPlaceOf(definition),
    firstPage: isLazy ? firstPageOf : null,
    slicerOptions: stream?.requestOptions ?? null,
    ignoreSlicerOptionsOnPages: flag(
      definition,
      'ignore_stream_slicer_parameters_on_paginated_requests',
      false,
    ),
    dataFeedCursor: isDataFeed(stream) ? stream.cursor : null,
    queryProperties: query.properties,
    newTracker: trackerFactory(definition, stream),
    newReducer: reducerFactory(definition, paginator, { builder, streamName }),
    windowSplitting: windowSplitting(definition, stream),
    conditionalRequests: conditionalRequests(definition, {
      streamName,
      stream,
      hasQueryProperties: query.properties !== null,
    }),
  })
}

function isDataFeed(stream: StreamContext | undefined): stream is StreamContext {
  return stream?.incrementalSync != null && flag(stream.incrementalSync, 'is_data_feed', false)
}

function buildPaginator(definition: PlainDict, builder: Builder, context: BuildContext): Paginator {
  const requester = component(definition, 'requester')
  const urlBase = optionalText(requester, 'url') ?? optionalText(requester, 'url_base') ?? ''
  const extractor = get(component(definition, 'record_selector'), 'extractor')
  return builder.build(
    'paginator',
    optionalComponent(definition, 'paginator') ?? { type: 'NoPagination' },
    {
      ...context,
      urlBase,
      ...(isPlainDict(extractor) && { extractor }),
    },
  )
}

function trackerFactory(
  definition: PlainDict,
  stream: StreamContext | undefined,
): () => PaginationTracker {
  const reset = optionalComponent(definition, 'pagination_reset')
  if (reset === undefined) return () => new PaginationTracker(null, null)
  const limits = optionalComponent(reset, 'limits')
  const limit = limits === undefined ? undefined : get(limits, 'number_of_records')
  const usesCursor =
    get(reset, 'action') === 'SPLIT_USING_CURSOR' && stream?.incrementalSync != null
  return () =>
    new PaginationTracker(
      usesCursor ? (stream.cursor.copyWithoutState?.() ?? null) : null,
      typeof limit === 'number' ? limit : null,
    )
}

function reducerFactory(
  definition: PlainDict,
  paginator: Paginator,
  { builder, streamName }: { readonly builder: Builder; readonly streamName: string },
): (() => PageSizeReducer) | null {
  const reduction = optionalComponent(definition, 'page_size_reduction')
  if (reduction === undefined) return null
  return () =>
    new PageSizeReducer(reduction, {
      initialPageSize: paginator.pageSize(),
      streamName,
      environment: builder.environment,
    })
}

function windowSplitting(
  definition: PlainDict,
  stream: StreamContext | undefined,
): WindowSplitting | null {
  const splitting = optionalComponent(definition, 'request_window_splitting')
  if (splitting === undefined || stream === undefined) return null
  return {
    cursor: stream.cursor,
    minimum: optionalText(splitting, 'min_split_window') ?? null,
    failureMessage: optionalText(splitting, 'failure_message'),
  }
}
