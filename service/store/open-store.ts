import type { Logger } from 'pino'
import { PostgresUsedTokenStore } from '../actions/used-token-store.ts'
import { PostgresApiKeyStore } from '../api-keys/api-key-store.ts'
import { PostgresAuditLog } from '../platform/audit/audit-store.ts'
import { PostgresAuthorizationStore } from '../oauth/authorization-store.ts'
import { ChangeListener } from '../platform/database/change-listener.ts'
import { checkWrites } from '../platform/database/check-writes.ts'
import { PostgresConnectionStore } from '../connections/connection-store.ts'
import { Database } from '../platform/database/database.ts'
import { PostgresDiscoveryStore } from '../instances/discovery-store.ts'
import { PostgresIdempotencyStore } from '../platform/http/idempotency-store.ts'
import { PostgresInstanceStore } from '../instances/instance-store.ts'
import { PostgresLoginAttemptStore } from '../logins/login-attempt-store.ts'
import { Locks } from '../platform/database/locks.ts'
import { migrate } from '../platform/database/migrate.ts'
import { MigrationWatch } from '../platform/database/migration-watch.ts'
import { prune } from './prune.ts'
import { PostgresRunStore } from '../runs/run-store.ts'
import { PostgresDeliveryLog } from '../webhooks/deliveries/delivery-log.ts'
import { PostgresDeliveryStore } from '../webhooks/deliveries/delivery-store.ts'
import { PostgresDispatchStore } from '../webhooks/dispatch/dispatch-store.ts'
import { PostgresReceiverStore } from '../webhooks/receivers/receiver-store.ts'
import { PostgresSandboxStore } from '../sandboxes/sandbox-store.ts'
import { PostgresDueTimesStore } from '../schedules/due-times-store.ts'
import { PostgresSchedulesAtJobsStore } from '../schedules/schedules-at-jobs-store.ts'
import { PostgresDriftStore } from '../connections/drift/drift-store.ts'
import { PostgresSchemaStore } from '../schemas/schema-store.ts'
import { readStatus } from './status.ts'
import type { Retention, Store } from './store.ts'
import { sweepEvery } from '../webhooks/dispatch/event-flow.ts'
import { PostgresUserStore } from '../users/user-store.ts'

export interface StoreOptions {
  readonly url: string
  readonly logger: Logger
  /** Omitted fields have the defaults of `Retention`. */
  readonly retention?: Partial<Retention>
}

const standardRetention: Retention = {
  logLinesPerRun: 10_000,
  logDays: 30,
  runDays: 90,
  auditDays: 365,
  discoveryHours: 24,
  deliveryDays: 30,
}
/** For one process: statements take milliseconds, and a server has room for about a hundred sessions. */
const sessions = 10

/** Brings the tables up to date and opens the store. Throws `store_unavailable`, `store_schema_newer`. */
export async function openStore({
  url,
  logger,
  retention: retentionOptions,
}: StoreOptions): Promise<Store> {
  await migrate(url)
  const retention = { ...standardRetention, ...retentionOptions }
  const database = new Database({ url, sessions, logger })
  const locks = new Locks({ url, logger })
  const listener = new ChangeListener({ url, logger })
  const migrationWatch = new MigrationWatch({ database, listener, logger })
  return {
    migrationWatch,
    instances: new PostgresInstanceStore(database),
    discoveries: new PostgresDiscoveryStore(database),
    connections: new PostgresConnectionStore(database),
    runs: new PostgresRunStore({ database, listener, logLinesPerRun: retention.logLinesPerRun }),
    receivers: new PostgresReceiverStore(database, listener),
    deliveryLog: new PostgresDeliveryLog(database),
    deliveries: new PostgresDeliveryStore(database),
    dispatches: new PostgresDispatchStore(database, listener),
    dueTimes: new PostgresDueTimesStore(database),
    schedulesAtJobs: new PostgresSchedulesAtJobsStore(database),
    drift: new PostgresDriftStore(database),
    schemas: new PostgresSchemaStore(database),
    sandboxes: new PostgresSandboxStore(database),
    apiKeys: new PostgresApiKeyStore(database),
    users: new PostgresUserStore(database),
    loginAttempts: new PostgresLoginAttemptStore(database),
    audit: new PostgresAuditLog(database),
    authorizations: new PostgresAuthorizationStore(database),
    idempotency: new PostgresIdempotencyStore(database),
    usedTokens: new PostgresUsedTokenStore(database),
    serviceId: await readServiceId(database),
    sweepEvery: (about) => sweepEvery(database, about),
    isHeld: (lock) => locks.isHeld(lock),
    runExclusively: (lock, work) => locks.runExclusively(lock, work),
    prune: () => prune(database, retention),
    ping: async () => {
      await migrationWatch.look()
    },
    checkWrites: () => checkWrites(database),
    status: () => readStatus(database),
    [Symbol.asyncDispose]: async () => {
      await listener[Symbol.asyncDispose]()
      await locks[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}

async function readServiceId(database: Database): Promise<string> {
  const [row] = await database.query<{ id: string }>(
    'SELECT id FROM reactor_connect_service.identity',
  )
  if (row === undefined) throw new TypeError('the metadata database has no id of the service')
  return row.id
}
