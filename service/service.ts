import type {
  AirbyteCatalog,
  AirbyteConnectionStatus,
  AvroSchema,
  ColumnKind,
  ConnectError,
  ErrorBody,
  JsonObject,
  JsonValue,
} from '../protocol/index.ts'
import type { ConnectorDescriptor } from '../connectors/connector.ts'
import type { SandboxReport } from '../engine/sandbox/sandbox-report.ts'
import type { Listed } from './access/access-request.ts'
import type { Authenticator, Principal, PrincipalKind, Scope } from './access/principal.ts'

/**
 * What the control plane does, without HTTP: read this first. The routes call it, the jobs call it, tests call it. Every
 * method throws a ConnectError; what it returned is durable.
 */
export interface Service {
  readonly catalog: CatalogService
  readonly instances: InstanceService
  readonly connections: ConnectionService
  readonly runs: RunService
  readonly schemas: SchemaService
  readonly sandboxes: SandboxService
  readonly apiKeys: ApiKeyService
  readonly users: UserService
  readonly logins: LoginService
  readonly health: HealthService
}

/** A part of a list. `next`: give it as `cursor` to get what follows; null at the end. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly next: string | null
}
export interface PageRequest {
  /** 1 to 200; 50 where nothing is said. */
  readonly limit?: number
  readonly cursor?: string
}
/** Only the items that it says yes to: a page has as many of them as it may have, however many others lie between. */
export interface ShownOnly {
  readonly shown?: (item: Listed) => boolean
}

/** Every kept thing has a version that each change increases: it is the ETag. */
export interface Versioned {
  readonly version: number
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly updatedAt: string
}

export interface CatalogService {
  list(): Promise<readonly CatalogEntry[]>
  /** Throws `unknown_connector`. */
  get(type: string): Promise<ConnectorDescriptor>
}
export interface CatalogEntry {
  readonly type: string
  readonly title: string
  /** native: written here; bundled and imported: manifests. */
  readonly kind: 'native' | 'bundled' | 'imported'
}

/** A configured connector. Names: letters, digits, `-` and `_`, at most 63, unique and stable. */
export interface Instance extends Versioned {
  readonly id: string
  readonly name: string
  readonly type: string
  /** Without its secrets: those are in the vault. */
  readonly config: JsonObject
  /** Which secret fields (JSON pointers) are set. */
  readonly secrets: readonly string[]
  readonly credentials: CredentialStatus
}
/** missing: required secrets are not set. reauthorize: a refresh was refused, the user must authorize anew. */
export type CredentialStatus = 'ready' | 'missing' | 'reauthorize'

export interface InstanceService {
  /** `config` may hold secrets: they go to the vault. Throws `name_taken`, `unknown_connector`, `instance_config_invalid`. */
  create(input: { name: string; type: string; config: JsonObject }): Promise<Instance>
  /** Throws `instance_not_found`. */
  get(name: string): Promise<Instance>
  list(page: PageRequest & ShownOnly & { readonly type?: string }): Promise<Page<Instance>>
  /** Replaces the configuration; secrets that are left out stay. Throws `version_conflict` where `ifVersion` is not the version. */
  update(name: string, input: { config: JsonObject }, ifVersion?: number): Promise<Instance>
  /** Throws `instance_in_use` where connections use it. Its secrets are deleted. */
  delete(name: string, ifVersion?: number): Promise<void>
  /** Sets secrets (an object with the spec's secret fields). */
  setCredentials(name: string, secrets: JsonObject): Promise<Instance>
  /** Begins OAuth in the browser: where to send the user. `redirectUri`: where the browser comes back to (a CLI's loopback address); default: the service's own callback. */
  beginAuthorization(
    name: string,
    redirectUri?: string,
  ): Promise<{ authorizeUrl: string; state: string }>
  /** Ends it with what the browser brought back. */
  completeAuthorization(callback: {
    state: string
    code?: string
    error?: string
    iss?: string
  }): Promise<Instance>
  /** FAILED with a message that says what to do, also for credentials that are missing. Throws `source_timed_out`. */
  check(name: string): Promise<AirbyteConnectionStatus>
  /** Cached for an hour. Throws what `resolveConfig` throws, `source_timed_out`, and what the connector says. */
  discover(name: string, options: { readonly refresh: boolean }): Promise<Discovered>
  /**
   * The configuration with its secrets, for a run in this process; tokens are refreshed where they expire. Never leaves the process.
   * Throws `credentials_missing`, `reauthorization_required`, `oauth_refresh_failed`.
   */
  resolveConfig(name: string): Promise<ResolvedConfig>
  /**
   * What a connector changed of the configuration that `resolveConfig` gave it (`given`): secrets to the vault, the rest to
   * the store. What it left as it was is left as it is by now: somebody may have changed it in the meantime.
   */
  keepConfig(name: string, config: JsonObject, given: JsonObject): Promise<void>
  /**
   * Changes tokens that all readers of the instance share, in any process, while no other reader does: a refresh token that
   * works once. `given`: what the reader got of `resolveConfig`; `change` gets it with the secrets as they are by now. Resolves
   * with the configuration as it is then, once it is durable in the vault; rejects with what `change` threw.
   */
  changeConfig(name: string, given: JsonObject, change: ConfigChange): Promise<JsonObject>
  /**
   * The vendor no longer accepts the authorization that is in `config`: notes `reauthorize`, unless other secrets have been set
   * in the meantime, and gives the error to show (`reauthorization_required`).
   */
  authorizationLost(
    name: string,
    lost: { readonly config: JsonObject; readonly reason: string },
  ): Promise<ConnectError>
}
/** Gives what is to be kept, null where it is to stay. */
export type ConfigChange = (kept: JsonObject) => Promise<JsonObject | null>
export interface ResolvedConfig {
  /** By which the engine finds the connector: not always the type of the instance. */
  readonly type: string
  readonly config: JsonObject
  /** The texts in it that no log, error or message may hold: see `instances/mask-secrets.ts`. */
  readonly secrets: readonly string[]
}
export interface Discovered {
  readonly catalog: AirbyteCatalog
  readonly discoveredAt: string
  readonly fromCache: boolean
}

export interface StreamBinding {
  readonly name: string
  readonly namespace?: string
  readonly syncMode?: 'full_refresh' | 'incremental'
  readonly destinationSyncMode?: 'append' | 'overwrite' | 'append_dedup' | 'overwrite_dedup'
  readonly cursorField?: string
  readonly primaryKey?: readonly string[]
}
export interface ConnectionInput {
  readonly name: string
  /** The instance that is read. */
  readonly from: string
  /** Absent: every stream, as the connector suggests it. */
  readonly streams?: readonly StreamBinding[]
  /** `data:DATASET`, `postgres:NAME`; others exist in name only: `destination_not_available`. */
  readonly destination: string
  readonly schedule?: Schedule | null
  readonly options?: ConnectionOptions
  /** Its schedule fires and its runs start at once, without a sandbox that was promoted. Default false. */
  readonly activate?: boolean
}
/** What of a connection can be changed later. */
export type ConnectionUpdate = Partial<Omit<ConnectionInput, 'name' | 'from' | 'activate'>>
export interface Schedule {
  /** Five fields. */
  readonly cron: string
  /** IANA name; UTC where nothing is said. */
  readonly timezone?: string
  /** What happens to times that passed while the service was down: run once, or skip. Default skip. */
  readonly catchUp?: 'once' | 'skip'
}
export interface ConnectionOptions {
  readonly metadata?: 'full' | 'minimal'
  readonly deletes?: 'hard' | 'soft'
  readonly log?: 'embedded' | 'kafka'
  readonly framing?: 'block' | 'record'
  /** What a run does where the source's schema is not the approved one. Default `propagate`. */
  readonly schemaDrift?: SchemaDriftPolicy
}
/** propagate: follow the source. ignore: keep to what was approved. block_until_approved: read nothing until somebody approves. */
export type SchemaDriftPolicy = 'propagate' | 'ignore' | 'block_until_approved'

/** How one stream of the source differs from what was approved for the connection. Of an added stream all columns are added, of a removed one all are removed. */
export interface SchemaChange {
  readonly name: string
  readonly namespace: string | null
  readonly change: 'added' | 'removed' | 'changed'
  readonly addedColumns: readonly SchemaColumn[]
  readonly removedColumns: readonly SchemaColumn[]
  readonly typeChanges: readonly {
    readonly name: string
    readonly from: ColumnKind
    readonly to: ColumnKind
  }[]
  /** Of a changed stream; null where it stayed. Paths of the key's fields; none: the source names no key. */
  readonly primaryKey: FromTo<readonly (readonly string[])[]> | null
  readonly cursor: FromTo<SourceCursor> | null
  readonly syncModes: FromTo<readonly ('full_refresh' | 'incremental')[]> | null
  /** How many columns are left off the three lists; of a change that is kept each has 100 at most. */
  readonly columnsLeft: number
}
export interface SchemaColumn {
  readonly name: string
  readonly type: ColumnKind
}
export interface SourceCursor {
  /** Path of the field; empty where the source names none. */
  readonly field: readonly string[]
  /** The source has a cursor of its own, which nobody can choose. */
  readonly sourceDefined: boolean
}
export interface FromTo<Value> {
  readonly from: Value
  readonly to: Value
}
/** What a run saw of the source that the connection's approved schema has not. */
export interface SchemaDrift {
  /** blocked: runs read nothing until it is approved. ignored: runs keep to what was approved. */
  readonly status: 'blocked' | 'ignored'
  /** Of the selected streams as they were seen: what is approved. */
  readonly fingerprint: string
  /** The first 100; `total` counts them all. */
  readonly changes: readonly SchemaChange[]
  readonly total: number
  /** The run that saw it first. */
  readonly run: string
  readonly detectedAt: string
}
export interface Connection extends Versioned {
  readonly id: string
  readonly name: string
  readonly from: string
  readonly streams: readonly StreamBinding[] | null
  readonly destination: string
  readonly schedule: Schedule | null
  readonly options: ConnectionOptions
  /** inactive: new, and neither promoted nor activated: it runs neither by its schedule nor by hand. */
  readonly status: 'inactive' | 'active' | 'paused'
  readonly nextRunAt: string | null
  readonly lastRun: RunSummary | null
  /** Null where the last run saw what was approved, or followed the source. */
  readonly drift: SchemaDrift | null
}

export interface ConnectionService {
  /** Checks the streams against a discovery of the instance. Throws `name_taken`, `instance_not_found`, `stream_not_found`, … */
  create(input: ConnectionInput): Promise<Connection>
  get(name: string): Promise<Connection>
  list(
    page: PageRequest &
      ShownOnly & { readonly instance?: string; readonly status?: Connection['status'] },
  ): Promise<Page<Connection>>
  update(name: string, input: ConnectionUpdate, ifVersion?: number): Promise<Connection>
  /** Lets it run, without a sandbox; also a paused one. What is active stays as it is. */
  activate(name: string): Promise<Connection>
  /** A paused connection starts no run by its schedule; a run that goes on goes on. Throws `connection_inactive`. */
  setPaused(name: string, paused: boolean): Promise<Connection>
  /** Throws `connection_has_active_run`. Tables at the destination stay. */
  delete(name: string, ifVersion?: number): Promise<void>
  /**
   * Approves the schema that a run saw (`drift.fingerprint`): the next run goes by it. Approving it again changes nothing.
   * Throws `schema_drift_outdated` for any other: nothing that came later is approved by accident.
   */
  approve(name: string, fingerprint: string): Promise<Connection>
  /** Forgets the checkpoints of all streams, or of some: the next run reads them from the beginning. */
  reset(name: string, streams?: readonly string[]): Promise<void>
}

export type RunStatus = 'queued' | 'running' | 'complete' | 'partial' | 'failed' | 'cancelled'
export interface RunSummary {
  /** A ULID with the prefix `run_`. */
  readonly id: string
  readonly connection: string
  readonly status: RunStatus
  readonly trigger: 'manual' | 'schedule' | 'retry' | 'jobs' | 'promote'
  readonly createdAt: string
  readonly startedAt: string | null
  readonly endedAt: string | null
  /** Sums over the streams. */
  readonly read: number
  readonly loaded: number
  readonly rejected: number
  readonly error: ErrorBody | null
}
export interface Run extends RunSummary {
  readonly attempts: number
  readonly retryOf: string | null
  readonly streams: readonly RunStream[]
  /** How the source's schema differed from the approved one; the first 100. */
  readonly schemaChanges: readonly SchemaChange[]
}
export interface RunStream {
  readonly name: string
  readonly namespace: string | null
  readonly status: 'waiting' | 'running' | 'complete' | 'failed' | 'stopped'
  readonly read: number
  readonly readBytes: number
  readonly loaded: number
  readonly rejected: number
  readonly bottleneck: string | null
  readonly error: ErrorBody | null
  readonly warnings: readonly string[]
}
export interface RunLogLine {
  /** Increases in a run; a follower goes on after the last one it saw. */
  readonly seq: number
  readonly at: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, JsonValue>>
}

export interface RunService {
  /** Queues a run. Throws `run_active` where one of the connection is queued or running, `connection_inactive`. */
  start(connection: string, trigger?: 'manual' | 'jobs'): Promise<Run>
  /** Throws `run_not_found`. */
  get(connection: string, id: string): Promise<Run>
  /** By its id alone. Throws `run_not_found`. */
  find(id: string): Promise<Run>
  list(
    connection: string,
    page: PageRequest & { readonly status?: RunStatus },
  ): Promise<Page<RunSummary>>
  /** Drains to the last checkpoint. A queued run is cancelled at once. Throws `run_ended`. */
  cancel(connection: string, id: string): Promise<Run>
  /** A new run that resumes from the last checkpoint. Throws `run_active`, `run_not_retryable` (it is complete). */
  retry(connection: string, id: string): Promise<Run>
  logs(connection: string, id: string, after: number, limit: number): Promise<readonly RunLogLine[]>
  /** Lines and changes of status as they come, from `after` on; ends when the run has ended or the signal is aborted. */
  follow(
    connection: string,
    id: string,
    after: number,
    signal: AbortSignal,
  ): AsyncIterable<RunEvent>
}
export type RunEvent =
  { readonly type: 'log'; readonly line: RunLogLine } | { readonly type: 'run'; readonly run: Run }

/** Which schema the records of a connection's stream have had. A stream's versions count up as runs see new ones. */
export interface StreamSchema {
  readonly connection: string
  readonly name: string
  readonly namespace: string | null
  readonly version: number
  /** Of one record: in messages with the framing `record`. 16 hexadecimal digits. */
  readonly recordFingerprint: string
  /** Of an array of records: in messages with the framing `block`. */
  readonly blockFingerprint: string
  /** The run that carried such records first. */
  readonly run: string
  readonly firstSeenAt: string
}
/** The schema that a message's fingerprint stands for. */
export interface UsedSchema {
  readonly fingerprint: string
  readonly framing: 'block' | 'record'
  /** Avro. */
  readonly schema: AvroSchema
  /** The newest 100. */
  readonly usedBy: readonly StreamSchema[]
}
export interface SchemaService {
  /** The newest first. `stream`: by its name alone. */
  list(
    page: PageRequest & ShownOnly & { readonly connection?: string; readonly stream?: string },
  ): Promise<Page<StreamSchema>>
  /** Throws `schema_not_found`, also where no use of it is shown. */
  get(fingerprint: string, shown?: ShownOnly['shown']): Promise<UsedSchema>
}

/**
 * Trying a connection out before anything is changed. A sandbox reads some rows into a schema of its own at the
 * destination and says what a run would change; its promote token lets exactly that happen, once.
 */
export interface SandboxService {
  /**
   * Runs a sandbox to its end, in seconds to a minute or two; then its schema stays until it expires. Throws
   * `connection_not_found`, `stream_not_found`, `sandbox_active`, `sandbox_limit_reached`, `sandbox_timed_out`, and what a run of
   * the connection would fail with before it reads.
   */
  run(connection: string, input: SandboxInput): Promise<FinishedSandbox>
  /** Throws `sandbox_not_found`. */
  get(connection: string, id: string): Promise<Sandbox>
  /** The newest first. Throws `connection_not_found`. */
  list(connection: string, page: PageRequest): Promise<Page<SandboxSummary>>
  /** Its rows at the destination go, and its token is worth nothing any more; one that runs is stopped. Throws `sandbox_not_found`. */
  delete(connection: string, id: string): Promise<void>
  /**
   * Activates the connection and queues its first run, where nothing has moved since the sandbox. Throws `promote_token_invalid`
   * (tampered, of another connection or principal), `promote_token_used`, `promote_token_expired`, `run_active`.
   */
  promote(connection: string, input: PromoteInput): Promise<Promotion>
}

export interface SandboxInput {
  /** Records read of each stream at most. */
  readonly limitRows: number
  /** Their names; all of the connection where left out. */
  readonly streams?: readonly string[]
  /** Id of the principal that asks: nobody else may promote it. */
  readonly principal: string
}

export interface PromoteInput {
  readonly token: string
  /** Id of the principal that asks. */
  readonly principal: string
}

/** expired: its token is worth nothing any more, and its schema is dropped. */
export type SandboxStatus = 'running' | 'ready' | 'failed' | 'promoted' | 'expired'

export interface SandboxSummary {
  /** A ULID with the prefix `sbx_`. */
  readonly id: string
  readonly connection: string
  readonly status: SandboxStatus
  readonly limitRows: number
  /** Id of the principal that ran it. */
  readonly principal: string
  readonly createdAt: string
  readonly expiresAt: string
  /** The run that its token started. */
  readonly promotedRun: string | null
}

export interface Sandbox extends SandboxSummary {
  /** Without sample rows, which are in no table of the service. Null where it runs or failed. */
  readonly report: SandboxReport | null
  /** Why it failed. */
  readonly error: ErrorBody | null
}

/** What the one who ran it gets, once. */
export interface FinishedSandbox extends SandboxSummary {
  /** With sample rows. */
  readonly report: SandboxReport
  /** Null where it cannot be promoted. */
  readonly promoteToken: string | null
  /** Why there is no token. */
  readonly withheld: TokenWithheld | null
}

/** some_streams: it was run for some of the streams only; failed_streams: what some of them would do is not known. */
export type TokenWithheld = 'some_streams' | 'failed_streams'

/** What may have moved between a sandbox and its promotion. */
export type Moved = 'connection' | 'source_schema' | 'destination' | 'run'

export type Promotion =
  | { readonly state: 'promoted'; readonly connection: Connection; readonly run: Run }
  | {
      readonly state: 'outdated'
      readonly moved: readonly Moved[]
      /** What a run would change now, with a new token; or why that could not be told. */
      readonly again: { readonly sandbox: FinishedSandbox } | { readonly error: ErrorBody }
    }

export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly kind: PrincipalKind
  readonly scopes: readonly Scope[] | null
  readonly createdAt: string
  readonly lastUsedAt: string | null
  /** Null: never. */
  readonly expiresAt: string | null
  readonly revokedAt: string | null
}
export interface ApiKeyInput {
  readonly name: string
  readonly kind: PrincipalKind
  /** Absent: all that the kind may. */
  readonly scopes?: readonly Scope[]
  /** ISO 8601. Absent: it does not expire. */
  readonly expiresAt?: string
}
export interface ApiKeyService extends Authenticator {
  /** The key is shown once: only its hash is kept. */
  create(input: ApiKeyInput): Promise<{ readonly apiKey: ApiKey; readonly key: string }>
  list(page: PageRequest): Promise<Page<ApiKey>>
  revoke(id: string): Promise<void>
}

/** A person who logs in here, with e-mail and password: where no Identity service is configured. */
export interface User {
  readonly id: string
  /** In small letters; unique. */
  readonly email: string
  readonly role: PrincipalKind
  readonly createdAt: string
  readonly lastLoginAt: string | null
}
export interface UserInput {
  readonly email: string
  readonly role: PrincipalKind
  /** Absent: one is made. */
  readonly password?: string
}
/** The password is shown once: only its hash is kept. */
export interface WithPassword {
  readonly user: User
  readonly password: string
}
/** Every method throws `identity_external` where an Identity service knows the users. E-mails come in small letters. */
export interface UserService {
  /** Throws `name_taken`. */
  create(input: UserInput): Promise<WithPassword>
  /** Throws `user_not_found`. */
  get(email: string): Promise<User>
  /** By e-mail, ascending. */
  list(page: PageRequest): Promise<Page<User>>
  /** Holds from the next request on, also for tokens that exist. Throws `user_not_found`. */
  setRole(email: string, role: PrincipalKind): Promise<User>
  /** Ends the user's logins. Without a password one is made. Throws `user_not_found`. */
  resetPassword(email: string, password?: string): Promise<WithPassword>
  /** Ends the user's logins. Throws `user_not_found`. */
  delete(email: string): Promise<void>
}

export interface LoginInput {
  readonly email: string
  readonly password: string
}
export interface PasswordChange {
  /** The one until now. */
  readonly password: string
  readonly newPassword: string
}
export interface Login {
  /** A JWT, as a bearer token. */
  readonly token: string
  readonly expiresAt: string
  readonly user: User
}
/** embedded: at this service. external: at the Identity service, for tokens with this audience. */
export type LoginPlace =
  | { readonly kind: 'embedded' }
  | { readonly kind: 'external'; readonly loginUrl: string; readonly audience: string }
/** A JSON Web Key Set. */
export interface KeySet {
  readonly keys: readonly { readonly kty: string; readonly kid: string }[]
}
/**
 * Tokens of users. Every method throws `identity_unreachable` where it needs keys that cannot be read; `authenticate`
 * throws `role_missing` for a token that holds but gives no role. Other methods than that and `keySet` throw `identity_external` where
 * an Identity service knows the users.
 */
export interface LoginService extends Authenticator {
  readonly place: LoginPlace
  /**
   * `address`: of the network, of who asks. Throws `login_refused`, in the same words and time for an e-mail that is
   * unknown, and `login_throttled` after too many attempts.
   */
  login(input: LoginInput, address: string): Promise<Login>
  /** Ends the user's logins and begins a new one. Throws as `login` does, and `login_required` for an API key. */
  changePassword(principal: Principal, change: PasswordChange, address: string): Promise<Login>
  /** Ends all logins of the user. Throws `login_required` for an API key. */
  logout(principal: Principal): Promise<void>
  /** With which others can check tokens of this service; empty where it makes none. */
  keySet(): Promise<KeySet>
}

export interface HealthService {
  /** True while the process should not be restarted. */
  live(): boolean
  /** What keeps it from serving; empty: ready. */
  problems(): Promise<readonly string[]>
}
