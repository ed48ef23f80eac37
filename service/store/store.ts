import type { AuditLog } from '../access/audit.ts'
import type { ApiKeyStore } from './contract/api-keys.ts'
import type { AuthorizationStore } from './contract/authorizations.ts'
import type { ConnectionStore } from './contract/connections.ts'
import type { IdempotencyStore } from './contract/idempotency.ts'
import type { DiscoveryStore, InstanceStore } from './contract/instances.ts'
import type { RunStore } from './contract/runs.ts'
import type { SandboxStore } from './contract/sandboxes.ts'
import type { SchedulesAtJobsStore } from './contract/schedules-at-jobs.ts'
import type { DriftStore, SchemaStore } from './contract/schemas.ts'
import type { StoreStatus } from './contract/status.ts'
import type { LoginAttemptStore, UserStore } from './contract/users.ts'

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
  readonly schedulesAtJobs: SchedulesAtJobsStore
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
   * Do not nest. For seconds of work (a token refresh, a sandbox), not for a run.
   */
  exclusively<Result>(lock: string, work: () => Promise<Result>): Promise<Result>
  /** Whether somebody holds the lock, in any process: within moments of its death a process that was killed does not. */
  isHeld(lock: string): Promise<boolean>
  /** Deletes what has outlived its time (`Retention`), a bounded amount a call. The scheduler calls it every few minutes. */
  prune(): Promise<void>
  /** Throws `store_unavailable` where the database does not answer. */
  ping(): Promise<void>
  /** Throws `store_unavailable` when the database takes no writes, or has no room for them. It keeps nothing. */
  checkWrites(): Promise<void>
  /** How the service does as a whole. */
  status(): Promise<StoreStatus>
}

export interface Retention {
  /** Lines of one run: the oldest go as new ones are appended. Default 10,000. */
  readonly logLinesPerRun: number
  /** Log lines of runs that ended longer ago go. Default 30 days. */
  readonly logDays: number
  /** Runs that ended longer ago go, except the last one of a connection and its last complete one. Default 90 days. */
  readonly runDays: number
  /** Entries of the audit log that are older go. Default 365 days. */
  readonly auditDays: number
  /** Discoveries older than this go. Default 24 (the cache trusts them for 1 only). */
  readonly discoveryHours: number
}
