import type {
  Authenticator,
  BackoffStrategy,
  Cursor,
  Decoder,
  Environment,
  ErrorHandler,
  Extractor,
  PaginationStrategy,
  Paginator,
  PartitionRouter,
  RecordFilter,
  RecordSelector,
  Requester,
  RequestOptions,
  Retriever,
  SchemaLoader,
  SchemaNormalization,
  StateMigration,
  Stream,
  Transformation,
} from './contracts.ts'
import type { SourceHttp } from './http/source-http.ts'
import type { TemplateCompiler } from './interpolation/template-compiler.ts'
import type { StreamSlice } from './value/stream-slice.ts'
import type { Dict, PlainDict, Value } from './value/value.ts'

/**
 * How components are assembled: the input and output of a component's builder. `contracts.ts` describes what
 * the components do.
 */

/**
 * How one component of the manifest becomes an object: `components/components.ts` has the table of all types.
 */
export interface Builder {
  readonly config: Dict
  readonly templates: TemplateCompiler
  readonly environment: Environment
  /**
   * Sends all requests of the source: its call budget, its limit of requests at a time, its cache of parents'
   * responses.
   */
  readonly http: SourceHttp
  /** The input state of a stream, null if there is none. */
  stateOf(streamName: string): Dict | null
  /** Where a stream's cursor writes its states: `state` is the whole blob of the stream. */
  emitState(streamName: string, state: Dict): void
  /** The streams of a read as the user configured them, by name; null if the command has no catalog. */
  readonly catalog: ReadonlyMap<string, ConfiguredStream> | null
  /** The same with another state of one stream. */
  withState(streamName: string, state: Dict): Builder
  /**
   * The manifest's `max_concurrent_async_job_count`: a number or a template; undefined if it has none, and
   * for parents.
   */
  readonly maxConcurrentAsyncJobs?: Value
  /** The same for the parents of a stream: they start from these states, emit none and know no catalog. */
  forParent(states: ReadonlyMap<string, Dict>): Builder
  /** True if a TypeScript component stands in for a Python class. */
  isRegistered(className: string): boolean
  /** Builds the component that a definition names by its `type`. `context` carries what the parent knows. */
  build<Role extends keyof Roles>(role: Role, definition: Value, context: BuildContext): Roles[Role]
  /** The same for a list; an absent one is empty. */
  buildAll<Role extends keyof Roles>(
    role: Role,
    definitions: Value | undefined,
    context: BuildContext,
  ): Roles[Role][]
}

/** The part of a configured stream that components use. */
export interface ConfiguredStream {
  readonly name: string
  /** The schema that the user selected. */
  readonly jsonSchema: Dict
  /** The cursor field, if the user chose one. */
  readonly cursorField: string | undefined
}

/** The object that each type builds, by role. */
export interface Roles {
  authenticator: Authenticator
  requester: Requester
  errorHandler: ErrorHandler
  backoffStrategy: BackoffStrategy
  decoder: Decoder
  extractor: Extractor
  recordSelector: RecordSelector
  recordFilter: RecordFilter
  transformation: Transformation
  schemaLoader: SchemaLoader
  paginator: Paginator
  paginationStrategy: PaginationStrategy
  partitionRouter: PartitionRouter
  retriever: Retriever
  stream: Stream
  stateMigration: StateMigration
  schemaNormalization: SchemaNormalization
}

/** The context in which a component is built. Each field is set by the component that knows it. */
export interface BuildContext {
  /** The name of the stream, or of the component that sends requests outside of a stream. */
  readonly streamName: string
  /** The definition of the stream, for a state migration. */
  readonly streamDefinition?: PlainDict
  /** Set by the stream for its retriever and the components below it. */
  readonly stream?: StreamContext
  readonly decoder?: Decoder
  /** The definition of the stream's extractor: some paginators look at it. */
  readonly extractor?: PlainDict
  /** The base URL of the stream's requester as it was built: paginators compare a next URL with it. */
  readonly urlBase?: string
  /** The name of the request parameter that the retriever fills with a chunk of properties. */
  readonly queryPropertiesKey?: string
}
/** The facts that a stream passes to its retriever. */
export interface StreamContext {
  readonly cursor: Cursor
  readonly partitionRouter: PartitionRouter | null
  /** The slices of the cursor, or of the partition router if the stream has no cursor. */
  slices(): AsyncIterable<StreamSlice>
  /** The options that the cursor and the partition router add to each request. */
  readonly requestOptions: RequestOptions | null
  readonly transformations: readonly Transformation[]
  readonly schemaLoader: SchemaLoader
  readonly primaryKey: Value
  /** The definition of the stream's incremental_sync. */
  readonly incrementalSync: PlainDict | null
  /** The input state of the stream. */
  readonly state: Dict | null
}

/**
 * A type's builder. The table in `components/components.ts` registers it under Airbyte's name of the type.
 */
export type Component<Role extends keyof Roles> = (
  definition: PlainDict,
  builder: Builder,
  context: BuildContext,
) => Roles[Role]
