import type { Logger } from 'pino'
import { ApiKeys } from './api-keys.ts'
import { Audit } from './audit.ts'
import { Authorizations } from './authorizations.ts'
import { checkWrites } from './check-writes.ts'
import { Connections } from './connections.ts'
import { Database } from './database.ts'
import { Discoveries } from './discoveries.ts'
import { IdempotencyKeys } from './idempotency.ts'
import { Instances } from './instances.ts'
import { LoginAttempts } from './login-attempts.ts'
import { Locks } from './locks.ts'
import { migrate } from './migrate.ts'
import { prune } from './prune.ts'
import { RunListener } from './run-listener.ts'
import { Runs } from './runs.ts'
import { Sandboxes } from './sandboxes.ts'
import { SchedulesAtJobs } from './schedules-at-jobs.ts'
import { SchemaDrifts } from './schema-drift.ts'
import { Schemas } from './schemas.ts'
import { readStatus } from './status.ts'
import type { Retention, Store } from './store.ts'
import { Users } from './users.ts'

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
