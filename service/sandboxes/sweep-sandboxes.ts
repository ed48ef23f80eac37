import type { Logger } from 'pino'
import { hidingLogin } from '../connections/hide-login.ts'
import { leavesSandboxes } from '../../sinks/registry.ts'
import { ConnectError } from '../../protocol/index.ts'
import type { PostgresConfig } from '../../sinks/postgres/postgres-place.ts'
import type { AddressOf } from '../connections/destination-address.ts'
import { runRepeatedly } from '../platform/jobs/run-repeatedly.ts'
import type { SandboxPlace, SandboxStore } from './contract.ts'
import { staleMs } from './sandbox-dependencies.ts'
import {
  dropSandboxSchema,
  listSandboxSchemas,
} from '../../sinks/postgres/sandbox/sandbox-schema.ts'

export interface SweepOptions {
  readonly store: { readonly sandboxes: SandboxStore }
  /** Throws `destination_not_available` for one that the settings do not name any more. */
  readonly addressOf: AddressOf
  /** Resolves if there is none, or if it accepts requests. */
  readonly checkDataService: () => Promise<void>
  readonly logger: Logger
  now(): number
}

const sweepMs = 30_000
const sweepDestinationsMs = 600_000
const dropsAtOnce = 100
/** The clock of the machine that created a schema may be behind ours. */
const clockToleranceMs = 60_000
/** Nothing is created only to be searched. */
const existing = { ifMissing: 'fail' } as const

/**
 * The sandbox task of the role scheduler, until the signal is aborted. Several processes may run it at once.
 */
export async function keepSwept(options: SweepOptions, signal: AbortSignal): Promise<void> {
  const { logger } = options
  const drop = { name: 'sandboxes', everyMs: sweepMs, task: () => sweepSandboxes(options) }
  const search = {
    name: 'left-over sandboxes',
    everyMs: sweepDestinationsMs,
    retryMs: sweepMs,
    task: () => sweepDestinations(options),
  }
  await Promise.all([drop, search].map((task) => runRepeatedly({ ...task, logger }, signal)))
}

/**
 * Drops the schemas of sandboxes that are no longer needed: expired, failed, promoted, of a connection that
 * is gone, or of a process that died. A destination that does not respond does not hold up the others.
 */
export async function sweepSandboxes(options: SweepOptions): Promise<void> {
  const { sandboxes } = options.store
  for (const { id, connection } of await sandboxes.findStale(staleMs)) {
    const details = { connection: connection ?? '' }
    const error = new ConnectError('sandbox_stopped', { details }).toJSON()
    await sandboxes.endStale(id, staleMs, error)
  }
  const unreachable = new UnreachablePlaces(options)
  for (const place of await sandboxes.toDrop(dropsAtOnce))
    if (!unreachable.has(place.destination)) await dropSandbox(options, place, unreachable)
}

async function dropSandbox(
  options: SweepOptions,
  { id, destination }: SandboxPlace,
  unreachable: UnreachablePlaces,
): Promise<void> {
  const { store, addressOf, logger } = options
  try {
    if (leavesSandboxes(destination)) {
      const address = await addressOf(destination, existing)
      await hidingLogin(address, () => dropSandboxSchema(address, id))
    }
    await store.sandboxes.noteDropped(id)
  } catch (thrown) {
    passOnStoreFailure(thrown)
    await unreachable.add(destination, thrown)
    const { code, message } = ConnectError.from(thrown)
    logger.warn(
      { sandbox: id, destination, code, reason: message },
      'the schema of a sandbox cannot be dropped yet',
    )
  }
}

/**
 * Looks for schemas at the destinations that the metadata database does not know: it was restored from a
 * backup, or replaced. Other services may use the same database, so the time that is noted at each schema
 * decides.
 */
export async function sweepDestinations(options: SweepOptions): Promise<void> {
  const { store } = options
  const seen = new Set<string>()
  const unreachable = new UnreachablePlaces(options)
  for (const destination of await store.sandboxes.destinations()) {
    if (!leavesSandboxes(destination) || unreachable.has(destination)) continue
    const config = await findAddress(destination, options, unreachable)
    if (config === null) continue
    const { host, port, database } = config.address
    const server = JSON.stringify([host, port, database])
    if (seen.has(server)) continue
    seen.add(server)
    await sweepDestination(options, { destination, config })
  }
}

async function sweepDestination(
  options: SweepOptions,
  { destination, config }: { destination: string; config: PostgresConfig },
): Promise<void> {
  const { store, logger } = options
  try {
    const latestMs = options.now() - clockToleranceMs
    const schemas = await hidingLogin(config, () => listSandboxSchemas(config))
    const expired = schemas.filter(({ expiresAtMs }) => expiresAtMs < latestMs).map(({ id }) => id)
    const alive = new Set(expired.length === 0 ? [] : await store.sandboxes.findAlive(expired))
    for (const id of expired.filter((sandbox) => !alive.has(sandbox))) {
      await hidingLogin(config, () => dropSandboxSchema(config, id))
      logger.info({ sandbox: id, destination }, 'a left-over sandbox was dropped')
    }
  } catch (thrown) {
    passOnStoreFailure(thrown)
    warnUnsearched(logger, destination, thrown)
  }
}

/** Null if it cannot be searched. */
async function findAddress(
  destination: string,
  { addressOf, logger }: SweepOptions,
  unreachable: UnreachablePlaces,
): Promise<PostgresConfig | null> {
  try {
    return await addressOf(destination, existing)
  } catch (thrown) {
    await unreachable.add(destination, thrown)
    // The settings, or the Data service, no longer have it.
    const isGone = ConnectError.from(thrown).code === 'destination_not_available'
    if (!isGone) warnUnsearched(logger, destination, thrown)
    return null
  }
}

/**
 * Destinations that are left for the next time. A Data service that is away is asked for none of its other
 * datasets.
 */
class UnreachablePlaces {
  readonly #checkDataService: SweepOptions['checkDataService']
  readonly #destinations = new Set<string>()
  #isDataServiceAway = false

  constructor({ checkDataService }: SweepOptions) {
    this.#checkDataService = checkDataService
  }

  async add(destination: string, thrown: unknown): Promise<void> {
    this.#destinations.add(destination)
    if (ConnectError.from(thrown).code !== 'data_unreachable') return
    // It may fail for this dataset alone.
    this.#isDataServiceAway = await this.#checkDataService().then(
      () => false,
      () => true,
    )
  }

  has(destination: string): boolean {
    const isDataset = destination.startsWith('data:')
    return this.#destinations.has(destination) || (isDataset && this.#isDataServiceAway)
  }
}

function warnUnsearched(logger: Logger, destination: string, thrown: unknown): void {
  const { code, message } = ConnectError.from(thrown)
  const facts = { destination, code, reason: message }
  logger.warn(facts, 'a destination cannot be searched for left-over sandboxes')
}

function passOnStoreFailure(thrown: unknown): void {
  if (thrown instanceof ConnectError && thrown.code === 'store_unavailable') throw thrown
}
