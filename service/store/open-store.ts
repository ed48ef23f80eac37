import type { Logger } from 'pino'
import { ApiKeys } from '../api-keys/api-key-store.ts'
import { Audit } from '../platform/audit/audit-store.ts'
import { Authorizations } from '../oauth/authorization-store.ts'
import { checkWrites } from '../platform/database/check-writes.ts'
import { Connections } from '../connections/connection-store.ts'
import { Database } from '../platform/database/database.ts'
import { Discoveries } from '../instances/discovery-store.ts'
import { IdempotencyKeys } from '../platform/http/idempotency-store.ts'
import { Instances } from '../instances/instance-store.ts'
import { LoginAttempts } from '../logins/login-attempt-store.ts'
import { Locks } from '../platform/database/locks.ts'
import { migrate } from '../platform/database/migrate.ts'
import { prune } from './prune.ts'
import { RunListener } from '../runs/run-listener.ts'
import { Runs } from '../runs/run-store.ts'
import { Sandboxes } from '../sandboxes/sandbox-store.ts'
import { SchedulesAtJobs } from '../schedules/schedules-at-jobs-store.ts'
import { SchemaDrifts } from '../connections/drift/drift-store.ts'
import { Schemas } from '../schemas/schema-store.ts'
import { readStatus } from './status.ts'
import type { Retention, Store } from './store.ts'
import { Users } from '../users/user-store.ts'

export interface StoreOptions {
  readonly url: string
  readonly logger: Logger
  /** What is not said is as `Retention` has it. */
  readonly retention?: Partial<Retention>
}

const standardRetention: Retention = {
  logLinesPerRun: 10_000,
  logDays: 30,
  runDays: 90,
  auditDays: 365,
  discoveryHours: 24,
}
/** Of one process: statements take milliseconds, and a server has room for about a hundred sessions. */
const sessions = 10

/** Brings the tables up to date and opens the store. Throws `store_unavailable`, `store_schema_newer`. */
export async function openStore({ url, logger, retention: given }: StoreOptions): Promise<Store> {
  await migrate(url)
  const retention = { ...standardRetention, ...given }
  const database = new Database({ url, sessions, logger })
  const locks = new Locks({ url, logger })
  const listener = new RunListener({ url, logger })
  return {
    instances: new Instances(database),
    discoveries: new Discoveries(database),
    connections: new Connections(database),
    runs: new Runs({ database, listener, logLinesPerRun: retention.logLinesPerRun }),
    schedulesAtJobs: new SchedulesAtJobs(database),
    drift: new SchemaDrifts(database),
    schemas: new Schemas(database),
    sandboxes: new Sandboxes(database),
    apiKeys: new ApiKeys(database),
    users: new Users(database),
    loginAttempts: new LoginAttempts(database),
    audit: new Audit(database),
    authorizations: new Authorizations(database),
    idempotency: new IdempotencyKeys(database),
    isHeld: (lock) => locks.isHeld(lock),
    exclusively: (lock, work) => locks.exclusively(lock, work),
    prune: () => prune(database, retention),
    ping: async () => {
      await database.query('SELECT')
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
