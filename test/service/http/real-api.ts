import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { Access } from '../../../service/platform/access/access.ts'
import { CedarPolicy } from '../../../service/platform/access/cedar-policy.ts'
import { lookupIn } from '../../../service/serve/resource-lookup.ts'
import { loadSettings } from '../../../service/platform/config/load-settings.ts'
import type { RateLimits } from '../../../service/platform/http/limits.ts'
import { HttpServer } from '../../../service/serve/http-server.ts'
import { openPgBossQueue } from '../../../service/platform/jobs/pg-boss-queue.ts'
import { pgBossJobs } from '../../../service/platform/jobs/pg-boss-jobs.ts'
import { controlPlane } from '../../../service/serve/control-plane.ts'
import { openDatabases } from '../../../service/serve/databases.ts'
import { StoredKey } from '../../../service/platform/vault/kept-key.ts'
import { openVault } from '../../../service/serve/open-vault.ts'
import type { ApiKeyInput } from '../../../service/api-keys/schema.ts'
import { openStore } from '../../../service/store/open-store.ts'
import type { Store } from '../../../service/store/store.ts'
import { ApiClient } from './api-client.ts'
import { defaultPolicy } from '../../support/default-policy.ts'
import { testDatabase, type TestDatabase } from '../../support/postgres.ts'

/** The real service behind the HTTP surface: PostgreSQL, a vault in files, the queue. Nobody works on its runs but the test. */
export interface RealApi extends AsyncDisposable {
  readonly client: ApiClient
  readonly store: Store
  /** A client with a new key. */
  clientOf(key: ApiKeyInput): Promise<ApiClient>
  readonly database: TestDatabase
  readonly logLines: readonly string[]
}

export interface RealApiOptions {
  /** Text of a policy; default: the one that comes with the program. */
  readonly policy?: string
  readonly limits?: RateLimits
}

const noLimits = { requestsPerMinute: 0, failedLoginsPerMinute: 0 } as const

export async function startRealApi(options: RealApiOptions = {}): Promise<RealApi> {
  await using parts = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'reactor-http-'))
  parts.defer(() => rm(dataDir, { recursive: true }))
  const database = parts.use(await testDatabase())
  const settings = loadSettings({
    environment: {
      REACTOR_CONNECT_DATA_DIR: dataDir,
      REACTOR_CONNECT_DATABASE_URL: database.url,
      REACTOR_CONNECT_DATA_DATABASE_URL: database.url,
    },
  })
  const logLines: string[] = []
  const logger = pino({ level: 'debug' }, { write: (line: string) => logLines.push(line) })
  const databases = parts.use(await openDatabases(settings))
  const store = parts.use(await openStore({ url: database.url, logger }))
  const vault = parts.use(await openVault(settings, logger))
  const queue = parts.use(await openPgBossQueue({ url: database.url, logger }))
  const plane = parts.use(
    controlPlane({
      settings,
      databases,
      store,
      vault,
      logger,
      jobs: pgBossJobs(queue),
      callbackUrl: 'http://127.0.0.1/connect/v1/oauth/callback',
      stopping: new AbortController().signal,
      now: Date.now,
    }),
  )
  const { service } = plane
  const hashKey = new StoredKey(vault, 'http/idempotency-key')
  const policy =
    options.policy === undefined
      ? await defaultPolicy()
      : CedarPolicy.parse(options.policy, 'test.cedar')
  const http = parts.use(
    await HttpServer.listen(
      {
        service,
        logger,
        idempotency: store.idempotency,
        audit: store.audit,
        access: new Access(policy, lookupIn(service)),
        limits: options.limits ?? noLimits,
        idempotencyHashKey: async () => (await hashKey.get()).bytes,
        metrics: new Registry(),
        version: '0.0.0',
      },
      { host: '127.0.0.1', port: 0 },
    ),
  )
  const { key } = await service.apiKeys.create({ name: 'test', kind: 'admin' })
  const open = parts.move()
  return {
    client: new ApiClient(http.url, key),
    store,
    database,
    logLines,
    clientOf: async (input) => new ApiClient(http.url, (await service.apiKeys.create(input)).key),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}
