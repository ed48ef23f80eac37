import type { IdleSession, IdleSessions } from '../lib/async/idle-sessions.ts'
import type { PostgresDatabase } from '../postgres/address.ts'
import type { BinaryType } from '../protocol/avro/copy-binary-fields.ts'
import type { JsonObjects } from '../protocol/avro/json-objects.ts'
import type {
  AirbyteCatalog,
  AirbyteConnectionStatus,
  ConfiguredAirbyteStream,
  ConnectError,
} from '../protocol/index.ts'
import type { JsonObject, JsonValue, RecordData, StreamId } from '../protocol/index.ts'
import type {
  ComparedField,
  ComparedRows,
  HashFacts,
  LeftOutField,
  RowComparison,
  RowScope,
  TableField,
} from '../protocol/comparison.ts'
import type { KeyedRules, RecordRules } from '../protocol/rules/record-rules.ts'
import type { Logger } from 'pino'
import type { Action, ActionCall } from './action.ts'
import type { DryRunLevel, StreamDescriptor } from './descriptor-schema.ts'
import type { RecordWriter } from './record-writer.ts'
import type { WebhookSignature } from './webhook-signature.ts'

/**
 * The contract of a connector: read this first.
 *
 * A connector is stateless: every call gets the configuration. `check`, `discover` and `openRead` run on the
 * caller's thread. `read` runs in a read worker (a Piscina thread), which finds the connector by the type in
 * its descriptor.
 */
export interface Connector {
  readonly descriptor: ConnectorDescriptor
  /**
   * Checks that the system can be reached with the configuration. Wrong credentials and an unreachable system
   * do not throw: they return the status FAILED with a message that says what to do.
   */
  check(config: JsonObject, context: ConnectorContext): Promise<CheckedStatus>
  /**
   * Returns the streams that the configuration can read, with their schemas. Throws a ConnectError if the
   * system cannot be reached or refuses.
   */
  discover(config: JsonObject, context: ConnectorContext): Promise<AirbyteCatalog>
  /**
   * Opens the session that all tasks of a run share (for example, an exported snapshot). The engine disposes
   * it when the last task of the run has ended.
   * @param streams The streams that will be planned. A source may look at many of them in one request.
   */
  openRead(
    config: JsonObject,
    context: ConnectorContext,
    streams?: readonly StreamId[],
  ): Promise<ReadSession>
  /**
   * Reads one slice and writes its records and states to `out`. Resolves with `complete` when the whole slice
   * is written, and with `stopped` when `context.signal` ended the read early.
   *
   * Before it resolves, it must write a state that covers the last record. A slice that cannot resume writes
   * one state, at its end. If it throws, the engine discards the records after the last state.
   */
  read(
    task: ReadTask,
    out: RecordOutput,
    context: ConnectorContext,
  ): Promise<'complete' | 'stopped'>
  /** Returns the streams that are known without a configuration. Absent if only `discover` finds streams. */
  streams?(): Promise<ConnectorStreams>
  /**
   * The connector itself applies the rules of a task (`ReadTask.rules`), in the cheapest way that the source
   * has. Otherwise the read worker applies them to its records.
   */
  readonly appliesRules?: true
  /**
   * Returns the state from which an incremental read gives the records of a range of its cursor again, and
   * then goes on where it was. Pure. Throws `stream_range_invalid` if the bounds are no values of the cursor.
   * Absent if the connector cannot read a range again.
   * @param stream its label, for errors
   */
  readRange?(state: JsonValue, range: CursorRange, stream: string): RangeRequest
  /**
   * Opens a snapshot whose rows can be compared with those of a destination (engine/compare). Throws a
   * ConnectError if the system cannot be reached. Absent if the connector cannot compare.
   */
  openComparison?(config: JsonObject, context: ConnectorContext): Promise<SourceSnapshot>
  /** The actions. Undefined if the connector has none. */
  readonly actions?: ConnectorActions
  /** Undefined if records cannot be written back into the system. */
  readonly writes?: ConnectorWrites
  /**
   * Reads records from webhook events. Undefined if no event carries or names a record: an event then only
   * says that a stream must be read.
   */
  readonly events?: ConnectorEvents
}

/** The source at one moment. */
export interface SourceSnapshot extends AsyncDisposable {
  readonly hashFacts: HashFacts
  /** Opens the rows of a stream; several at the same time. Throws if the stream cannot be read. */
  openRows(stream: ComparedSource): Promise<SourceRows>
}

/** A stream that is compared, as the source has it. */
export interface ComparedSource {
  readonly stream: ConfiguredAirbyteStream
  readonly rules?: RecordRules | undefined
  /** In the order of the columns of the stream. */
  readonly table: readonly TableField[]
  /** The fields that identify a row, by their names at the destination; empty: none. */
  readonly key: readonly string[]
  /** The destination has one row of each key: the newest. */
  readonly mergesKeys: boolean
  /** Rows that are marked as deleted are not at the destination. */
  readonly leavesDeletedOut: boolean
}

/** The rows of a stream at the source, as they would be loaded. */
export interface SourceRows extends AsyncDisposable {
  /** The fields that can be compared, and the others. */
  readonly fields: readonly ComparedField[]
  readonly leftOut: readonly LeftOutField[]
  /** No two rows have the same key. */
  readonly hasUniqueKey: boolean
  /** The first field of the key, if ranges of it can be read by an index and have the same rows there. */
  readonly orderedKey: string | undefined
  readonly estimatedRows: number
  comparing(comparison: RowComparison): ComparedRows
  /** Values of the ordered key that split the rows into about equal ranges, ascending. */
  rangeBounds(ranges: number): Promise<readonly string[]>
  /**
   * The smallest range of the cursor that has the rows of these ids, and what is known already. Undefined if
   * the stream has no cursor, or none of the rows has a value of it.
   */
  cursorBounds(
    comparison: RowComparison,
    rows: {
      readonly scope: RowScope
      readonly ids: readonly string[]
      readonly known: CursorBounds | undefined
    },
  ): Promise<CursorBounds | undefined>
}

/** Values of a cursor, both inclusive. */
export interface CursorBounds {
  readonly from: string
  readonly to: string
}

/** Values of a cursor, both inclusive. Null: no bound; nothing beyond the position of the stream is meant. */
export interface CursorRange {
  readonly from: string | null
  readonly to: string | null
}

/** The bounds are as the source reads them. */
export interface RangeRequest extends CursorRange {
  readonly state: JsonValue
  readonly cursorField: string
}

export type CheckedStatus = AirbyteConnectionStatus & {
  /**
   * The cause, if a later check may succeed: the server is starting, or cannot be reached. Not for the wire.
   */
  readonly error?: ConnectError
}

export interface ConnectorEvents {
  /** Names of the streams whose records the events carry or name. */
  readonly streams: ReadonlySet<string>
  /**
   * Writes the records that the events report, including deletes, as `Connector.read` would, but no states.
   * Runs in a read worker. Events may arrive late, in any order and more than once: of two versions of a
   * record, the newer has the higher cursor.
   */
  read(
    task: EventsTask,
    out: Pick<RecordOutput, 'records' | 'rateLimited'>,
    context: ConnectorContext,
  ): Promise<void>
}

/** Plain data: it crosses a thread. */
export interface EventsTask extends Pick<ReadTask, 'config' | 'stream'> {
  readonly events: readonly WebhookEvent[]
}

/** A webhook event whose signature was verified. */
export interface WebhookEvent {
  readonly type: string | null
  readonly body: JsonObject
}

export interface ConnectorStreams {
  readonly streams: readonly StreamDescriptor[]
  /** True if there may be more streams, depending on the configuration or the system. */
  readonly generatesStreams: boolean
  /** Dynamic streams of a manifest that cannot be read here, and the reasons. Absent if there are none. */
  readonly unsupportedDynamicStreams?: readonly { readonly name: string; readonly reason: string }[]
}

/** The actions of a connector. `action.ts` defines an action. */
export interface ConnectorActions {
  /**
   * Returns the actions in the order of the documentation. Loads their code when called: a read worker never
   * needs it.
   */
  load(): Promise<readonly Action[]>
  /**
   * Returns the first request that a call would send, without secrets. Pure. The configuration may lack its
   * secrets.
   */
  preview(call: ActionCall, config: JsonObject, options: PreviewOptions): ActionPreview
  /**
   * Returns the values of a configuration, besides its addresses and secrets, that select the account that
   * the actions change. Pure. Absent if there are none: then only equal secrets are known to reach the same
   * account.
   */
  account?(config: JsonObject): VendorAccount
  /**
   * Opens the client that all calls with a configuration share: its open connections, tokens and rate
   * limits.
   */
  open(config: JsonObject, context: ActionContext): Promise<ActionClient>
}

/** The write side of a connector. `record-writer.ts` defines what is written. */
export interface ConnectorWrites {
  /**
   * The account that a configuration reaches, as text: what was written into one account says nothing about
   * another. Pure.
   */
  account(config: JsonObject): string
  /** Opens the client that writes with a configuration. Dispose it after the last write. */
  open(config: JsonObject, context: ActionContext): Promise<RecordWriter>
}

export interface VendorAccount {
  readonly chosenBy: JsonValue
  /**
   * True if configurations with an equal `chosenBy` reach the same account even when their secrets differ.
   */
  readonly isNamed: boolean
}

export interface PreviewOptions {
  /** Sent to a vendor that carries out calls with the same key only once. */
  readonly idempotencyKey: string
}

export interface ActionPreview {
  /** The dry-run that the configuration allows. */
  readonly level: DryRunLevel
  readonly request: ShownRequest
}

/** A request as it is shown to people, without secrets. */
export interface ShownRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** JSON as a value, a form as text, bytes as their length and hash. Absent if the request has no body. */
  readonly body?: JsonValue
}

/** Sends the calls of actions. Dispose it after the last call. */
export interface ActionClient extends AsyncDisposable {
  /**
   * Carries out a call. Repeats the request only if a repetition is safe. Throws `action_address_refused`,
   * `action_refused`, `action_declined`, `action_credentials_refused`, `action_permission_denied`,
   * `action_rate_limited`, `action_unavailable`, `action_outcome_unknown` or `action_response_unreadable`.
   */
  send(call: ActionCall, options: SendOptions): Promise<ActionOutcome>
}

export interface SendOptions extends PreviewOptions {
  /** Limit for each request. */
  readonly timeoutMs: number
  /** Abort it to end the call, even if the vendor is processing a request. */
  readonly signal: AbortSignal
  /**
   * Abort it to end the call only if no request is at the vendor; otherwise the call continues. Default:
   * never.
   */
  readonly stopWaiting?: AbortSignal
  /** The caller can send the same call again with the same `idempotencyKey`. */
  readonly mayComeAgain: boolean
  /** The same call was sent before and may have been carried out. */
  readonly cameBefore?: boolean
}

export interface ActionOutcome {
  readonly output: JsonValue
  /** The vendor's id of the request, for its support and logs; null if the response has none. */
  readonly requestId: string | null
}

export type ActionContext = Omit<ConnectorContext, 'warn' | 'onRequest'> & {
  /** Name of the instance, for errors. */
  readonly instance: string
}

export interface ConnectorContext {
  readonly logger: Logger
  /** Aborted to stop the work. A read ends at the next record after which it can write a state. */
  readonly signal: AbortSignal
  /**
   * Private or reserved networks (`10.1.0.0/16`, `127.0.0.1/32`) that the operator allows for HTTP sources.
   * If it is empty, only public addresses are allowed.
   */
  readonly allowedNetworks: readonly string[]
  /**
   * Called when the connector has changed its configuration (a single-use refresh token). The caller must
   * store the new configuration. It contains secrets.
   */
  configChanged?(config: JsonObject): void
  /** Changes the configuration when several threads or processes read the same source. */
  readonly changeConfig?: ChangeConfig
  /**
   * Called with a secret that is not in the configuration (an access token): it must never be shown. Must not
   * throw.
   */
  secretFound?(text: string): void
  /**
   * Reports a warning of the stream: a fact that the user should know although the read continues. It must
   * contain no secret and no contents of a record. Must not throw.
   */
  warn?(text: string): void
  /** Called for each HTTP request. Must not throw. */
  onRequest?(): void
  now(): number
  /** The rows are for a sandbox: what later runs read must not change, as the position of a slot would. */
  readonly isSandbox?: boolean
  /**
   * Sessions that a call leaves open for the next call. The caller that created this object closes it. If it
   * is absent, each call opens and closes its own session.
   */
  readonly idleSessions?: IdleSessions<IdleSession> | undefined
  /**
   * How a connector that uses HTTP waits. Default: the machine's clock. Tests pass an object that does not
   * wait.
   */
  readonly waits?: Waits
}

export interface Waits {
  /** Rejects if the signal is aborted meanwhile. */
  sleep(seconds: number, signal: AbortSignal): Promise<void>
  /** How long a request waits for the next part of its response. */
  readonly readTimeoutMs: number
}

/**
 * Changes the configuration (a single-use refresh token). Exclusive: one reader of the source at a time,
 * across processes. `change` receives the stored configuration and returns the configuration to store, or
 * null to leave it. Resolves with the stored configuration once it is durable. Rejects with the error that
 * `change` threw, or with a ConnectError if the configuration could not be stored. Contains secrets.
 */
export type ChangeConfig = (
  change: (kept: JsonObject) => Promise<JsonObject | null>,
) => Promise<JsonObject>

/** The session that the tasks of one run share. */
export interface ReadSession extends AsyncDisposable {
  /**
   * Plain data that every `read` receives as `task.session` (for example, the name of an exported snapshot).
   * Valid while the session is open.
   */
  readonly shared: JsonValue
  /**
   * Returns `shared` together with facts that the last `plan` of the stream found, for the reads of that
   * plan.
   */
  sharedWith?(stream: ConfiguredAirbyteStream): JsonValue
  /**
   * Returns true if the session has ended: `plan` would fail, and `shared` is no longer valid. Absent if this
   * is not known.
   */
  isLost?(): boolean
  /**
   * All reads of the session show the source at the same moment, and rows from two moments must not be mixed.
   * If the session is lost, a stream that is read as a whole starts over in another session, provided that
   * its rows can be taken back.
   */
  readonly isOfOneMoment?: boolean
  /**
   * One reader gives the records of all streams, in the order of the source (a feed): the engine runs the
   * reads of the session in one thread and all at the same time, and reports to each the states that are
   * committed (`RecordOutput.onCommitted`). Each stream has one slice. Default: each read stands alone.
   */
  readonly isFeed?: boolean
  /**
   * For a continuous run: reports every few seconds how far the feed is behind, until the signal is aborted.
   * Throws a ConnectError if the feed must stop, by a limit of its configuration. `onLag` must not throw.
   */
  watch?(onLag: (lag: SourceLag) => void, signal: AbortSignal): Promise<void>
  /**
   * Splits a stream into slices that can be read in parallel and resumed independently. A stream that cannot
   * be split has a single slice, named `''`. For an unfinished read, the plan must name the same slices
   * again.
   * @param states The last checkpoint of each slice of an unfinished or incremental read. Empty for a first
   * read.
   * `rules`: those that the reads will apply, if the connector does.
   */
  plan(
    stream: ConfiguredAirbyteStream,
    states: ReadonlyMap<string, JsonValue | null>,
    rules?: RecordRules,
  ): Promise<readonly PlannedSlice[]>
}

/** How far the destination is behind a feed. */
export interface SourceLag {
  /** A part of the source's log, which all of its databases and tables share. */
  readonly bytes: number
  /** The age of the oldest part of it. */
  readonly seconds: number
  /** The log that the source has to keep for the feed, and how that grows. */
  readonly keptBytes: number
  readonly growthBytesPerSecond: number
  /** Until it is too much, if it goes on like this; absent: that will not happen. */
  readonly secondsLeft?: number
}

export interface PlannedSlice {
  readonly slice: string
  /**
   * Where to start reading: a saved state, or the initial state (for a range, its bounds). Null if there is
   * none.
   */
  readonly state: JsonValue | null
  /** The estimated rows and bytes that are left to read, if the source can estimate them. */
  readonly estimate?: { readonly rows?: number; readonly bytes?: number }
}

/** One slice of one stream. Plain data: it crosses a thread. */
export interface ReadTask {
  readonly config: JsonObject
  readonly stream: ConfiguredAirbyteStream
  readonly slice: string
  readonly state: JsonValue | null
  readonly session: JsonValue
  /**
   * For a connector that applies them: `where` and the masks. No state may hold a value that they hide. COPY
   * data then has the masked values as text. Holds a secret: never to be logged.
   */
  readonly rules?: KeyedRules
  /**
   * If columns of an incremental stream have other values in rows that were read before, a connector that
   * notices it reads these rows again, provided that they are merged.
   */
  readonly backfills?: boolean
  /** The read of a feed goes on until it is stopped. Default: it ends where the source was when it began. */
  readonly isContinuous?: boolean
}

/**
 * Receives the records and states of a read, in order. Each call resolves when there is room for more: await
 * it for back-pressure. Nothing is durable when it resolves.
 */
export interface RecordOutput {
  /**
   * Writes records as objects (`RecordData`). An undefined or absent property is missing, which is different
   * from null.
   */
  records(batch: readonly RecordData[], emittedAtMs?: number): Promise<void>
  /**
   * Writes whole lines of Postgres COPY text (each ends in \n), for fast reads. The columns are in the order
   * of the stream's json_schema properties. Session settings: DateStyle ISO, TimeZone UTC, IntervalStyle
   * iso_8601, bytea_output hex, extra_float_digits 1. The caller may reuse the bytes after the promise
   * resolves.
   */
  copyText(lines: Uint8Array, emittedAtMs?: number): Promise<void>
  /**
   * Writes whole rows of binary COPY, without header and trailer. Absent if the output does not accept them.
   * `types` are the types of the columns, each declared as the matching kind (`kindOfBinaryType`). All text
   * is UTF-8.
   */
  copyBinary?(rows: BinaryRows, types: readonly BinaryType[], emittedAtMs?: number): Promise<void>
  /**
   * Writes records that are JSON, without making objects of them. Absent if the output does not accept them.
   * Throws a SyntaxError for what is no object. The caller may reuse the bytes after the promise resolves.
   */
  jsonObjects?(objects: JsonObjects, emittedAtMs?: number): Promise<void>
  /** Writes a state that covers all records so far: a read that starts from it continues right after them. */
  state(state: JsonValue): Promise<void>
  /**
   * Reports that the read waits for a rate limit until this time (epoch ms), so that it does not look stuck.
   */
  rateLimited(untilMs: number): void
  /**
   * Calls the listener with the newest state of the stream that the destination has committed, whenever there
   * is one. Only for a read of a feed; the listener must not throw.
   */
  onCommitted?(listener: (state: JsonValue) => void): void
}

/** Whole rows of binary COPY, and their number. */
export interface BinaryRows {
  readonly bytes: Uint8Array
  readonly count: number
}

/**
 * The descriptor of a connector. The catalog pages, OpenAPI, CLI help, typed clients and dry-runs are
 * generated from it.
 */
export interface ConnectorDescriptor {
  readonly type: string
  readonly title: string
  readonly docsUrl: string
  /** JSON Schema of the configuration. Secrets are marked `airbyte_secret: true`. */
  readonly spec: JsonObject
  readonly auth: readonly AuthScheme[]
  /**
   * The connector needs credentials for one of the schemes of `auth`. The spec requires none of them, because
   * there are several to choose from.
   */
  readonly needsCredentials?: boolean
  readonly webhooks: readonly WebhookDescriptor[]
  /**
   * Returns the fields that decide which servers receive the secrets of a configuration. When such a field
   * changes, stored secrets must be given again, so that nobody can send them to a server of their own.
   */
  addressFields(): AddressFields
  /** Returns the folder of the Unix socket that a configuration uses; undefined if it uses none. */
  socketFolder?(config: JsonObject): string | undefined
  /**
   * Returns the folder of this machine that a configuration reads; undefined if it reads none. The service
   * refuses a folder that its operator has not allowed.
   */
  localFolder?(config: JsonObject): string | undefined
  /**
   * Environment variables that fill absent fields of a run file's configuration, by the names of the fields.
   * Not for instances of the service: the service's own keys are not for its users.
   */
  readonly environment?: Readonly<Record<string, string>>
  /**
   * Returns the PostgreSQL database whose tables are the streams of a configuration; undefined if it names
   * none. With it, a run refuses to load a stream into the table that the stream is read from.
   */
  postgresDatabase?(config: JsonObject): PostgresDatabase | undefined
}

/** JSON pointers, or `all` if any field may decide it. */
export type AddressFields = readonly string[] | 'all'

export type AuthScheme =
  | { readonly kind: 'none' }
  | { readonly kind: 'api_key'; readonly field: string }
  | { readonly kind: 'basic'; readonly usernameField: string; readonly passwordField: string }
  | OAuth2Scheme

/**
 * Authorization code with PKCE, in the browser. Fields of the token response become secrets of the instance.
 */
export interface OAuth2Scheme {
  readonly kind: 'oauth2'
  readonly authorizeUrl: string
  readonly tokenUrl: string
  readonly scopes: readonly string[]
  /** The issuer that the vendor sends in the callback (RFC 9207). Absent if it sends none. */
  readonly issuer?: string
  /** How the client authenticates at the token endpoint; default `post`. */
  readonly clientAuthentication?: 'post' | 'basic'
  /**
   * Default: client_id, client_secret, access_token, refresh_token and token_expiry_date at the top of the
   * configuration.
   */
  readonly fields?: OAuth2Fields
  /** Only for a manifest: its URLs are templates, and it defines the token request itself. */
  readonly templates?: OAuth2Templates
}
/** Places in the configuration, as JSON pointers. */
export interface OAuth2Fields {
  readonly clientId: string
  readonly clientSecret: string
  /** Keyed by the name in the token response. `token_expiry_date` is calculated (ISO 8601). */
  readonly answer: Readonly<Record<string, string>>
}
/** Jinja, as Airbyte's declarative OAuth has it. */
export interface OAuth2Templates {
  readonly headers: Readonly<Record<string, string>>
  readonly params: Readonly<Record<string, string>>
  /** The vendor's names of parameters: `client_id` -> `app_id`. */
  readonly keys: Readonly<Record<string, string>>
  /** The parts of the configuration that templates may use: name -> JSON pointer. */
  readonly userInput: Readonly<Record<string, string>>
  readonly scopeSeparator: string
  /** The fields of the response to use: paths with dots; the last part is the name. */
  readonly output: readonly string[]
  /** The field of the response that says after how many seconds the token expires. */
  readonly expiryKey: string
}

export interface WebhookDescriptor {
  readonly name: string
  readonly title: string
  readonly signature: WebhookSignature
  readonly replayWindowMs: number
  /**
   * JSON pointer to the event's id in the parsed body, or `header:` and the name of a header, in lower case.
   */
  readonly eventId: string
  /** The place of the event's type, in the same notation. */
  readonly eventType: string
  /** The party that chooses the secret. */
  readonly secretFrom: 'vendor' | 'user'
  /** Event type -> the stream that it refreshes. */
  readonly refreshes: Readonly<Record<string, string>>
  /**
   * Fields of the body that say something about the delivery, and so may differ when an event is sent again.
   * Default: none.
   */
  readonly perDelivery?: readonly string[]
  /**
   * For a vendor that may send a form instead of JSON: the form field that holds the JSON. Default: the body
   * itself.
   */
  readonly formField?: string
  /**
   * Deliveries that are no events: they get a response and are stored, and no target gets them. Default:
   * none.
   */
  readonly handshakes?: readonly WebhookHandshake[]
}

/**
 * A request by which a vendor tries the address, or reports something about the webhook itself. It is signed
 * like all others.
 */
export interface WebhookHandshake {
  /** A delivery is a handshake if this text is at this place (see `eventId`). */
  readonly when: { readonly at: string; readonly is: string }
  /**
   * The properties of the response: their names, and the JSON pointers to the texts of the body that they
   * repeat.
   */
  readonly answer: Readonly<Record<string, string>>
}
