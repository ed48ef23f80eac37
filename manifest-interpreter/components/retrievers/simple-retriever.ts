import { RetrieverSignal, SourceError } from '../../contracts.ts'
import { StreamSlice } from '../../value/stream-slice.ts'
import { combineDicts, combineMappings } from '../requesters/combine-mappings.ts'
import {
  conditionalRead,
  type ConditionalRead,
  type ConditionalRequests,
} from './conditional-read.ts'
import { RecordsHash, RepeatedPages } from './repeated-pages.ts'
import type { PageSizeReducer } from '../paginators/page-size-reducer.ts'
import type { PaginationTracker } from '../paginators/pagination-tracker.ts'
import type {
  Cursor,
  Paginator,
  RecordSelector,
  Requester,
  RequestOptions,
  RequestScope,
  Retriever,
} from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { QueryProperties } from '../query-properties/query-properties.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'

/** The parts of a SimpleRetriever, built. `build-simple-retriever.ts` makes them from a definition. */
export interface SimpleRetrieverOptions {
  readonly streamName: string
  readonly requester: Requester
  readonly recordSelector: RecordSelector
  readonly paginator: Paginator
  /** Where the paginator puts its token. */
  readonly tokenPlace: string
  /** If the first page of a slice is known before the request: it is in the parent's record. */
  readonly firstPage: ((slice: StreamSlice) => HttpResponse) | null
  readonly slicerOptions: RequestOptions | null
  readonly ignoreSlicerOptionsOnPages: boolean
  /**
   * The cursor of a data feed: drops the records that an earlier read had, after the paginator has seen them.
   */
  readonly dataFeedCursor: Cursor | null
  readonly queryProperties: QueryProperties | null
  readonly newTracker: () => PaginationTracker
  readonly newReducer: (() => PageSizeReducer) | null
  readonly windowSplitting: WindowSplitting | null
  /** If requests are conditional. */
  readonly conditionalRequests: ConditionalRequests | null
}

export interface WindowSplitting {
  readonly cursor: Cursor
  /** The smallest window, an ISO 8601 duration. */
  readonly minimum: string | null
  readonly failureMessage: string | undefined
}

/** A window is halved at most this often: against a cursor whose parts do not get smaller. */
const MAX_SPLIT_DEPTH = 10

/** SimpleRetriever: reads a slice page by page. */
export class SimpleRetriever implements Retriever {
  readonly #options: SimpleRetrieverOptions

  constructor(options: SimpleRetrieverOptions) {
    this.#options = options
  }

  async *read(slice: StreamSlice): AsyncIterable<readonly Dict[]> {
    yield* this.#readWindow(slice, 0)
  }

  async *#readWindow(slice: StreamSlice, depth: number): AsyncIterable<readonly Dict[]> {
    const { dataFeedCursor } = this.#options
    let rejection: RetrieverSignal
    try {
      for await (const records of this.#readPages(slice)) {
        const wanted =
          dataFeedCursor === null
            ? records
            : records.filter((record) => dataFeedCursor.shouldBeSynced(record, slice))
        if (wanted.length > 0) yield wanted
      }
      return
    } catch (error) {
      if (!(error instanceof RetrieverSignal) || error.action !== 'SPLIT_REQUEST_WINDOW')
        throw error
      rejection = error
    }
    // Records of the window that were given before it was rejected come again: a slice that fails is read
    // again anyway.
    for (const part of this.#split(slice, depth, rejection))
      yield* this.#readWindow(part, depth + 1)
  }

  #split(slice: StreamSlice, depth: number, rejection: RetrieverSignal): readonly StreamSlice[] {
    const { streamName, windowSplitting } = this.#options
    if (windowSplitting === null)
      throw new SourceError(
        `Stream ${streamName} asked to split its request window, which its retriever cannot do. Add request_window_splitting to the retriever.`,
        { failureType: 'config_error', cause: rejection },
      )
    const fail = (message: string) =>
      new SourceError([message, windowSplitting.failureMessage?.trim()].filter(Boolean).join(' '), {
        failureType: 'transient_error',
        cause: rejection,
      })
    if (depth >= MAX_SPLIT_DEPTH)
      throw fail(
        `Stream ${streamName} could not split its request window to a size the API accepts within ${MAX_SPLIT_DEPTH} splits.`,
      )
    const parts = windowSplitting.cursor.splitWindow?.(slice, windowSplitting.minimum) ?? null
    if (parts === null)
      throw fail(
        `The API kept rejecting the request window of stream ${streamName}, even at the smallest window that its cursor allows.`,
      )
    return parts
  }

  async *#readPages(original: StreamSlice): AsyncIterable<readonly Dict[]> {
    const { paginator, newTracker, newReducer, streamName, tokenPlace } = this.#options
    const conditional = conditionalRead(this.#options.conditionalRequests, original)
    const tracker = newTracker()
    const reducer = newReducer?.() ?? null
    const repeated = new RepeatedPages(streamName, tokenPlace)
    let slice = original
    let token = initialToken(paginator)
    let firstPage = this.#options.firstPage?.(slice) ?? null
    for (;;) {
      const scope = scopeOf(slice, token, reducer)
      const page = new PageCount(original, firstPage, conditional)
      if (repeated.watchesRecords) page.watchRecords()
      firstPage = null
      const outcome = yield* this.#countedPage(scope, page, { tracker, reducer })
      if (outcome === 'end') return
      if (outcome === 'again') continue
      if (outcome === 'reset' || tracker.hasReachedLimit()) {
        token = initialToken(paginator)
        slice = tracker.reduce(slice, original)
      } else {
        token = await nextToken(paginator, page, scope)
        if (token === null) return
        await page.checkNext(repeated, { requested: scope.nextPageToken, next: token })
      }
    }
  }

  /**
   * Returns the records of a page, and how to continue, if its response requires another way than the next
   * page.
   */
  async *#countedPage(
    scope: RequestScope,
    page: PageCount,
    context: { readonly tracker: PaginationTracker; readonly reducer: PageSizeReducer | null },
  ): AsyncGenerator<readonly Dict[], 'next' | 'end' | 'again' | 'reset'> {
    const { tracker, reducer } = context
    try {
      for await (const records of this.#readPage(scope, page)) {
        tracker.observe(records, page.slice)
        page.add(records)
        yield records
      }
    } catch (error) {
      if (!(error instanceof RetrieverSignal) || error.action === 'SPLIT_REQUEST_WINDOW')
        throw error
      if (error.action === 'RESET_PAGINATION') return 'reset'
      await this.#reduce(reducer, page, error)
      return 'again'
    }
    reducer?.succeeded()
    return page.hasAnswer ? 'next' : 'end'
  }

  async #reduce(
    reducer: PageSizeReducer | null,
    page: PageCount,
    signal: RetrieverSignal,
  ): Promise<void> {
    const { streamName } = this.#options
    if (reducer === null)
      throw new SourceError(
        `Stream ${streamName} asked for a smaller page, which its retriever cannot do. Add page_size_reduction to the retriever.`,
        { failureType: 'config_error', cause: signal },
      )
    if (page.count > 0)
      throw new SourceError(
        `Stream ${streamName} asked for a smaller page size in the middle of a page, whose records would come twice. Move the REDUCE_PAGE_SIZE action to the error handler of the stream's main requester.`,
        { failureType: 'config_error', cause: signal },
      )
    await reducer.reduce(signal.message)
  }

  async *#readPage(scope: RequestScope, page: PageCount): AsyncIterable<readonly Dict[]> {
    const { queryProperties } = this.#options
    if (queryProperties === null) yield* this.#request(scope, page)
    else yield* this.#requestChunks(queryProperties, scope, page)
  }

  /**
   * One request for each chunk of properties; records of the chunks that have the same key are one record.
   */
  async *#requestChunks(
    queryProperties: QueryProperties,
    scope: RequestScope,
    page: PageCount,
  ): AsyncIterable<readonly Dict[]> {
    const merged = queryProperties.newMerger()
    const { partition, cursorSlice } = scope.slice
    for await (const properties of queryProperties.chunks()) {
      const extraFields = { query_properties: [...properties] }
      const slice = new StreamSlice({ partition, cursorSlice, extraFields })
      for await (const records of this.#request({ ...scope, slice }, page)) {
        yield* merged.merge(records)
      }
    }
    const records = merged.finish()
    if (records.length > 0) yield records
  }

  async *#request(scope: RequestScope, page: PageCount): AsyncIterable<readonly Dict[]> {
    const { requester, recordSelector, streamName } = this.#options
    const response =
      page.takeKnown() ??
      (await requester.send({ scope, stream: streamName, ...this.#requestOptions(scope, page) }))
    page.response = response
    page.extracted = 0
    if (response?.ok !== true) return
    for await (const { records, extracted } of recordSelector.select(response, {
      slice: page.slice,
      nextPageToken: null,
    })) {
      page.extracted += extracted
      if (records.length > 0) yield records
    }
  }

  #requestOptions(scope: RequestScope, { conditional }: PageCount) {
    const { paginator, slicerOptions, ignoreSlicerOptionsOnPages } = this.#options
    const path = paginator.path(scope)
    const sources: RequestOptions[] = [paginator]
    const isPage = scope.nextPageToken !== null
    if (slicerOptions !== null && !(isPage && ignoreSlicerOptionsOnPages))
      sources.push(slicerOptions)
    return {
      path,
      headers: combineDicts(
        [...sources.map((source) => source.headers(scope)), conditional?.headers()],
        { nested: false, part: 'headers' },
      ),
      params: combineDicts(
        sources.map((source) => source.params(scope)),
        { nested: false, part: 'params' },
      ),
      bodyData: combineMappings(
        sources.map((source) => source.bodyData(scope)),
        { nested: false },
      ),
      bodyJson: combineDicts(
        sources.map((source) => source.bodyJson(scope)),
        { nested: true, part: 'body json' },
      ),
    }
  }
}

/** The content of a page, for the paginator. */
class PageCount {
  /**
   * The slice to which the records belong. It lacks the parts that only requests add: a chunk of properties,
   * a smaller range.
   */
  readonly slice: StreamSlice
  response: HttpResponse | null = null
  #known: HttpResponse | null
  count = 0
  /** The count of the last response: each chunk of properties has the same records. */
  extracted = 0
  lastRecord: Dict | null = null
  #recordsHash: RecordsHash | null = null

  readonly conditional: ConditionalRead | null

  /** @param known the response, if no request is needed */
  constructor(slice: StreamSlice, known: HttpResponse | null, conditional: ConditionalRead | null) {
    this.slice = slice
    this.#known = known
    this.conditional = conditional
  }

  takeKnown(): HttpResponse | null {
    const known = this.#known
    this.#known = null
    return known
  }

  /** False if there is nothing to read and no next page: no response, or a response that is not ok. */
  get hasAnswer(): boolean {
    return this.response?.ok === true
  }

  add(records: readonly Dict[]): void {
    this.count += records.length
    this.lastRecord = records.at(-1) ?? this.lastRecord
    this.#recordsHash?.add(records)
    this.conditional?.observeRecords(records)
  }

  watchRecords(): void {
    this.#recordsHash = new RecordsHash()
  }

  /** Throws if the same page would come again and again. */
  async checkNext(
    repeated: RepeatedPages,
    { requested, next }: { readonly requested: PlainDict | null; readonly next: PlainDict },
  ): Promise<void> {
    const { response, extracted } = this
    if (response === null) return
    await repeated.observe(
      { response, extracted, recordsHash: this.#recordsHash?.digest() },
      requested?.next_page_token ?? null,
      next.next_page_token ?? null,
    )
  }

  read(scope: RequestScope) {
    const lastToken: Value = scope.nextPageToken?.next_page_token ?? null
    return {
      count: this.count,
      extracted: this.extracted,
      lastRecord: this.lastRecord,
      lastToken,
      slice: scope.slice,
      ...(scope.pageSizeOverride !== undefined && { pageSizeOverride: scope.pageSizeOverride }),
    }
  }
}

function scopeOf(
  slice: StreamSlice,
  nextPageToken: PlainDict | null,
  reducer: PageSizeReducer | null,
): RequestScope {
  const pageSize = reducer?.override ?? null
  return { slice, nextPageToken, ...(pageSize !== null && { pageSizeOverride: pageSize }) }
}

async function nextToken(
  paginator: Paginator,
  page: PageCount,
  scope: RequestScope,
): Promise<PlainDict | null> {
  const { response, conditional } = page
  if (response === null) return null
  conditional?.observeResponse(response)
  if (conditional?.isUnchanged(response) === true) return null
  const token = await paginator.next({ ...page.read(scope), response })
  if (token === null) conditional?.finish(response)
  return token
}

function initialToken(paginator: Paginator): PlainDict | null {
  const token = paginator.initialToken()
  return token === null ? null : { next_page_token: token }
}
