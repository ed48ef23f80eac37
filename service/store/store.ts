import type { UsedTokenStore } from '../actions/contract.ts'
import type { ExclusiveWork } from '../platform/database/locks.ts'
import type { MigrationWatch } from '../platform/database/migration-watch.ts'
import type { AuditLog } from '../platform/audit/contract.ts'
import type { ApiKeyStore } from '../api-keys/contract.ts'
import type { AuthorizationStore } from '../oauth/contract.ts'
import type { DiscoveryStore, InstanceStore } from '../instances/contract.ts'
import type { ConnectionStore } from '../connections/contract.ts'
import type { IdempotencyStore } from '../platform/http/idempotency-contract.ts'
import type { RunStore } from '../runs/contract.ts'
import type {
  DeliveryStore,
  DispatchStore,
  StoredDeliveryLog,
} from '../webhooks/deliveries/contract.ts'
import type { ReceiverStore } from '../webhooks/receivers/contract.ts'
import type { SandboxStore } from '../sandboxes/contract.ts'
import type { DueTimesStore, SchedulesAtJobsStore } from '../schedules/contract.ts'
import type { RelaxedPollingOptions } from '../schedules/relaxed-polling.ts'
import type { DriftStore } from '../connections/drift/contract.ts'
import type { SchemaStore } from '../schemas/contract.ts'
import type { StoreStatus } from './status-contract.ts'
import type { LoginAttemptStore } from '../logins/contract.ts'
import type { UserStore } from '../users/contract.ts'

/**
 * The data in the metadata Postgres. Read this first. Never a secret: those are in the vault, and callers
 * remove them before they call it.
 *
 * Every change is one SQL statement or transaction, so it happens completely or not at all, and a returned
 * result is durable. Lists come in index order, so a page costs the same at any depth. Any method throws
 * `store_unavailable` if the database cannot be reached, and a list throws `cursor_invalid` for a cursor of
 * another list.
 */
export interface Store extends ExclusiveWork, AsyncDisposable {
  readonly instances: InstanceStore
  readonly discoveries: DiscoveryStore
  readonly connections: ConnectionStore
  readonly runs: RunStore
  readonly dueTimes: DueTimesStore
  readonly schedulesAtJobs: SchedulesAtJobsStore
  readonly receivers: ReceiverStore
  readonly deliveryLog: StoredDeliveryLog
  readonly deliveries: DeliveryStore
  readonly dispatches: DispatchStore
  readonly drift: DriftStore
  readonly schemas: SchemaStore
  readonly sandboxes: SandboxStore
  readonly apiKeys: ApiKeyStore
  readonly users: UserStore
  readonly loginAttempts: LoginAttemptStore
  readonly audit: AuditLog
  readonly authorizations: AuthorizationStore
  readonly idempotency: IdempotencyStore
  readonly usedTokens: UsedTokenStore
  /** Whether a newer version has migrated the tables since this process started. */
  readonly migrationWatch: Pick<MigrationWatch, 'newer' | 'look' | 'watch'>
  /** The same for all processes of a service, for ever; that of another service is another one. */
  readonly serviceId: string
  /**
   * How many scheduled runs of a connection events take the place of:
   * `service/webhooks/dispatch/event-flow.ts`.
   */
  sweepEvery: RelaxedPollingOptions['sweepEvery']
  /** Whether a living process holds the lock: a killed one loses it within moments. */
  isHeld(lock: string): Promise<boolean>
  /**
   * Deletes expired data (`Retention`), a bounded amount per call. The scheduler calls it every few minutes.
   */
  prune(): Promise<void>
  /**
   * Throws `store_unavailable` if the database does not respond. Compares the migrations, too: see
   * `migrationWatch`.
   */
  ping(): Promise<void>
  /**
   * Throws `store_unavailable` if the database accepts no writes, or has no room for them. It leaves nothing
   * behind.
   */
  checkWrites(): Promise<void>
  /** The state of the service as a whole. */
  status(): Promise<StoreStatus>
}

export interface Retention {
  /** Lines of one run: the oldest go as new ones are appended. Default 10,000. */
  readonly logLinesPerRun: number
  /** Log lines of runs that ended longer ago go. Default 30 days. */
  readonly logDays: number
  /**
   * Runs that ended longer ago go, except the last one of a connection and its last complete one. Default 90
   * days.
   */
  readonly runDays: number
  /** Entries of the audit log that are older go. Default 365 days. */
  readonly auditDays: number
  /** Discoveries older than this go. Default 24 (the cache trusts them for 1 only). */
  readonly discoveryHours: number
  /** Deliveries of webhooks that came longer ago go, if they have reached their targets. Default 30 days. */
  readonly deliveryDays: number
}
