import type { IdleSession, IdleSessions } from '../lib/async/idle-sessions.ts'
import type { PostgresDatabase } from '../postgres/address.ts'
import type { BinaryType } from '../protocol/avro/copy-binary-fields.ts'
import type {
  AirbyteCatalog,
  AirbyteConnectionStatus,
  ConfiguredAirbyteStream,
  ConnectError,
} from '../protocol/index.ts'
import type { JsonObject, JsonValue, RecordData, StreamId } from '../protocol/index.ts'
import type { Logger } from 'pino'
import type { Action, ActionCall } from './action.ts'
import type { DryRunLevel, StreamDescriptor } from './descriptor-schema.ts'
import type { WebhookSignature } from './webhook-signature.ts'

/**
 * The unified contract of a connector: read this first.
 *
 * A connector is stateless: every call gets the configuration. `check`, `discover` and `openRead` run on the caller's
 * thread; `read` runs in a read worker (a Piscina thread) and must be found there by the descriptor's type alone.
 */
export interface Connector {
  readonly descriptor: ConnectorDescriptor
  /** Never throws for wrong credentials or an unreachable system: these are a FAILED status with a message that says what to do. */
  check(config: JsonObject, context: ConnectorContext): Promise<CheckedStatus>
  /** Throws a ConnectError if the system cannot be reached or refuses. */
  discover(config: JsonObject, context: ConnectorContext): Promise<AirbyteCatalog>
  /**
   * Opens what the whole run shares (an exported snapshot); the session is disposed when every task of the run has ended.
   * @param streams those that will be planned: a source may look at many of them at once
   */
  openRead(
    config: JsonObject,
    context: ConnectorContext,
    streams?: readonly StreamId[],
  ): Promise<ReadSession>
  /**
   * Reads one task to its end. Resolves `complete` when all of the slice has been given to `out`, `stopped` when
   * `context.signal` ended it early. Either way a state that covers the last record must have been emitted before it
   * resolves (a slice that cannot resume emits one state, at its end); records after the last state are discarded when it throws.
   */
  read(
    task: ReadTask,
    out: RecordOutput,
    context: ConnectorContext,
  ): Promise<'complete' | 'stopped'>
  /** The streams that are known without a configuration. Undefined if only a discovery finds any. */
  streams?(): Promise<ConnectorStreams>
  /** Undefined if the connector has no actions. */
  readonly actions?: ConnectorActions
  /** Undefined if no event of its webhooks carries a record, or names one. Such an event only says that a stream is to be read. */
  readonly events?: ConnectorEvents
}

export type CheckedStatus = AirbyteConnectionStatus & {
  /** Why it failed, if that may pass: a server that starts, or that cannot be reached. Not for the wire. */
  readonly error?: ConnectError
}

export interface ConnectorEvents {
  /** The names of the streams whose records events carry or name. */
  readonly streams: ReadonlySet<string>
  /**
   * Emits the records that the events report, with deletes, as `read` would, and no state. Events come in any
   * order, late and more than once: the newer of two versions of a record has the higher cursor. Runs in a
   * read worker.
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

/** A genuine event of a webhook. */
export interface WebhookEvent {
  readonly type: string | null
  readonly body: JsonObject
}

export interface ConnectorStreams {
  readonly streams: readonly StreamDescriptor[]
  /** True if there are more, which a configuration or the system decides. */
  readonly generatesStreams: boolean
  /** Dynamic streams of a manifest that make none here, and why. Absent: there are none. */
  readonly unsupportedDynamicStreams?: readonly { readonly name: string; readonly reason: string }[]
}

/** The actions of a connector. `action.ts` defines an action. */
export interface ConnectorActions {
  /** In the order of the documentation. Loaded when it is called: a thread that reads needs none of it. */
  load(): Promise<readonly Action[]>
  /** The request of a call as it would be sent first, without secrets. Pure; the configuration may lack its secrets. */
  preview(call: ActionCall, config: JsonObject, options: PreviewOptions): ActionPreview
  /**
   * The values of a configuration, beside its addresses and secrets, that decide whose account its actions
   * change. Pure. Absent: there are none, so that only the same secrets are known to reach the same account.
   */
  account?(config: JsonObject): VendorAccount
  /**
   * Opens the state that all calls with a configuration share: connections that stay open, tokens, rate
   * limits.
   */
  open(config: JsonObject, context: ActionContext): Promise<ActionClient>
}

export interface VendorAccount {
  readonly chosenBy: JsonValue
  /** Configurations with an equal `chosenBy` reach the same account, also with other secrets. */
  readonly isNamed: boolean
}

export interface PreviewOptions {
  /** For a vendor that does a call with the same key once. */
  readonly idempotencyKey: string
}

export interface ActionPreview {
  /** The dry-run that the configuration allows. */
  readonly level: DryRunLevel
  readonly request: ShownRequest
}

/** A request for people: without secrets. */
export interface ShownRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** JSON as it is, a form as its text, bytes by their length and hash; absent if there is none. */
  readonly body?: JsonValue
}

/** Sends actions. Dispose it when nobody uses it any more. */
export interface ActionClient extends AsyncDisposable {
  /**
   * Carries out a call, with repetitions if they are safe. Throws `action_address_refused`, `action_refused`, `action_declined`,
   * `action_credentials_refused`, `action_permission_denied`, `action_rate_limited`, `action_unavailable`, `action_outcome_unknown`, `action_response_unreadable`.
   */
  send(call: ActionCall, options: SendOptions): Promise<ActionOutcome>
}

export interface SendOptions extends PreviewOptions {
  /** For each request. */
  readonly timeoutMs: number
  /** Aborted to cut a request that is at the vendor. */
  readonly signal: AbortSignal
  /** Aborted to wait no longer: a call that is not at the vendor ends, one that is there goes on. Default: never. */
  readonly stopWaiting?: AbortSignal
  /** The caller can send the same call with the same `idempotencyKey` again. */
  readonly mayComeAgain: boolean
  /** The same call was sent before, and may have been carried out. */
  readonly cameBefore?: boolean
}

export interface ActionOutcome {
  readonly output: JsonValue
  /** By which the vendor finds the request. */
  readonly requestId: string | null
}

export type ActionContext = Omit<ConnectorContext, 'warn' | 'onRequest'> & {
  /** Name of the instance, for errors. */
  readonly instance: string
}

export interface ConnectorContext {
  readonly logger: Logger
  /** Aborted to stop: end at the next place that can carry a state. */
  readonly signal: AbortSignal
  /**
   * Private or reserved networks (`10.1.0.0/16`, `127.0.0.1/32`) that the operator allows for HTTP sources. None: public addresses only.
   */
  readonly allowedNetworks: readonly string[]
  /** The connector changed its configuration (a single-use refresh token): the caller must store the new one. Contains secrets. */
  configChanged?(config: JsonObject): void
  /** Changes the shared part of the configuration if several threads or processes read the same source. */
  readonly changeConfig?: ChangeConfig
  /** Called with a secret that is not in the configuration (an access token), which must never be shown. Must not throw. */
  secretFound?(text: string): void
  /**
   * Reports a fact that the user should know although the read continues: a warning of the stream. Never a
   * secret, nor contents of a record. Must not throw.
   */
  warn?(text: string): void
  /** Called for each request, by a connector that uses HTTP. Must not throw. */
  onRequest?(): void
  now(): number
  /**
   * The sessions that one call leaves open for the next. The code that made this object closes it. Absent:
   * each call opens and closes its own.
   */
  readonly idleSessions?: IdleSessions<IdleSession> | undefined
  /** How a connector that uses HTTP waits. Default: by the machine's clock. Tests pass one that does not wait. */
  readonly waits?: Waits
}

export interface Waits {
  /** Rejects if the signal is aborted meanwhile. */
  sleep(seconds: number, signal: AbortSignal): Promise<void>
  /** How long a request waits for the next part of its response. */
  readonly readTimeoutMs: number
}

/**
 * Changes the configuration (a single-use refresh token) while no other reader of the source does, in any process. `change` gets the stored
 * configuration, and returns the one to store, or null if nothing changes. Resolves with the stored configuration, once it is durable;
 * rejects with what `change` threw, and with a ConnectError if it could not be stored. Contains secrets.
 */
export type ChangeConfig = (
  change: (kept: JsonObject) => Promise<JsonObject | null>,
) => Promise<JsonObject>

/** The session that the tasks of one run share. */
export interface ReadSession extends AsyncDisposable {
  /** Plain data that every `read` gets as `task.session` (the name of an exported snapshot). Valid while the session is open. */
  readonly shared: JsonValue
  /** The same with what the last `plan` of the stream found out, for the reads of that plan. */
  sharedWith?(stream: ConfiguredAirbyteStream): JsonValue
  /** Whether the session has ended, so that `plan` would fail, and what is shared is not valid any more. Absent: not known. */
  isLost?(): boolean
  /**
   * All reads of the session show the source at one moment, and rows of two moments must not be mixed: once the session is lost, a stream that
   * is read as a whole begins again in another one, where its rows can be taken back.
   */
  readonly isOfOneMoment?: boolean
  /**
   * Splits a stream into slices that can be read at the same time and resumed one by one.
   * `states`: the last checkpoint of each slice of an unfinished or incremental read, by slice; empty for a first read.
   * For an unfinished read the plan must name the same slices. A stream without slices has the one slice `''`.
   */
  plan(
    stream: ConfiguredAirbyteStream,
    states: ReadonlyMap<string, JsonValue | null>,
  ): Promise<readonly PlannedSlice[]>
}

export interface PlannedSlice {
  readonly slice: string
  /** Where to start reading: a saved state, or the initial one (for a range: its bounds), null if there is none. */
  readonly state: JsonValue | null
  /** The estimated rest, if the source can estimate it. */
  readonly estimate?: { readonly rows?: number; readonly bytes?: number }
}

/** One slice of one stream. Plain data: it crosses a thread. */
export interface ReadTask {
  readonly config: JsonObject
  readonly stream: ConfiguredAirbyteStream
  readonly slice: string
  readonly state: JsonValue | null
  readonly session: JsonValue
}

/**
 * A read writes its records and states here, in order. Each call resolves when there is room for more: await it for back-pressure. Nothing
 * is durable when it resolves.
 */
export interface RecordOutput {
  /** For objects. Values: see `RecordData`. A property that is undefined or absent is missing, which is different from null. */
  records(batch: readonly RecordData[], emittedAtMs?: number): Promise<void>
  /**
   * For fast reads: whole lines of Postgres COPY text (each ends in \n), columns in the order of the stream's json_schema properties,
   * session settings DateStyle ISO, TimeZone UTC, IntervalStyle iso_8601, bytea_output hex, extra_float_digits 1. The bytes may be reused
   * by the caller after the promise resolves.
   */
  copyText(lines: Uint8Array, emittedAtMs?: number): Promise<void>
  /**
   * The same with rows of binary COPY (whole ones, without its header and trailer), if the output accepts them. `types` are the types of
   * the columns; each must be declared as the right kind (`kindOfBinaryType`). All text is UTF-8.
   */
  copyBinary?(rows: BinaryRows, types: readonly BinaryType[], emittedAtMs?: number): Promise<void>
  /** All records so far are covered by this state: a read that starts from it continues right after them. */
  state(state: JsonValue): Promise<void>
  /** A sign of life while nothing can be read: waiting for a rate limit. */
  rateLimited(untilMs: number): void
}

/** Whole rows of binary COPY, and how many they are. */
export interface BinaryRows {
  readonly bytes: Uint8Array
  readonly count: number
}

/** The one descriptor of a connector: catalog pages, OpenAPI, CLI help, typed clients and dry-runs are made from it. */
export interface ConnectorDescriptor {
  readonly type: string
  readonly title: string
  readonly docsUrl: string
  /** JSON Schema of the configuration; secrets are marked `airbyte_secret: true`. */
  readonly spec: JsonObject
  readonly auth: readonly AuthScheme[]
  /** Nothing works without one of the credentials of `auth`, although the spec requires none of them: there are several to choose from. */
  readonly needsCredentials?: boolean
  readonly webhooks: readonly WebhookDescriptor[]
  /**
   * The fields that decide which servers get the secrets of a configuration: if one of them is changed, stored secrets must be given again,
   * so that nobody sends them to a server of their own.
   */
  addressFields(): AddressFields
  /** The folder of a Unix socket of this machine that a configuration uses; undefined if it uses none. */
  socketFolder?(config: JsonObject): string | undefined
  /**
   * The PostgreSQL database whose tables are the streams of a configuration: a run refuses to load a stream into the table that it is read
   * from. Undefined if the configuration does not name one.
   */
  postgresDatabase?(config: JsonObject): PostgresDatabase | undefined
}

/** JSON pointers; `all` if any field might decide it. */
export type AddressFields = readonly string[] | 'all'

export type AuthScheme =
  | { readonly kind: 'none' }
  | { readonly kind: 'api_key'; readonly field: string }
  | { readonly kind: 'basic'; readonly usernameField: string; readonly passwordField: string }
  | OAuth2Scheme

/** Authorization code with PKCE, in the browser. The response's fields become secrets of the instance. */
export interface OAuth2Scheme {
  readonly kind: 'oauth2'
  readonly authorizeUrl: string
  readonly tokenUrl: string
  readonly scopes: readonly string[]
  /** The issuer that the vendor sends in the callback (RFC 9207), if it does. */
  readonly issuer?: string
  /** How the client authenticates at the token endpoint; default `post`. */
  readonly clientAuthentication?: 'post' | 'basic'
  /** Default: client_id, client_secret, access_token, refresh_token and token_expiry_date at the top of the configuration. */
  readonly fields?: OAuth2Fields
  /** Only for a manifest: its URLs are templates, and it defines the token request itself. */
  readonly templates?: OAuth2Templates
}
/** Places in the configuration, as JSON pointers. */
export interface OAuth2Fields {
  readonly clientId: string
  readonly clientSecret: string
  /** By the name in the token endpoint's response; `token_expiry_date` is calculated (ISO 8601). */
  readonly answer: Readonly<Record<string, string>>
}
/** Jinja, as Airbyte's declarative OAuth has it. */
export interface OAuth2Templates {
  readonly headers: Readonly<Record<string, string>>
  readonly params: Readonly<Record<string, string>>
  /** Other names of parameters: `client_id` -> `app_id`. */
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
  /** JSON pointer to the event's id in the parsed body, or `header:` and the name of a header, in lower case. */
  readonly eventId: string
  /** The same for its type. */
  readonly eventType: string
  /** The party that chooses the secret. */
  readonly secretFrom: 'vendor' | 'user'
  /** Event type -> the stream that it refreshes. */
  readonly refreshes: Readonly<Record<string, string>>
  /** Fields of the body that say something about the delivery, and so may differ when an event is sent again. Default: none. */
  readonly perDelivery?: readonly string[]
  /** The vendor may send a form instead of JSON: the field of it that has the JSON. Default: bodies are taken as they come. */
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
  /** It is one if this text is at this place (see `eventId`). */
  readonly when: { readonly at: string; readonly is: string }
  /**
   * The properties of the response: their names, and the JSON pointers to the texts of the body that they
   * repeat.
   */
  readonly answer: Readonly<Record<string, string>>
}
