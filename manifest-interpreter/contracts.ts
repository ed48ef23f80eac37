import type { Logger as PinoLogger } from 'pino'
import type { HttpResponse } from './http/http-response.ts'
import type { HttpRequest } from './http/http-request.ts'
import type { FailureType, SourceError } from './source-error.ts'
import type { Transport } from './http/transport.ts'
import type { TransportError } from './http/transport-error.ts'
import type { StreamSlice } from './value/stream-slice.ts'
import type { Dict, PlainDict, Value } from './value/value.ts'

export { SourceError } from './source-error.ts'
export { TransportError } from './http/transport-error.ts'
export type { FailureType } from './source-error.ts'
export type { HttpRequest } from './http/http-request.ts'
export type { Transport } from './http/transport.ts'

/**
 * The roles of a manifest's components. Read this first, after value/value.ts.
 *
 * A manifest is compiled once for a configuration: each component of the YAML becomes one of the objects
 * below, with its templates compiled. All partitions of a stream share them, and partitions are read at the
 * same time, so a component keeps no state of a partition: that is passed in or lives in an object made for
 * the partition.
 */

/** Constant messages, facts as fields; never a secret or the contents of a record. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn'> &
  Partial<Pick<PinoLogger, 'isLevelEnabled'>>

/** The interpreter's dependencies. A test passes a frozen clock and a tape of exchanges. */
export interface Environment {
  /** Microseconds since 1970, UTC. */
  nowMicros(): number
  /**
   * Every wait of the interpreter: backoff, rate limits, polling. Rejects when the signal of the run is
   * aborted.
   */
  sleep(seconds: number): Promise<void>
  uuid(): string
  /** Uniform in [low, high): the jitter of waits. */
  random(low: number, high: number): number
  readonly transport: Transport
  readonly logger: Logger
  readonly signal: AbortSignal
  /** A folder for JsonFileSchemaLoader's relative paths; undefined if the manifest came from elsewhere. */
  readonly manifestDirectory?: string
  /**
   * `fail`: a response that cannot be read fails its slice, so that no state passes it. Default: it is read
   * as a response without records, as in the reference, and only reported.
   */
  readonly unreadableAnswers?: 'fail'
  /**
   * If somebody waits for the result: how long a request is sent again for at most, apart from rate limits.
   * Default: as the error handler says.
   */
  readonly maxRetrySeconds?: number
  /** Messages that are neither records nor states: in order, as they happen. */
  emit(message: SideMessage): void
  /**
   * Changes the configuration (a single-use refresh token) while no other reader of it does, in any process.
   * `change` gets the stored configuration and returns the one to store, or null to leave it as it is.
   * Resolves with the configuration that is stored then. Absent if the configuration has one reader: a change
   * is emitted then.
   */
  readonly changeConfig?: (change: (config: Dict) => Promise<Dict | null>) => Promise<Dict>
  /**
   * Called with what an authenticator adds to a request (an access token): it must never be shown. Must not
   * throw.
   */
  readonly secretFound?: (text: string) => void
  /** Called with each login response, also if the token is not found in it. Must not throw. */
  readonly loginResponded?: (response: Value) => void
}

export type SideMessage =
  /**
   * The connector changed its configuration (a single-use refresh token, a config migration): the caller must
   * store it.
   */
  | { readonly kind: 'config'; readonly config: Dict }
  /** The refresh token is no longer valid: the user must authorize again. `error` is thrown, too. */
  | { readonly kind: 'authorization-lost'; readonly error: SourceError }
  /** A stream waits because of a rate limit. */
  | { readonly kind: 'rate-limited'; readonly stream: string; readonly seconds: number | null }
  /**
   * A failure that is tried again, so that the stream may yet succeed (an async job that could not be
   * created): a trace error without a stream.
   */
  | { readonly kind: 'error'; readonly error: SourceError }
  /**
   * The response of a request is not in the format of its decoder, or holds no records: it is read as a
   * response without records, or fails its slice.
   * `request`: method and URL without its query. `found`: a description of the body, as in "was …"; it shows
   * nothing of a record.
   */
  | {
      readonly kind: 'unreadable'
      readonly stream: string
      readonly request: string
      readonly found: string
    }

/** The signal by which the error handler of the stream's requester requests an action from the retriever. */
export class RetrieverSignal extends Error {
  readonly action: 'RESET_PAGINATION' | 'REDUCE_PAGE_SIZE' | 'SPLIT_REQUEST_WINDOW'

  constructor(action: RetrieverSignal['action'], message: string) {
    super(message)
    this.name = 'RetrieverSignal'
    this.action = action
  }
}

/** The context for which a request is made. */
export interface RequestScope {
  readonly slice: StreamSlice
  /** `{ next_page_token: value }`, as the paginator returned it; null on a first page. */
  readonly nextPageToken: PlainDict | null
  readonly pageSizeOverride?: number
}

/**
 * Something that adds to a request: a paginator, a cursor, a partition router, the requester's own options,
 * an authenticator.
 */
export interface RequestOptions {
  headers(scope: RequestScope): Dict
  params(scope: RequestScope): Dict
  /** A text is sent as it is, a dict as a form. */
  bodyData(scope: RequestScope): Dict | string
  bodyJson(scope: RequestScope): Dict
}

/** Authenticates requests. */
export interface Authenticator {
  /**
   * Returns the parts that it adds to a request, after fetching what it needs (a token). Called once per
   * request, before the request is put together. All parts that it does not add are empty dicts.
   */
  options(): Promise<{ headers: Dict; params: Dict; bodyData: Dict | string; bodyJson: Dict }>
  /**
   * Sets its headers on a complete request, in place of those of the same name. Called right before each time
   * that the request is sent, including the first. A token may have changed since, and authenticators that
   * count calls do it here.
   */
  authenticate(request: HttpRequest): Promise<void>
  /**
   * Called after a response that requires a new token (REFRESH_TOKEN_THEN_RETRY). Throws a SourceError with
   * config_error if the request must not be retried (the token endpoint refused); after any other error the
   * request is retried with the old token.
   */
  refresh?(): Promise<void>
  /** Learns quotas from a response that came from the API (not from a cache). */
  observe?(request: HttpRequest, response: HttpResponse): void
  /** True if another credential could serve the request now. */
  hasAlternative?(request: HttpRequest): boolean
}

export interface Requester {
  /**
   * Sends the request of a scope, with the given options on top of its own and the authenticator's, and deals
   * with errors, retries and waits. A response that the error handler ignores is returned as it is (a
   * retriever reads nothing from one that is not ok); null if no response came and that is ignored. Throws a
   * SourceError or a RetrieverSignal.
   * @param call.path instead of the requester's own path (a paginator's RequestPath)
   */
  send(call: RequesterCall): Promise<HttpResponse | null>
}
export interface RequesterCall {
  readonly scope: RequestScope
  readonly path?: string | null
  readonly headers?: Dict
  readonly params?: Dict
  readonly bodyData?: Dict | string
  readonly bodyJson?: Dict
  /** Names the stream in errors and in rate-limit messages. */
  readonly stream?: string
  /** See `HttpRequest`. */
  readonly staysAtOrigin?: boolean
}

/**
 * Decides about a response (or the lack of one). Shared by all requests, so it holds no state of a request.
 */
export interface ErrorHandler {
  readonly maxRetries: number | null
  readonly maxTimeSeconds: number | null
  interpret(outcome: HttpResponse | TransportError): Promise<ErrorResolution>
  /**
   * Seconds to wait before attempt `attempt` + 1 (attempts count from 1); null if no strategy has a value.
   */
  backoffSeconds(outcome: HttpResponse | TransportError, attempt: number): Promise<number | null>
}
export interface ErrorResolution {
  readonly action: ResponseAction
  readonly failureType?: FailureType
  readonly message?: string
}
export type ResponseAction =
  | 'SUCCESS'
  | 'RETRY'
  | 'FAIL'
  | 'IGNORE'
  | 'RESET_PAGINATION'
  | 'RATE_LIMITED'
  | 'REFRESH_TOKEN_THEN_RETRY'
  | 'REDUCE_PAGE_SIZE'
  | 'SPLIT_REQUEST_WINDOW'

export interface BackoffStrategy {
  backoffSeconds(outcome: HttpResponse | TransportError, attempt: number): Promise<number | null>
}

/** Turns a body into values. */
export interface Decoder {
  /**
   * Batches of values in order; the body of plain JSON is one value. Throws a SourceError for a body that it
   * cannot read.
   */
  decode(response: HttpResponse): AsyncIterable<readonly Value[]>
  /**
   * The whole body as one value, parsed once per response. Paginators and error handlers see it as
   * `response`.
   */
  whole(response: HttpResponse): Promise<Value>
  /** True if `decode` reads a stream that is gone afterwards: CSV, XML, JSON lines, archives. */
  readonly streams: boolean
}

export interface Extractor {
  /** Batches of records, in order. A value that is not a dict is passed on as it is. */
  extract(response: HttpResponse): AsyncIterable<readonly Value[]>
}

/** Record filter and transformations work on a batch, synchronously. */
export interface RecordScope {
  readonly slice: StreamSlice
  readonly nextPageToken: PlainDict | null
}
export interface RecordFilter {
  keeps(record: Dict, scope: RecordScope): boolean
}
export interface Transformation {
  /**
   * Returns the changed record: the same object, changed in place, or another. Nobody looks at the given
   * record afterwards, and both may share contents. The scope is that of the record's page.
   */
  transform(record: Dict, scope: RecordScope): Dict
}
/** A schema_normalization that the manifest names as a class. */
export interface SchemaNormalization {
  /**
   * Changes a record of the stream in place, after its transformations. `schema`: the JSON schema of the
   * stream.
   */
  normalize(record: Dict, schema: Dict): void
}
/** Brings a state that an older version of a connector has written into today's form. */
export interface StateMigration {
  /** Called for each state that is not empty, before the stream is read. */
  shouldMigrate(state: Dict): boolean
  /** Returns the new state; the given one must stay as it is. */
  migrate(state: Dict): Dict
}
/** Casts the values of a record to the types of the schema, in place. */
export type SchemaNormalizer = (record: Dict) => void

export interface SelectedBatch {
  readonly records: readonly Dict[]
  /**
   * The number of records that the extractor returned before the filter dropped some: record-counting
   * paginators need it.
   */
  readonly extracted: number
}
export interface RecordSelector {
  select(response: HttpResponse, scope: RecordScope): AsyncIterable<SelectedBatch>
  /** The same for records that came from elsewhere (an async job's files). */
  selectFrom(
    batches: AsyncIterable<readonly Value[]>,
    scope: RecordScope,
  ): AsyncIterable<SelectedBatch>
}

export interface Paginator extends RequestOptions {
  initialToken(): Value
  /** The path of the next page, if the token is one (RequestPath). */
  path(scope: RequestScope): string | null
  /** `{ next_page_token }` of the next page, null if this was the last. */
  next(page: ReadPage): Promise<PlainDict | null>
  /** The page size, if it has one. */
  pageSize(): number | null
}
export interface ReadPage {
  readonly response: HttpResponse
  /** Records that passed the filter. */
  readonly count: number
  /** Records that the extractor gave. */
  readonly extracted: number
  readonly lastRecord: Dict | null
  /** Value of the token that this page was requested with. */
  readonly lastToken: Value
  readonly slice: StreamSlice
  readonly pageSizeOverride?: number
}

/** Splits a stream into partitions (not by time: that is the cursor's). */
export interface PartitionRouter extends RequestOptions {
  slices(): AsyncIterable<StreamSlice>
  /** The states of parent streams, for the child's state; null if there is none. */
  parentState(): Dict | null
  /** Streams that it reads as parents, for checks of stream groups and for caching. */
  parents(): readonly Stream[]
}

export interface Retriever {
  /** If the retriever makes the slices itself (async jobs). */
  slices?(): AsyncIterable<StreamSlice>
  /** Reads a slice to its end. All records belong to the slice. Batches are never empty. */
  read(slice: StreamSlice): AsyncIterable<readonly Dict[]>
}

/** Maintains the state of a stream while its slices are read, in any order and at the same time. */
export interface Cursor extends RequestOptions {
  /** The state as it would be emitted now. */
  state(): Dict
  /** The slices to read, in order; a later one may be requested while earlier ones are being read. */
  slices(): AsyncIterable<StreamSlice>
  /** Called for each record before it is emitted. */
  observe(record: Dict, slice: StreamSlice): void
  /**
   * All of the slice has been emitted: from here on its end counts. Calls the `emitState` it was built with
   * when there is something new.
   */
  closeSlice(slice: StreamSlice): void
  /** Called at the end of a stream that did not fail, or failed in a slice: at least one state is emitted. */
  ensureStateEmitted(): void
  /**
   * False for a record that an earlier read has already had. `slice` is the slice for which the record was
   * read.
   */
  shouldBeSynced(record: Dict, slice: StreamSlice): boolean
  /** The field that the catalog names as cursor; undefined for a stream without one. */
  readonly field: string | undefined
  /** True if a configured catalog may choose another field. */
  readonly catalogDefined: boolean
  /**
   * The newest moment that a state speaks of, in microseconds; null if the state is not of this cursor. For
   * StateDelegatingStream.
   */
  momentOf(state: Dict): number | null
  /**
   * Replaces a slice that the API rejected by smaller ones; null if it cannot. `minimum`: the smallest, an
   * ISO 8601 duration.
   */
  splitWindow?(slice: StreamSlice, minimum: string | null): readonly StreamSlice[] | null
  /**
   * For PaginationReset with SPLIT_USING_CURSOR: the same cursor without a state, that observes the records
   * of one slice and says what is left of it.
   */
  copyWithoutState?(): Cursor
  /** The rest of a slice after the records that this cursor has observed. */
  reduceRange?(slice: StreamSlice): StreamSlice
  /**
   * The ETag of the one response that held all of the last slice, if that began at the same time as this one.
   */
  etagOf?(slice: StreamSlice): string | undefined
  /** Becomes part of the state when the slice is closed. */
  keepEtag?(slice: StreamSlice, etag: string): void
  /** True for a record that is newer than the slice. */
  endsBefore?(slice: StreamSlice, record: Dict): boolean
}

export interface SchemaLoader {
  /**
   * The JSON schema of the stream. May read from the API (DynamicSchemaLoader). The same object each time.
   */
  schema(): Promise<Dict>
}

/** A compiled stream. */
export interface Stream {
  readonly name: string
  readonly namespace: string | undefined
  /** Top-level key names as the catalog shows them. */
  readonly primaryKey: readonly string[]
  /** Undefined if the stream is full refresh only. */
  readonly cursorField: string | undefined
  readonly catalogDefinedCursor: boolean
  readonly supportsFileTransfer: boolean
  /** The group of streams that may not be read at the same time, '' for none. */
  blockSimultaneousRead: string
  readonly schemaLoader: SchemaLoader
  readonly cursor: Cursor
  readonly retriever: Retriever
  readonly partitionRouter: PartitionRouter | null
  /** The slices to read, in order: requested while earlier slices are being read. */
  slices(): AsyncIterable<StreamSlice>
  /** The records of a slice. A schema that cannot be loaded fails it before the first request. */
  read(slice: StreamSlice): AsyncIterable<readonly Dict[]>
}

/** Decides about the next page: the heart of a paginator. */
export interface PaginationStrategy {
  initialToken(): Value
  next(page: ReadPage): Promise<Value>
  pageSize(): number | null
}
