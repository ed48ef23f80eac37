import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { pino, type Logger } from 'pino'
import { Registry } from 'prom-client'
import type { AddressOf } from '../../service/connections/destination-address.ts'
import { createRunMetrics } from '../../engine/metrics/registered-metrics.ts'
import type { JobOptions } from '../../engine/threads/pool.ts'
import { openSourceThreads, type SourceThreads } from '../../engine/threads/source-threads.ts'
import type { LaneThreads, WorkerThreads } from '../../engine/threads/worker-threads.ts'
import type { Settings } from '../../service/platform/config/settings.ts'
import { loadSettings } from '../../service/platform/config/load-settings.ts'
import { pgBossJobs } from '../../service/platform/jobs/pg-boss-jobs.ts'
import { openPgBossQueue } from '../../service/platform/jobs/pg-boss-queue.ts'
import { Scheduler } from '../../service/schedules/scheduler.ts'
import { createServiceMetrics } from '../../service/run-worker/service-metrics.ts'
import { RunWorker } from '../../service/run-worker/run-worker.ts'
import { standardTiming, type RunTiming } from '../../service/run-worker/run-worker-options.ts'
import { functionsService } from '../../service/serve/functions-service.ts'
import {
  controlPlane,
  openServiceThreads,
  type ControlPlane,
} from '../../service/serve/control-plane.ts'
import type { Run } from '../../service/runs/schema.ts'
import type { RunService } from '../../service/runs/contract.ts'
import type { Service } from '../../service/service.ts'
import { openStore } from '../../service/store/open-store.ts'
import type { Store } from '../../service/store/store.ts'
import { openFileVault } from '../../service/platform/vault/file-vault.ts'
import type { Vault } from '../../service/platform/vault/vault.ts'
import { metadataDatabase } from './metadata-database.ts'
import { testDatabase, type TestDatabase } from './postgres.ts'
import { silent } from './logger.ts'
import { neverAborted } from './signal.ts'
import { newFolder } from './new-folder.ts'

/** Where a browser comes back to. Nobody is there. */
export const callbackUrl = 'http://127.0.0.1:1/connect/v1/oauth/callback'

/**
 * The real service in this process, without HTTP: store and data in databases of their own, secrets in a
 * folder.
 */
export interface TestService extends AsyncDisposable {
  readonly service: Service
  readonly store: Store
  readonly logger: Logger
  readonly data: TestDatabase
  readonly vault: Vault
  /** The database of the service itself. */
  readonly metadata: TestDatabase
  readonly addressOf: AddressOf
  readonly streamTarget: ControlPlane['webhooks']['streamTarget']
  /** Where imported manifests are. */
  readonly catalogDir: string
  /** The logged lines. */
  readonly logged: string[]
  /**
   * Works on runs from here on.
   * @param owner default: a name of its own
   */
  work(timing?: Partial<RunTiming>, owner?: string): void
  /** Fires schedules from here on. */
  schedule(): void
}

export interface TestServiceOptions {
  /** Default: info. */
  readonly logLevel?: 'trace' | 'debug'
  /** The data is in the metadata database: a database less to make. */
  readonly isOneDatabase?: boolean
  /** Default: none, the log is the embedded one. */
  readonly kafkaBrokers?: readonly string[]
  /** More settings. */
  readonly environment?: Readonly<Record<string, string>>
  readonly stopping?: AbortSignal
}

export async function testService({
  kafkaBrokers = [],
  ...options
}: TestServiceOptions = {}): Promise<TestService> {
  const parts = new AsyncDisposableStack()
  const metadata = parts.use(await metadataDatabase())
  const data = options.isOneDatabase === true ? metadata : parts.use(await testDatabase())
  const dataDir = await newFolder('test-service')
  const settings = loadSettings({
    environment: {
      REACTOR_CONNECT_DATA_DIR: dataDir,
      REACTOR_CONNECT_ALLOWED_NETWORKS: '127.0.0.1/32',
      REACTOR_CONNECT_DATA_DATABASE_URL: data.url,
      REACTOR_CONNECT_KAFKA_BROKERS: kafkaBrokers.join(','),
      REACTOR_CONNECT_POSTGRES_AWAY_URL: 'postgres://nobody@127.0.0.1:1/nothing',
      ...options.environment,
    },
  })
  const logged: string[] = []
  const logger: Logger = pino(
    { level: options.logLevel ?? 'info' },
    { write: (line) => void logged.push(line) },
  )
  const { url } = metadata
  const store = parts.use(await openStore({ url, logger }))
  const vault = parts.use(await openFileVault({ folder: join(dataDir, 'vault') }))
  const queue = parts.use(await openPgBossQueue({ url, logger, pollMs: 100 }))
  const jobs = pgBossJobs(queue)
  const stopping = options.stopping ?? neverAborted()
  const plane = parts.use(
    controlPlane({
      settings,
      store,
      vault,
      jobs,
      threads: threadsOf(settings),
      sources: sourcesOf(),
      logger,
      now: Date.now,
      databases: {
        metadataUrl: url,
        data: data.address,
        isEmbedded: false,
        watch: () => Promise.resolve(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
      callbackUrl,
      stopping,
    }),
  )
  const { service, addressOf, destinationOf, logOf, maskKeyOf, webhooks } = plane
  const { instances } = service
  runUntilDisposed(parts, plane.webhooks.ingress.run)
  runUntilDisposed(parts, (ended) => store.migrationWatch.watch(ended))
  runUntilDisposed(parts, (ended) => plane.drainActions(AbortSignal.any([ended, stopping])))
  return {
    ...{
      service,
      store,
      logger,
      data,
      metadata,
      addressOf,
      streamTarget: webhooks.streamTarget,
      vault,
      logged,
      catalogDir: settings.catalogDir,
    },
    work: (timing, owner = randomUUID()) => {
      const metrics = new Registry()
      const worker = new RunWorker({
        store,
        queue,
        jobs,
        instances,
        logger,
        parallelRuns: 2,
        isAlone: false,
        threads: plane.threads,
        places: {
          destinationOf,
          logOf,
          maskKeyOf,
          allowedNetworks: settings.allowedNetworks,
          functions: functionsService(settings),
        },
        metrics: createRunMetrics(metrics),
        serviceMetrics: createServiceMetrics(metrics),
        owner,
        now: Date.now,
        timing: { beatMs: 100, ...timing },
      })
      runUntilDisposed(parts, (signal) => worker.run(signal))
    },
    schedule: () => {
      const scheduler = new Scheduler({
        store,
        queue,
        jobs,
        logger,
        now: Date.now,
        random: () => 0,
        staleMs: standardTiming.staleMs,
        timing: { lookMs: 50, jitterMs: 0 },
      })
      runUntilDisposed(parts, (signal) => scheduler.run(signal))
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

let opened: WorkerThreads | undefined
let openedSources: SourceThreads | undefined

/**
 * Those of a service, which are the same for all services of this process, end with it, and are started when
 * the first of them has a run: two threads for each service took 0.3 s of CPU, and most tests run nothing
 * (2026-11). Disposing kills the jobs of this service.
 */
function threadsOf(settings: Settings): WorkerThreads {
  const end = new AbortController()
  const untilEnd = ({ transfer, kill }: JobOptions): JobOptions => ({
    transfer,
    kill: AbortSignal.any([kill, end.signal]),
  })
  return {
    forRun: (lanes) => {
      opened ??= openServiceThreads(settings, silent)
      const threads = opened.forRun(lanes)
      return endingThreads(threads, untilEnd)
    },
    forFeed: (lanes) => {
      opened ??= openServiceThreads(settings, silent)
      return endingThreads(opened.forFeed(lanes), untilEnd)
    },
    [Symbol.asyncDispose]: () => {
      end.abort()
      return Promise.resolve()
    },
  }
}

function endingThreads(
  threads: LaneThreads,
  untilEnd: (options: JobOptions) => JobOptions,
): LaneThreads {
  return {
    read: (job, options) => threads.read(job, untilEnd(options)),
    load: (job, options) => threads.load(job, untilEnd(options)),
    [Symbol.asyncDispose]: () => threads[Symbol.asyncDispose](),
  }
}

/** The same for questions to sources. */
function sourcesOf(): SourceThreads {
  const end = new AbortController()
  return {
    ask: (question) => {
      openedSources ??= openSourceThreads({ threads: 4, idleMs: 60_000, logger: silent })
      return openedSources.ask({ ...question, kill: end.signal })
    },
    [Symbol.asyncDispose]: () => {
      end.abort()
      return Promise.resolve()
    },
  }
}

function runUntilDisposed(
  parts: AsyncDisposableStack,
  run: (signal: AbortSignal) => Promise<void>,
): void {
  const stop = new AbortController()
  const running = run(stop.signal)
  parts.defer(async () => {
    stop.abort()
    await running
  })
}

/** Follows the run to its end. */
export async function runToEnd(runs: RunService, { connection, id }: Run): Promise<Run> {
  let last: Run | undefined
  for await (const event of runs.follow(connection, id, 0, AbortSignal.timeout(60_000)))
    if (event.type === 'run') last = event.run
  if (last === undefined) throw new Error('the run was never seen')
  return last
}
