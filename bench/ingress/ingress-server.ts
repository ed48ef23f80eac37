import { join } from 'node:path'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { z } from 'zod'
import { Access } from '../../service/platform/access/access.ts'
import { loadPolicy } from '../../service/platform/access/load-policy.ts'
import { loadSettings } from '../../service/platform/config/load-settings.ts'
import { pgBossJobs } from '../../service/platform/jobs/pg-boss-jobs.ts'
import { openPgBossQueue } from '../../service/platform/jobs/pg-boss-queue.ts'
import { openFileVault } from '../../service/platform/vault/file-vault.ts'
import { StoredKey } from '../../service/platform/vault/stored-key.ts'
import { controlPlane, openServiceThreads } from '../../service/serve/control-plane.ts'
import { HttpServer } from '../../service/serve/http-server.ts'
import { lookupIn } from '../../service/serve/resource-lookup.ts'
import { openStore } from '../../service/store/open-store.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { StoredDeliveryLog } from '../../service/webhooks/deliveries/contract.ts'

/**
 * The HTTP surface of the service, put together as `serve` does. Arguments: a mode, a folder, the URL of the
 * metadata database, brokers. Prints its port.
 *
 * - `bare`: verifies deliveries and stores nothing, the limit of the server;
 * - `embedded`: they are durable in PostgreSQL;
 * - `kafka`: they are durable in Kafka;
 * - `worker`: brings them from Kafka to PostgreSQL, and listens nowhere.
 */
const [mode, folder, url, brokers] = z
  .tuple([z.enum(['bare', 'embedded', 'kafka', 'worker']), z.string(), z.string(), z.string()])
  .parse(process.argv.slice(2))

const nowhere: StoredDeliveryLog = {
  append: () => Promise.resolve('stored'),
  appendAll: (batch) => Promise.resolve(batch.map(() => 'stored')),
  storedHashes: (batch) => Promise.resolve(batch.map(() => undefined)),
  late: () => new ConnectError('store_unavailable'),
}

const logger = pino({ level: 'info' }, pino.destination('/dev/null'))
const usesKafka = mode === 'kafka' || mode === 'worker'
const settings = loadSettings({
  environment: {
    REACTOR_CONNECT_DATA_DIR: folder,
    REACTOR_CONNECT_DATABASE_URL: url,
    REACTOR_CONNECT_LIMITS_INGRESS_PER_MINUTE: '0',
    ...(usesKafka && { REACTOR_CONNECT_KAFKA_BROKERS: brokers }),
  },
})
const stopping = new AbortController()
await using parts = new AsyncDisposableStack()
const opened = parts.use(await openStore({ url, logger }))
const store = mode === 'bare' ? { ...opened, deliveryLog: nowhere } : opened
const vault = parts.use(await openFileVault({ folder: join(folder, 'vault') }))
const queue = parts.use(await openPgBossQueue({ url, logger }))
const plane = parts.use(
  controlPlane({
    settings,
    databases: {
      metadataUrl: url,
      data: undefined,
      isEmbedded: false,
      watch: () => Promise.resolve(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    store,
    vault,
    jobs: pgBossJobs(queue),
    threads: openServiceThreads(settings, logger),
    callbackUrl: 'http://127.0.0.1:1/callback',
    logger,
    stopping: stopping.signal,
    now: Date.now,
  }),
)
process.once('SIGTERM', () => {
  stopping.abort()
})
if (mode === 'worker') await plane.webhooks.ingress.consume(stopping.signal)
else await listen()

async function listen(): Promise<void> {
  const hashKey = new StoredKey(vault, 'http/idempotency-key')
  const { service } = plane
  await plane.webhooks.ingress.start()
  const server = parts.use(
    await HttpServer.listen(
      {
        service,
        logger,
        idempotency: store.idempotency,
        idempotencyHashKey: async () => (await hashKey.get()).bytes,
        access: new Access(await loadPolicy(undefined), lookupIn(service)),
        audit: store.audit,
        metrics: new Registry(),
        version: '0.0.0',
        closeTimeoutMs: 100,
      },
      { host: '127.0.0.1', port: 0 },
    ),
  )
  process.stdout.write(new URL(server.url).port)
  await plane.webhooks.ingress.run(stopping.signal)
}
