import type { AuditLog } from '../access/audit.ts'
import type {
  AirbyteCatalog,
  AvroRecordSchema,
  ErrorBody,
  JsonObject,
  JsonValue,
  StreamId,
} from '../../protocol/index.ts'
import type { SandboxStore } from './sandbox-store.ts'
import type {
  ApiKey,
  Connection,
  CredentialStatus,
  Instance,
  Page,
  PageRequest,
  Run,
  RunLogLine,
  RunStatus,
  RunStream,
  RunSummary,
  SchemaChange,
  SchemaDrift,
  StreamSchema,
  UsedSchema,
  User,
  ShownOnly,
} from '../service.ts'

/**
 * What is kept in the metadata Postgres. Read this first. Never a secret: those are in the vault, and callers take them out
 * before they come here.
 *
 * Every change is one SQL statement or transaction, so it happened as a whole or not at all, and what was returned is durable.
 * Lists come in index order, so a page costs the same at any depth. Any method throws `store_unavailable` where the database cannot be
 * reached, and a list `cursor_invalid` for a cursor that is not one of its own.
 */
export interface Store extends AsyncDisposable {
  readonly instances: InstanceStore
  readonly discoveries: DiscoveryStore
  readonly connections: ConnectionStore
  readonly runs: RunStore
  readonly drift: DriftStore
  readonly schemas: SchemaStore
  readonly sandboxes: SandboxStore
  readonly apiKeys: ApiKeyStore
  readonly users: UserStore
  readonly loginAttempts: LoginAttemptStore
  readonly audit: AuditLog
  readonly authorizations: AuthorizationStore
  readonly idempotency: IdempotencyStore
  /**
   * Does `work` while no other holder of this lock does theirs, in any process on this database. A process that dies lets go.
   * Do not nest. For seconds of work (a token refresh), not for a run.
   */
  exclusively<Result>(lock: string, work: () => Promise<Result>): Promise<Result>
  /** Deletes what has outlived its time (`Retention`), a bounded amount a call. The scheduler calls it every few minutes. */
  prune(): Promise<void>
  /** Throws `store_unavailable` where the database does not answer. */
  ping(): Promise<void>
}

export interface Retention {
  /** Lines of one run: the oldest go as new ones are appended. Default 10,000. */
  readonly logLinesPerRun: number
  /** Log lines of runs that ended longer ago go; the runs themselves stay. Default 30 days. */
  readonly logDays: number
  /** Entries of the audit log that are older go. Default 365 days. */
  readonly auditDays: number
  /** Discoveries older than this go. Default 24 (the cache trusts them for 1 only). */
  readonly discoveryHours: number
}

export interface InstanceStore {
  /** Throws `name_taken`. */
  create(input: NewInstance): Promise<Instance>
  /** Throws `instance_not_found`. */
  get(name: string): Promise<Instance>
  /** By name, ascending. */
  list(page: PageRequest & ShownOnly & { readonly type?: string }): Promise<Page<Instance>>
  /**
   * Changes what is given, and increases the version. A change of `config` forgets the discovery.
   * Throws `instance_not_found`, `version_conflict`.
   */
  update(name: string, change: InstanceChange, ifVersion?: number): Promise<Instance>
  /** Throws `instance_not_found`, `version_conflict`, `instance_in_use` where connections read it. */
  delete(name: string, ifVersion?: number): Promise<Instance>
}
export interface NewInstance {
  readonly name: string
  readonly type: string
  /** Without its secrets. */
  readonly config: JsonObject
  /** JSON pointers of the secret fields that are set. */
  readonly secrets: readonly string[]
  readonly credentials: CredentialStatus
}
export type InstanceChange = Partial<Omit<NewInstance, 'name' | 'type'>>

/** The last discovery of each instance. */
export interface DiscoveryStore {
  /** Null where there is none. The caller decides whether it is too old. */
  get(instanceId: string): Promise<Discovery | null>
  /** Kept only while the instance still has the version that was discovered: a change in the meantime makes it worthless. */
  put(instanceId: string, instanceVersion: number, catalog: AirbyteCatalog): Promise<Discovery>
}
export interface Discovery {
  readonly catalog: AirbyteCatalog
  readonly discoveredAt: string
}

export interface ConnectionStore {
  /** Throws `name_taken`, `instance_not_found`. */
  create(input: NewConnection): Promise<Connection>
  /** Throws `connection_not_found`. */
  get(name: string): Promise<Connection>
  /** By name, ascending; the last run of each is included. */
  list(
    page: PageRequest &
      ShownOnly & { readonly instance?: string; readonly status?: Connection['status'] },
  ): Promise<Page<Connection>>
  /** Throws `connection_not_found`, `version_conflict`. */
  update(name: string, change: ConnectionChange, ifVersion?: number): Promise<Connection>
  /** Its runs and their logs go too. Throws `connection_not_found`, `version_conflict`, `connection_has_active_run`. */
  delete(name: string, ifVersion?: number): Promise<Connection>
  /** Active connections whose `nextRunAt` has come, the longest overdue first. */
  due(limit: number): Promise<readonly Connection[]>
  /**
   * Moves `nextRunAt` from `from` to `to`; false where it is not `from` any more, or the connection is paused. So of several
   * schedulers one acts. The version stays: nobody's edit conflicts with the clock.
   */
  moveNextRun(id: string, from: string | null, to: string | null): Promise<boolean>
}
export type NewConnection = Pick<
  Connection,
  'name' | 'from' | 'streams' | 'destination' | 'schedule' | 'options' | 'status' | 'nextRunAt'
> & {
  /** The selected streams as the source has them. */
  readonly approvedCatalog?: AirbyteCatalog
}
export type ConnectionChange = Partial<Omit<NewConnection, 'name' | 'from'>>

/** The schemas that are approved for connections, and what runs saw that is not (`Connection.drift`). */
export interface DriftStore {
  /** The streams as they are approved; null where nothing is. */
  approved(connectionId: string): Promise<AirbyteCatalog | null>
  /**
   * Keeps what a run found out of the source's schema, all of it or nothing. The version of the connection stays. False, and nothing
   * changed, where the connection was changed in the meantime, or the run is not the owner's any more.
   */
  settle(settled: SettledSchema): Promise<boolean>
  /** What was seen becomes what is approved; false where nothing with this fingerprint waits for it. */
  approve(name: string, fingerprint: string): Promise<boolean>
}
export interface SettledSchema {
  readonly connection: Pick<Connection, 'id' | 'version'>
  readonly run: string
  readonly owner: string
  /** Null: what is approved stays. */
  readonly approved: AirbyteCatalog | null
  /** Null: there is none. One that is known already keeps its run and its time. */
  readonly drift: { readonly shown: SchemaDrift; readonly catalog: AirbyteCatalog } | null
  /** All that the run's record is to say. */
  readonly changes: readonly SchemaChange[]
}

/** The Avro schemas of the records that runs have carried. They stay when their connection goes: topics outlive it. */
export interface SchemaStore {
  /** The places in the list of those streams whose columns no run of the connection has had yet. */
  unknown(connection: string, streams: readonly StreamColumns[]): Promise<readonly number[]>
  /** Where it is new for its stream it is the stream's next version. Keeping one again changes nothing. */
  keep(schema: NewStreamSchema): Promise<void>
  /** The newest first. */
  list(
    page: PageRequest & ShownOnly & { readonly connection?: string; readonly stream?: string },
  ): Promise<Page<StreamSchema>>
  /** By the fingerprint of a block or of a record. Throws `schema_not_found`, also where no use is shown. */
  get(fingerprint: string, shown?: ShownOnly['shown']): Promise<UsedSchema>
}
export interface StreamColumns {
  readonly stream: StreamId
  /** Of the columns' names and kinds, in their order: a fingerprint takes much longer to make. */
  readonly columnsDigest: string
}
export interface NewStreamSchema extends StreamColumns {
  readonly connection: string
  readonly run: string
  /** Of one record. */
  readonly fingerprint: string
  readonly blockFingerprint: string
  /** Of one record. */
  readonly schema: AvroRecordSchema
}

/**
 * A run is queued, is claimed by a process (running), and ends, or is queued again for another attempt. A process that claimed
 * it beats (`progress`) every few seconds; one that stops beating loses it to the next claim.
 */
export interface RunStore {
  /** Throws `connection_not_found`, `connection_inactive`, `run_active` where one of the connection is queued or running. */
  create(input: NewRun): Promise<Run>
  /**
   * What is done when a time of a schedule has come, in one step: of several schedulers one does it, and a crash loses nothing.
   * Moves the connection's `nextRunAt` as `moveNextRun` does, and queues a run unless one is queued or running.
   */
  createScheduled(scheduled: ScheduledRun): Promise<ScheduledStart>
  /** Throws `run_not_found`. */
  get(connection: string, id: string): Promise<Run>
  /** By its id alone. Throws `run_not_found`. */
  find(id: string): Promise<Run>
  /** The newest first. Throws `connection_not_found`. */
  list(
    connection: string,
    page: PageRequest & { readonly status?: RunStatus },
  ): Promise<Page<RunSummary>>
  /**
   * Takes a run that is queued, or is running without a beat for `staleMs`, for `owner` (a name that no other process has),
   * and counts an attempt. Null: another has it, or it has ended.
   */
  claim(id: string, owner: string, staleMs: number): Promise<ClaimedRun | null>
  /**
   * The beat, with the streams that changed since the last one (none is fine). Counts are those of all attempts: add to what
   * `claim` returned. `lost`: the run is another's or has ended, stop at once. `cancel`: drain to the last checkpoint.
   */
  progress(
    id: string,
    owner: string,
    streams: readonly RunStream[],
  ): Promise<'continue' | 'cancel' | 'lost'>
  /** The end, with the last state of the streams. Null: the run was not the owner's any more, nothing changed. */
  end(id: string, owner: string, outcome: RunOutcome): Promise<Run | null>
  /** Back into the queue for another attempt; one that is to be cancelled ends as cancelled. Null as in `end`. */
  requeue(id: string, owner: string, again: NextAttempt): Promise<Run | null>
  /** A queued run ends as cancelled; a running one is asked to. Throws `run_not_found`, `run_ended`. */
  cancel(connection: string, id: string): Promise<Run>
  /**
   * Runs that nobody works on: running without a beat for `staleMs`, then those queued that much past their time (which may
   * only be waiting for a worker with room). The oldest first.
   */
  stale(
    staleMs: number,
    limit: number,
  ): Promise<readonly { readonly id: string; readonly connection: string }[]>
  /** Appends lines in this order. Long messages are cut. A run that is gone is no error: its lines have no place any more. */
  appendLog(id: string, lines: readonly NewLogLine[]): Promise<void>
  /** Lines after the `seq`, ascending; a line never appears before one that a reader has already passed. */
  log(id: string, after: number, limit: number): Promise<readonly RunLogLine[]>
  /**
   * Yields once it listens, and then whenever the run or its log may have changed, until the signal is aborted: read after
   * each. Several changes may come as one. All followers of a process share one database session.
   */
  changes(id: string, signal: AbortSignal): AsyncIterable<void>
}
export interface NewRun {
  readonly connection: string
  readonly trigger: RunSummary['trigger']
  readonly retryOf?: string
}
export interface ScheduledRun {
  readonly connectionId: string
  /** The time that has come. */
  readonly from: string
  readonly to: string | null
}
/** moved: another has done it, or the connection is paused or gone. active: the run before still goes on, none was queued. */
export type ScheduledStart =
  { readonly state: 'queued'; readonly run: Run } | { readonly state: 'active' | 'moved' }
export interface ClaimedRun extends Run {
  readonly cancelRequested: boolean
  /** Attempts in a row, before this one, that moved no checkpoint. */
  readonly fruitlessAttempts: number
}
export interface RunOutcome {
  readonly status: Exclude<RunStatus, 'queued' | 'running'>
  readonly streams: readonly RunStream[]
  readonly error: ErrorBody | null
}
export interface NextAttempt {
  readonly streams: readonly RunStream[]
  /** Why this attempt ended. */
  readonly error: ErrorBody | null
  /** It moved a checkpoint: then it does not count as fruitless. */
  readonly progressed: boolean
  readonly delayMs: number
}
export interface NewLogLine {
  /** Epoch milliseconds. */
  readonly atMs: number
  readonly level: RunLogLine['level']
  readonly message: string
  readonly fields: Readonly<Record<string, JsonValue>>
}

export interface ApiKeyStore {
  create(input: NewApiKey): Promise<ApiKey>
  /** Null where a first key was ever made: of several services that start at once, one gets it. */
  createFirst(input: NewApiKey): Promise<ApiKey | null>
  /** The newest first (ids are those of `newId`, which sort by time). */
  list(page: PageRequest): Promise<Page<ApiKey>>
  /** Throws `api_key_not_found`. Revoking again changes nothing. */
  revoke(id: string): Promise<void>
  find(id: string): Promise<{ readonly apiKey: ApiKey; readonly secretHash: Buffer } | null>
  /** Notes a use; once a minute at most is enough. */
  touch(id: string): Promise<void>
}
export interface NewApiKey {
  readonly id: string
  readonly name: string
  readonly kind: ApiKey['kind']
  readonly scopes: ApiKey['scopes']
  readonly expiresAt: string | null
  readonly secretHash: Buffer
}

/** Users of the embedded identity. E-mails come in small letters. */
export interface UserStore {
  /** Throws `name_taken`. */
  create(input: NewUser): Promise<User>
  /** By e-mail, ascending. */
  list(page: PageRequest): Promise<Page<User>>
  /** Throws `user_not_found`. */
  setRole(email: string, role: User['role']): Promise<User>
  /** Ends the user's logins too. Throws `user_not_found`. */
  setPassword(email: string, passwordHash: string): Promise<KnownUser>
  /** Throws `user_not_found`. */
  delete(email: string): Promise<void>
  find(id: string): Promise<KnownUser | null>
  findByEmail(email: string): Promise<KnownUser | null>
  /** Notes the time, and the same password hashed anew where it is given; nothing where the password has changed since. */
  noteLogin(known: KnownUser, passwordHash?: string): Promise<void>
  /** Tokens that were made until now hold no more. */
  endLogins(id: string): Promise<void>
}
export interface NewUser {
  readonly id: string
  readonly email: string
  readonly role: User['role']
  readonly passwordHash: string
}
export interface KnownUser {
  readonly user: User
  readonly passwordHash: string
  /** How often the logins of the user have been ended: a token of another number does not hold. */
  readonly tokenVersion: number
}

/** How often logins were tried, by subject (a hash), each in a window of its own that begins with the first. */
export interface LoginAttemptStore {
  /** Counts one more for each, in one step, and returns the counts with it. */
  count(subjects: readonly string[], windowMs: number): Promise<readonly AttemptCount[]>
  /** One less for each: the attempt was no failure. */
  giveBack(subjects: readonly string[]): Promise<void>
}
export interface AttemptCount {
  readonly subject: string
  readonly attempts: number
  readonly endsInMs: number
}

/** OAuth authorizations that wait for the browser. */
export interface AuthorizationStore {
  /** Of one instance the newest few are kept. Throws `instance_not_found`. */
  create(input: PendingAuthorization & { readonly lifetimeMs: number }): Promise<void>
  /** Takes it away: a state works once. Null where it is unknown, used or expired. */
  take(stateHash: string): Promise<PendingAuthorization | null>
}
export interface PendingAuthorization {
  /** SHA-256 of the state, hex: the state itself is a secret. */
  readonly stateHash: string
  /** Name of the instance. */
  readonly instance: string
  readonly redirectUri: string
  /** The PKCE verifier and the like: a reference into the vault, or sealed by it. Never in clear. */
  readonly sealed: string
}

/** Answers of requests with an `Idempotency-Key`, kept for a day. */
export interface IdempotencyStore {
  /**
   * `began`: do the request, then `finish` or `abandon` with the ticket. `done`: answer this. Throws `idempotency_key_reused`
   * for another request under the same key, `idempotency_key_in_use` while the first goes on (for at most a minute: then its
   * process is taken for dead).
   */
  begin(request: IdempotentRequest): Promise<IdempotencyStart>
  /** Keeps the answer. Never one that holds a secret. */
  finish(ticket: string, answer: KeptAnswer): Promise<void>
  /** The request changed nothing: the key may be used anew. */
  abandon(ticket: string): Promise<void>
}
export interface IdempotentRequest {
  /** Who asks (id of the principal): keys of different principals never meet. */
  readonly principal: string
  readonly key: string
  /** Hash of method, path and body. */
  readonly requestHash: string
}
export type IdempotencyStart =
  | { readonly state: 'began'; readonly ticket: string }
  | { readonly state: 'done'; readonly answer: KeptAnswer }
export interface KeptAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonValue
}
