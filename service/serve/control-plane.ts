import type { Logger } from 'pino'
import type { LogConfig } from '../../engine/run-types.ts'
import type { SourceThreads } from '../../engine/threads/source-threads.ts'
import { openWorkerThreads, type WorkerThreads } from '../../engine/threads/worker-threads.ts'
import { countBrokers } from '../../kafka/count-brokers.ts'
import { ActionClients } from '../actions/action-clients.ts'
import { type ActionServiceOptions, StoredActionService } from '../actions/action-service.ts'
import { RunningCalls, sentGraceMs } from '../actions/running-calls.ts'
import { StoredApiKeyService } from '../api-keys/api-key-service.ts'
import { FolderCatalogService } from '../catalog/catalog-service.ts'
import { findPublished } from './find-published.ts'
import type { Settings } from '../platform/config/settings.ts'
import { StoredConnectionService } from '../connections/connection-service.ts'
import {
  destinationAddress,
  findDestination,
  type AddressOf,
  type DestinationOf,
} from '../connections/destination-address.ts'
import { openIdentity } from '../logins/open-identity.ts'
import type { LostSecrets } from '../instances/contract.ts'
import { openInstances } from '../instances/open-instances.ts'
import type { Jobs } from '../platform/jobs/jobs.ts'
import { mostLanes, thisMachine } from '../run-worker/machine-limits.ts'
import { logConfig, type KafkaPlace } from '../run-worker/log-config.ts'
import { StoredRunService } from '../runs/run-service.ts'
import { RequestComparisonService } from '../comparisons/comparison-service.ts'
import { DestinationRejectService } from '../rejects/reject-service.ts'
import { PromoteTokens } from '../sandboxes/promote-token.ts'
import { StoredSandboxService } from '../sandboxes/sandbox-service.ts'
import { keepSwept } from '../sandboxes/sweep-sandboxes.ts'
import type { ConnectionOptions } from '../connections/schema.ts'
import type { Service } from '../service.ts'
import type { Store } from '../store/store.ts'
import { noteLostReceiverSecrets } from '../webhooks/receivers/note-lost-secrets.ts'
import { StoredKey } from '../platform/vault/stored-key.ts'
import type { Vault } from '../platform/vault/vault.ts'
import { functionsService } from './functions-service.ts'
import { kafkaPlace, topicSettings } from './kafka-place.ts'
import { storagePlace } from './storage-place.ts'
import type { Databases } from './databases.ts'
import { openDataService } from './open-data-service.ts'
import { ProcessHealthService, type HealthOptions } from './health.ts'
import { openWebhooks, type OpenWebhooks } from './open-webhooks.ts'

type SandboxOptions = ConstructorParameters<typeof StoredSandboxService>[0]

export interface ControlPlaneOptions {
  readonly settings: Settings
  readonly databases: Databases
  readonly store: Store
  readonly vault: Vault
  readonly jobs: Jobs
  /** Disposed of with the plane. */
  readonly threads: WorkerThreads
  /** In which sources are checked and discovered; disposed of with the plane. Default: threads of its own. */
  readonly sources?: SourceThreads
  readonly callbackUrl: string
  readonly logger: Logger
  readonly stopping: AbortSignal
  now(): number
}

/** The service, and the parts of the settings that its runs need. */
export interface ControlPlane extends AsyncDisposable {
  readonly service: Service & { readonly apiKeys: StoredApiKeyService }
  /** The threads that read and load runs and sandboxes. */
  readonly threads: WorkerThreads
  readonly destinationOf: DestinationOf
  readonly addressOf: AddressOf
  readonly logOf: (options: ConnectionOptions) => LogConfig
  /** The key of masks that are hashes. */
  readonly maskKeyOf: () => Promise<string>
  /** Resolves when the signal is aborted, and the calls of actions that were carried out then have ended. */
  readonly drainActions: (signal: AbortSignal) => Promise<void>
  /** Removes the remains of sandboxes. */
  readonly sweepSandboxes: (signal: AbortSignal) => Promise<void>
  /**
   * Finds the instances whose secrets the vault does not have, marks them as such, and those whose secrets it
   * cannot read.
   */
  readonly noteLostSecrets: () => Promise<LostSecrets>
  readonly webhooks: Pick<
    OpenWebhooks,
    'ingress' | 'dispatch' | 'streamTarget' | 'moveTargetAddresses'
  >
  /** The same for receivers of webhooks: their names. */
  readonly noteLostReceiverSecrets: () => Promise<readonly string[]>
}

/** The client id of the checks of Kafka. */
const clientId = 'reactor-connect-health'
/** The next run finds its threads warm: a new one takes 0.1 to 0.3 s to start. */
const idleThreadMs = 60_000

/** The threads of a service, for its runs and sandboxes. */
export function openServiceThreads({ parallelRuns }: Settings, logger: Logger): WorkerThreads {
  return openWorkerThreads({
    lanes: mostLanes(thisMachine(), parallelRuns),
    idleMs: idleThreadMs,
    logger,
  })
}

export function controlPlane(options: ControlPlaneOptions): ControlPlane {
  const { settings, store, vault, jobs, threads, callbackUrl, logger, stopping } = options
  const now = (): number => options.now()
  const kafka = kafkaPlace(settings)
  const storage = storagePlace(settings)
  const dataService = openDataService(settings, now)
  const logOf = (options: ConnectionOptions): LogConfig => logConfig(options, { kafka, storage })
  const { catalogDir, allowedNetworks, allowedFolders, allowedSockets, airbyteEnabled } = settings
  const found = { allowsProcesses: airbyteEnabled, findPublished: findPublished(settings, now) }
  const catalog = new FolderCatalogService(catalogDir, found)
  const opened = openInstances({
    store,
    vault,
    catalog,
    allowedNetworks,
    allowedFolders,
    allowedSockets,
    callbackUrl,
    logger,
    now,
    ...(options.sources !== undefined && { sources: options.sources }),
  })
  const instances = opened.service
  const { destinationOf, addressOf } = destinationsOf(options, dataService, instances)
  const actions = openActions({ store, vault, instances, catalog, allowedNetworks, logger, now })
  const functions = functionsService(settings)
  const maskKeyOf = maskKeyIn(vault, settings.maskKey)
  const planPlaces = { destinationOf, logOf, allowedNetworks, functions, maskKeyOf }
  const checkDataService = async (): Promise<void> => dataService?.check()
  const leftOvers = { store, addressOf, checkDataService, logger, now }
  const runs = new StoredRunService({ store, jobs, logger })
  const shared = { settings, store, vault, instances, catalog, runs, threads, kafka, logger, now }
  const checked = { store, vault, jobs, data: dataService, stopping, now }
  const webhooks = openWebhooks({ ...shared, places: planPlaces })
  return {
    drainActions: actions.drain,
    sweepSandboxes: (signal) => keepSwept(leftOvers, signal),
    noteLostSecrets: opened.noteLostSecrets,
    noteLostReceiverSecrets: () => noteLostReceiverSecrets({ store, vault }),
    threads,
    destinationOf,
    addressOf,
    logOf,
    maskKeyOf,
    webhooks,
    service: {
      catalog,
      instances,
      actions: actions.service,
      connections: new StoredConnectionService({
        store,
        instances,
        jobs,
        destinationOf,
        functions,
        logger,
        now,
        checkLog: logOf,
      }),
      runs,
      schemas: store.schemas,
      ...webhooks.service,
      sandboxes: openSandboxes(options, instances, { ...planPlaces, addressOf }),
      comparisons: new RequestComparisonService({
        ...{ store, instances, logger, now },
        places: planPlaces,
        stopping: options.stopping,
      }),
      rejects: new DestinationRejectService({ store, instances, destinationOf, logger }),
      apiKeys: new StoredApiKeyService(store.apiKeys, now),
      ...openIdentity({ settings, store, vault, logger, now }),
      health: new ProcessHealthService({ ...checked, kafka: kafkaCheck(kafka, logger) }),
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(
        [actions.clients, opened, threads, webhooks].map((part) => part[Symbol.asyncDispose]()),
      )
    },
  }
}

function openSandboxes(
  options: ControlPlaneOptions,
  instances: SandboxOptions['instances'],
  places: SandboxOptions['places'],
): StoredSandboxService {
  const { settings, store, vault, jobs, threads, logger, stopping } = options
  return new StoredSandboxService({
    store,
    instances,
    jobs,
    logger,
    now: () => options.now(),
    stopping,
    threads,
    places,
    tokens: new PromoteTokens(vault),
    lifetimeMs: settings.sandboxLifetimeSeconds * 1000,
  })
}

/** The service of actions, and what its calls share; `clients` is to be disposed of. */
function openActions({
  store,
  allowedNetworks,
  ...shared
}: Pick<ControlPlaneOptions, 'store' | 'vault' | 'logger' | 'now'> &
  Pick<Service, 'instances'> &
  Pick<ActionServiceOptions, 'catalog'> &
  Pick<Settings, 'allowedNetworks'>): {
  readonly service: StoredActionService
  readonly clients: ActionClients
  readonly drain: RunningCalls['drain']
} {
  const { instances, logger, now } = shared
  const running = new RunningCalls({ graceMs: sentGraceMs })
  const clients = new ActionClients({ instances, allowedNetworks, logger, cut: running.cut, now })
  const { usedTokens, idempotency } = store
  const service = new StoredActionService({ ...shared, clients, usedTokens, idempotency, running })
  return { service, clients, drain: running.drain }
}

/** The key of masks that are hashes: the same for all connections, so that their hashes can be joined. */
function maskKeyIn(vault: Vault, own: string | undefined): ControlPlane['maskKeyOf'] {
  if (own !== undefined) return () => Promise.resolve(own)
  const key = new StoredKey(vault, 'masks/hash-key')
  return async () => {
    const { bytes } = await key.get()
    return bytes.toString('base64')
  }
}

/** The dataset whose database has the bookkeeping of destinations that are instances. */
const writesDataset = 'reactor_connect_writes'

/** The destinations that connections load into. */
function destinationsOf(
  { settings, databases }: Pick<ControlPlaneOptions, 'settings' | 'databases'>,
  dataService: ReturnType<typeof openDataService>,
  instances: Pick<Service['instances'], 'resolveConfig'>,
): Pick<ControlPlane, 'destinationOf' | 'addressOf'> {
  const places = {
    data: dataService ?? databases.data,
    postgres: settings.postgres,
    kafka: topicSettings(settings),
    named: settings.destinations,
    instances: {
      resolveConfig: (name: string) => instances.resolveConfig(name),
      allowedNetworks: settings.allowedNetworks,
      store: async () =>
        dataService === undefined
          ? databases.data
          : (await dataService.find(writesDataset, 'create'))?.address,
    },
  }
  return {
    destinationOf: (connection, request) => findDestination(connection, places, request),
    addressOf: (destination, request) => destinationAddress(destination, places, request),
  }
}

function kafkaCheck(kafka: KafkaPlace | undefined, logger: Logger): HealthOptions['kafka'] {
  if (kafka === undefined) return undefined
  return { check: () => countBrokers({ ...kafka, clientId }, logger) }
}
