import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { watchDescriptors } from '../platform/log/watch-descriptors.ts'
import { ConnectError } from '../../protocol/index.ts'
import { createRunMetrics } from '../../engine/metrics/registered-metrics.ts'
import { Access } from '../platform/access/access.ts'
import { loadPolicy } from '../platform/access/load-policy.ts'
import type { Policy } from '../platform/access/policy.ts'
import { functionsService } from './functions-service.ts'
import { lookupIn } from './resource-lookup.ts'
import type { Settings } from '../platform/config/settings.ts'
import type { KnownUrls } from '../platform/http/docs-base.ts'
import type { HttpOptions } from './http-options.ts'
import { HttpServer, requireBindable } from './http-server.ts'
import { HttpJobs } from '../platform/jobs/http-jobs.ts'
import type { Jobs } from '../platform/jobs/jobs.ts'
import { pgBossJobs } from '../platform/jobs/pg-boss-jobs.ts'
import { openPgBossQueue, type PgBossQueue } from '../platform/jobs/pg-boss-queue.ts'
import { RelaxedPolling } from '../schedules/relaxed-polling.ts'
import { Scheduler } from '../schedules/scheduler.ts'
import { mostParallelRuns, thisMachine } from '../run-worker/machine-limits.ts'
import { RunWorker } from '../run-worker/run-worker.ts'
import { standardTiming } from '../run-worker/run-worker-options.ts'
import { createServiceMetrics } from '../run-worker/service-metrics.ts'
import type { Service } from '../service.ts'
import { openStore } from '../store/open-store.ts'
import type { Retention, Store } from '../store/store.ts'
import { StoredKey } from '../platform/vault/stored-key.ts'
import type { Vault } from '../platform/vault/vault.ts'
import { createDispatchMetrics } from '../webhooks/dispatch/dispatch-metrics.ts'
import { prepareAdminKey } from './admin-key.ts'
import { controlPlane, openServiceThreads, type ControlPlane } from './control-plane.ts'
import { openDataDir } from './data-dir.ts'
import { openDatabases, type Databases } from './databases.ts'
import { openVault } from './open-vault.ts'
import { publicAddress, type PublicAddress } from './public-address.ts'
import { rolesOf, type Roles } from './roles.ts'
import { statusMetrics } from './status-metrics.ts'

/**
 * The time from the end of a session with a stopping server until this process sees the end of the server.
 */
const endIsKnownMs = 1_000
/** Maximum number of instances in one line of the log. */
const mostNamed = 20

export interface ServeOptions {
  readonly settings: Settings
  readonly version: string
  readonly logger: Logger
  /** Aborted to stop: runs drain to their last checkpoint. */
  readonly signal: AbortSignal
  /** Called with text for a person: where it listens, and the first key. */
  readonly announce: (text: string) => void
  now(): number
}

/**
 * Serves until the signal is aborted, and everything has ended then. Throws if it cannot start or continue.
 */
export async function serve(options: ServeOptions): Promise<void> {
  const { settings, logger, signal } = options
  const roles = rolesOf(settings)
  const policy = await openPolicy(settings, logger)
  const address = await freeAddress(settings)
  await openDataDir(settings.dataDir, { hasPostgres: settings.databaseUrl === undefined })
  await using parts = new AsyncDisposableStack()
  const databases = parts.use(await openDatabases(settings))
  const store = parts.use(
    await openStore({ url: databases.metadataUrl, logger, retention: retentionOf(settings) }),
  )
  const vault = parts.use(await openVault(settings, logger))
  const queue = parts.use(await openPgBossQueue({ url: databases.metadataUrl, logger }))
  const jobs = parts.use(openJobs(settings, queue, logger))
  const { callbackUrl, localUrl: url } = address
  const now = (): number => options.now()
  const plane = parts.use(
    controlPlane({
      settings,
      databases,
      store,
      vault,
      jobs,
      threads: openServiceThreads(settings, logger),
      callbackUrl,
      logger,
      now,
      stopping: signal,
    }),
  )
  await lookAfterSecrets(plane, logger)
  if (roles.api) await plane.webhooks.ingress.start()
  const metrics = new Registry()
  collectDefaultMetrics({ register: metrics })
  const shared = { store, queue, jobs, plane }
  const loops = loopsOf(options, { ...shared, databases, roles, metrics })
  const { service } = plane
  const routes = roles.api ? 'all' : 'health'
  const http = {
    service,
    logger,
    metrics,
    version: options.version,
    refreshMetrics: statusMetrics(metrics, { store, jobs, health: service.health }),
    routes,
    urls: knownUrls(settings, address),
    ...guardedBy(settings, { policy, service, store, vault }),
  } as const
  parts.use(await HttpServer.listen(http, address.bind))
  const { dataDir } = settings
  const { apiKeys } = service
  const key = roles.api
    ? await prepareAdminKey({ dataDir, url, apiKeys, isEmbedded: databases.isEmbedded, logger })
    : undefined
  const isOpen = settings.publicUrl?.startsWith('https:') !== true && address.otherUrls.length > 0
  announceStart(options, { url, otherUrls: address.otherUrls, isOpen, key })
  if (isOpen)
    logger.warn({ addresses: address.otherUrls }, 'other machines reach the service without TLS')
  logger.info({ roles: settings.roles, version: options.version }, 'the service has started')
  try {
    await runLoops(loops, signal, logger)
  } catch (error) {
    // Sessions with a stopped server may fail before its end is known: its end is then the reason.
    await databases.watch(AbortSignal.timeout(endIsKnownMs))
    throw error
  }
  logger.info('the service has drained')
}

/** A port that is taken prevents the start, before PostgreSQL is started. */
async function freeAddress(settings: Settings): Promise<PublicAddress> {
  const address = await publicAddress(settings)
  await requireBindable(address.bind)
  return address
}

function retentionOf(settings: Settings): Partial<Retention> {
  return {
    logDays: settings.logRetentionDays,
    runDays: settings.runRetentionDays,
    auditDays: settings.auditRetentionDays,
    deliveryDays: settings.webhookRetentionDays,
  }
}

/** An invalid policy prevents the start, before anything else happens. */
async function openPolicy({ policyFile }: Settings, logger: Logger): Promise<Policy> {
  const policy = await loadPolicy(policyFile)
  for (const warning of policy.warnings) logger.warn({ warning }, 'the policy has an odd rule')
  return policy
}

async function lookAfterSecrets(plane: ControlPlane, logger: Logger): Promise<void> {
  await lookForLostSecrets(plane, logger)
  await hideTargetAddresses(plane, logger)
}

/** The vault may be another one, or empty: that is reported at the start, not by failing runs. */
async function lookForLostSecrets(
  plane: Pick<ControlPlane, 'noteLostSecrets' | 'noteLostReceiverSecrets'>,
  logger: Logger,
): Promise<void> {
  try {
    const { lost, damaged } = await plane.noteLostSecrets()
    if (lost.length > 0)
      logger.error(
        { instances: lost.slice(0, mostNamed), count: lost.length },
        'the vault has no secrets of these instances: check that it is the right one, or give them again',
      )
    if (damaged.length > 0)
      logger.error(
        { instances: damaged.slice(0, mostNamed), count: damaged.length },
        'the secrets of these instances are damaged in the vault: docs/errors/credentials.md#vault_corrupt says what to do',
      )
    const receivers = await plane.noteLostReceiverSecrets()
    if (receivers.length > 0)
      logger.error(
        { receivers: receivers.slice(0, mostNamed), count: receivers.length },
        'the vault has no usable secrets of these receivers: check that it is the right one, or give them again',
      )
  } catch (thrown) {
    const { code, message } = ConnectError.from(thrown)
    logger.warn(
      { code, reason: message },
      'it could not be checked whether the vault has all secrets',
    )
  }
}

/**
 * Moves the queries of targets that an earlier version stored in plain text into the vault. If it fails, the
 * next start tries again.
 */
async function hideTargetAddresses(
  { webhooks }: Pick<ControlPlane, 'webhooks'>,
  logger: Logger,
): Promise<void> {
  try {
    const count = await webhooks.moveTargetAddresses()
    if (count > 0)
      logger.info({ count }, 'the queries of targets were moved from the database into the vault')
  } catch (thrown) {
    const { code, message } = ConnectError.from(thrown)
    logger.warn(
      { code, reason: message },
      'the queries of targets of webhooks are still in the database: they could not be moved into the vault',
    )
  }
}

/** A person on this machine may write `localhost` for the loopback address. */
function knownUrls(
  { publicUrl }: Settings,
  { localUrl, otherUrls, bind }: PublicAddress,
): KnownUrls {
  const ownUrls = [localUrl, ...otherUrls, `http://localhost:${String(bind.port)}`]
  return { ownUrls, ...(publicUrl !== undefined && { publicUrl }) }
}

/** Access and rate limits of HTTP. */
function guardedBy(
  settings: Settings,
  dependencies: {
    readonly policy: Policy
    readonly service: Service
    readonly store: Store
    readonly vault: Vault
  },
): Pick<
  HttpOptions,
  'access' | 'audit' | 'idempotency' | 'idempotencyHashKey' | 'limits' | 'trustedProxies'
> {
  const { policy, service, store, vault } = dependencies
  const hashKey = new StoredKey(vault, 'http/idempotency-key')
  const { requestsPerMinute, failedLoginsPerMinute, trustedProxies } = settings
  return {
    access: new Access(policy, lookupIn(service)),
    audit: store.audit,
    idempotency: store.idempotency,
    idempotencyHashKey: async () => (await hashKey.get()).bytes,
    limits: { requestsPerMinute, failedLoginsPerMinute },
    trustedProxies,
  }
}

/** A task that runs until the signal is aborted. */
type Loop = (signal: AbortSignal) => Promise<void>

interface WorkerOptions {
  readonly store: Store
  readonly queue: PgBossQueue
  readonly jobs: Jobs
  readonly plane: ControlPlane
  readonly metrics: Registry
  readonly isAlone: boolean
}

interface LoopOptions extends Omit<WorkerOptions, 'isAlone'> {
  readonly databases: Databases
  readonly roles: Roles
}

/**
 * Those that begin work end when a newer version has migrated the metadata database; requests are served
 * until the process is replaced.
 */
function loopsOf(options: ServeOptions, loopOptions: LoopOptions): readonly Loop[] {
  const { logger } = options
  const { databases, roles, metrics, ...shared } = loopOptions
  const { store, plane } = shared
  // The embedded database is in the data folder, which only one process has at a time.
  const isAlone = databases.isEmbedded
  const { migrationWatch } = store
  const untilNewer =
    (loop: Loop): Loop =>
    (ended) =>
      loop(AbortSignal.any([ended, migrationWatch.newer]))
  return [
    (signal) => databases.watch(signal),
    (signal) => watchDescriptors(logger, signal),
    (signal) => migrationWatch.watch(signal),
    ...(roles.api ? [plane.webhooks.ingress.run, plane.drainActions] : []),
    ...(roles.worker
      ? [
          workerLoop(options, { ...shared, metrics, isAlone }),
          untilNewer(plane.webhooks.ingress.consume),
          untilNewer(dispatchLoop(plane, metrics, isAlone)),
        ]
      : []),
    ...(roles.scheduler
      ? [untilNewer(schedulerLoop(options, shared)), untilNewer(plane.sweepSandboxes)]
      : []),
  ]
}

function workerLoop(options: ServeOptions, workerOptions: WorkerOptions): Loop {
  const { settings, logger } = options
  const { store, queue, jobs, plane, metrics, isAlone } = workerOptions
  const { instances } = plane.service
  const { destinationOf, logOf, maskKeyOf } = plane
  const { allowedNetworks } = settings
  const parallelRuns = parallelRunsOf(settings, logger)
  const worker = new RunWorker({
    store,
    queue,
    jobs,
    instances,
    logger,
    parallelRuns,
    isAlone,
    threads: plane.threads,
    places: {
      destinationOf,
      logOf,
      maskKeyOf,
      allowedNetworks,
      functions: functionsService(settings),
    },
    metrics: createRunMetrics(metrics, { streamLabel: settings.metricsStreamLabel }),
    serviceMetrics: createServiceMetrics(metrics),
    owner: processName(),
    now: () => options.now(),
  })
  return (signal) => worker.run(signal)
}

function dispatchLoop(
  { webhooks: { dispatch } }: ControlPlane,
  registry: Registry,
  isAlone: boolean,
): Loop {
  const metrics = createDispatchMetrics(registry)
  return (signal) => dispatch.run({ owner: processName(), metrics, isAlone }, signal)
}

/** No other process has it. */
function processName(): string {
  return `${hostname()} ${String(process.pid)} ${randomBytes(6).toString('hex')}`
}

/** Not more than the machine can bear: the process would starve itself. */
function parallelRunsOf({ parallelRuns }: Settings, logger: Logger): number {
  const most = mostParallelRuns(thisMachine())
  if (parallelRuns <= most) return parallelRuns
  logger.warn(
    { parallel_runs: parallelRuns, most },
    `parallel_runs is more than this machine bears: this process works on ${String(most)} runs at a time`,
  )
  return most
}

function schedulerLoop(
  options: ServeOptions,
  { store, queue, jobs, plane }: Pick<WorkerOptions, 'store' | 'queue' | 'jobs' | 'plane'>,
): Loop {
  const scheduler = new Scheduler({
    store,
    queue,
    jobs,
    relaxed: new RelaxedPolling({
      sweepEvery: (about) => store.sweepEvery(about),
      coversAll: (connection) => plane.webhooks.streamTarget.coversAll(connection),
    }),
    logger: options.logger,
    staleMs: standardTiming.staleMs,
    now: () => options.now(),
    random: Math.random,
  })
  return (signal) => scheduler.run(signal)
}

function openJobs({ jobsUrl, jobsApiKey }: Settings, queue: PgBossQueue, logger: Logger): Jobs {
  if (jobsUrl === undefined) return pgBossJobs(queue)
  const key = jobsApiKey === undefined ? {} : { apiKey: jobsApiKey }
  return new HttpJobs({ url: jobsUrl, logger, ...key })
}

/** If one of them fails, the others end too, and then the process: it should be restarted. */
async function runLoops(loops: readonly Loop[], stop: AbortSignal, logger: Logger): Promise<void> {
  const failed = new AbortController()
  const signal = AbortSignal.any([stop, failed.signal])
  const untilStopped: Loop = async (ended) => {
    if (!ended.aborted) await once(ended, 'abort')
  }
  const running = [untilStopped, ...loops].map((loop) =>
    loop(signal).catch((error: unknown) => {
      // Logged now: ending everything may take a minute if the metadata database is gone.
      logger.error({ code: ConnectError.from(error).code }, 'a part failed: the service ends')
      failed.abort()
      throw error
    }),
  )
  const results = await Promise.allSettled(running)
  const failure = results.find((result) => result.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}

function announceStart(
  { settings, announce }: ServeOptions,
  {
    url,
    otherUrls,
    isOpen,
    key,
  }: {
    readonly url: string
    readonly otherUrls: readonly string[]
    readonly isOpen: boolean
    readonly key: string | undefined
  },
): void {
  const urls = [...new Set([url, ...otherUrls])].join(', ')
  const lines = [
    `Reactor Connect listens on ${urls} (roles: ${settings.roles.join(', ')})`,
    `Data folder: ${settings.dataDir}`,
  ]
  if (isOpen) {
    lines.push(
      'Warning: other machines reach it without TLS, so keys and secrets can be read on the network. Put a proxy with TLS in front and name it in `public_url`, or let only this machine in: `--bind 127.0.0.1:8007`.',
    )
  }
  if (key !== undefined) {
    lines.push(
      `The first API key, shown once: ${key}`,
      'The command line on this machine finds the service and this key by itself.',
    )
  }
  announce(lines.join('\n'))
}
