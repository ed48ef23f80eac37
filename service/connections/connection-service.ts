import type { Logger } from 'pino'
import { ConnectError, streamIdOf, streamKey, streamLabel } from '../../protocol/index.ts'
import type { Destination } from '../../sinks/sink.ts'
import {
  readRangeAgain,
  type RangeOptions,
  type StreamRange,
} from '../../engine/read-range-again.ts'
import { defaultAddress, kindAt, kindOf } from '../../sinks/registry.ts'
import type { FunctionsService } from '../../engine/run-types.ts'
import { catalogFingerprint } from '../schema-changes/catalog-shape.ts'
import { driftOutdated } from './drift/drift-errors.ts'
import { judgeSchema, selectedCatalog } from './drift/judge-schema.ts'
import type { Jobs } from '../platform/jobs/jobs.ts'
import type {
  Connection,
  ConnectionInput,
  ConnectionOptions,
  ConnectionSummary,
  ConnectionUpdate,
  RangeInput,
  RangeResult,
} from './schema.ts'
import type { IfMissing } from '../../sinks/connection-form.ts'
import type { Schedule } from '../platform/jobs/schedule.ts'
import type { ConnectionChange, ConnectionService, ConnectionStore } from './contract.ts'
import type { InstanceService } from '../instances/contract.ts'
import type { Page } from '../platform/lists.ts'
import type { ExclusiveWork } from '../platform/database/locks.ts'
import type { DestinationOf } from './destination-address.ts'
import type { DriftStore } from './drift/contract.ts'
import { connectionStreams, type StreamChoice } from './connection-streams.ts'
import { functionNameOf } from '../../lib/net/function-address.ts'
import { firstRunAt } from './first-run.ts'
import { hidingLogin } from './hide-login.ts'
import { namedStreams } from '../../plan/streams/named-streams.ts'
import { refuseForeignOptions, refuseTableOptions } from './destination-options.ts'
import { requireFreeNewTopics, requireFreeTopics, type EventTargets } from './topic-users.ts'

export interface ConnectionsOptions {
  readonly store: ExclusiveWork & {
    readonly connections: ConnectionStore
    readonly drift: DriftStore
    readonly receivers: EventTargets
  }
  readonly instances: Pick<InstanceService, 'discover' | 'get'>
  readonly jobs: Pick<Jobs, 'firesSchedules'>
  readonly destinationOf: DestinationOf
  /** Throws if the connection uses a log that this service does not have. */
  readonly checkLog: (options: ConnectionOptions) => unknown
  /** Undefined: no stream can have a transformation. */
  readonly functions: FunctionsService | undefined
  readonly logger: Logger
  now(): number
}

/**
 * `ConnectionService` on the metadata store. Checkpoints are at the destination, under the connection's name.
 */
export class StoredConnectionService implements ConnectionService {
  readonly #options: ConnectionsOptions
  readonly #store: ConnectionStore

  constructor(options: ConnectionsOptions) {
    this.#options = options
    this.#store = options.store.connections
  }

  async create(input: ConnectionInput): Promise<Connection> {
    const { activate = false, ...given } = { ...unset, ...input }
    const fields = { ...given, destination: given.destination ?? defaultAddress(given.name) }
    const { name, streams, schedule } = fields
    const status = activate ? 'active' : 'inactive'
    const firstRun = this.#nextRun(schedule)
    const nextRunAt = status === 'active' ? firstRun : null
    refuseForeignOptions(fields)
    const { catalog, streams: planned } = await this.#checkStreams(fields)
    const approvedCatalog = selectedCatalog({ streams }, catalog)
    return this.#options.store.runExclusively(`connection ${name}`, async () => {
      await this.#requireNewName(name)
      await this.#withDestination(fields, async (opened) => {
        await opened.check()
        await opened.requireFreeTables?.(planned)
        // Checkpoints of an earlier connection of this name, or of another source: they mean nothing here.
        await opened.forget(name, 'all')
      })
      return this.#store.create({ ...fields, status, nextRunAt, approvedCatalog })
    })
  }

  get(name: string): Promise<Connection> {
    return this.#store.get(name)
  }

  list(page: Parameters<ConnectionService['list']>[0]): Promise<Page<ConnectionSummary>> {
    return this.#store.list(page)
  }

  async update(name: string, input: ConnectionUpdate, ifVersion?: number): Promise<Connection> {
    const before = await this.#store.get(name)
    const options = input.options && { ...before.options, ...input.options }
    const changes = { ...input, ...(options && { options }) }
    const { destination } = { ...before, ...changes }
    // Those that it had for another destination stay, without effect.
    if (input.options !== undefined) refuseForeignOptions({ destination, options: input.options })
    // Only an active connection has a next run; the schedule of another one takes effect when it is
    // activated.
    const schedule = before.status === 'active' ? input.schedule : undefined
    const nextRunAt = this.#nextRun(input.schedule ?? null)
    const times = schedule === undefined ? {} : { nextRunAt }
    const approval = await this.#checkedChoice(before, changes)
    if (changes.destination !== undefined && changes.destination !== before.destination)
      await this.#withDestination({ ...before, ...changes }, (opened) => opened.check())
    return this.#store.update(name, { ...changes, ...approval, ...times }, ifVersion)
  }

  async activate(name: string): Promise<Connection> {
    const before = await this.#store.get(name)
    return before.status === 'active' ? before : this.#setStatus(before, 'active')
  }

  async setPaused(name: string, paused: boolean): Promise<Connection> {
    const before = await this.#store.get(name)
    if (before.status === 'inactive')
      throw new ConnectError('connection_inactive', { details: { connection: name } })
    return this.#setStatus(before, paused ? 'paused' : 'active')
  }

  /**
   * The scheduler reports the change to an external Jobs service (hand-over-schedules.ts), like every change.
   */
  async #setStatus(
    { name, schedule }: Connection,
    status: 'active' | 'paused',
  ): Promise<Connection> {
    const nextRunAt = status === 'paused' ? null : this.#nextRun(schedule)
    return this.#store.update(name, { status, nextRunAt })
  }

  async approve(name: string, fingerprint: string): Promise<Connection> {
    const { drift } = this.#options.store
    const before = await this.#store.get(name)
    const waiting = await drift.waiting(before.id)
    if (waiting !== null) await requireFreeNewTopics(before, waiting, this.#options.store)
    const isNew = await drift.approve(name, fingerprint)
    const connection = await this.#store.get(name)
    if (isNew) return connection
    // The client sends it again if the response did not arrive.
    const approved = connection.drift === null ? await drift.approved(connection.id) : null
    if (approved !== null && catalogFingerprint(approved) === fingerprint) return connection
    throw driftOutdated(connection)
  }

  async delete(name: string, ifVersion?: number): Promise<void> {
    const connection = await this.#store.delete(name, ifVersion)
    // The connection is deleted: checkpoints that stay do no harm, because a connection that is made later
    // under the name forgets them.
    try {
      await this.#withDestination(connection, (opened) => opened.forget(name, 'all'), 'fail')
    } catch (error) {
      const facts = { connection: name, code: ConnectError.from(error).code }
      this.#options.logger.warn(facts, 'the checkpoints of a deleted connection stay')
    }
  }

  async reset(name: string, streams?: readonly string[]): Promise<void> {
    const connection = await this.#atRest(name)
    const ids = streams === undefined ? 'all' : (await this.#modesOf(connection, streams)).streams
    // First: streams that earlier runs completed no longer count.
    await this.#store.update(name, {})
    await this.#withDestination(connection, (opened) => opened.forget(name, ids))
  }

  async resetRange(
    name: string,
    { streams, from, to, doubleRows = false, dryRun = false }: RangeInput,
  ): Promise<RangeResult> {
    const connection = await this.#atRest(name)
    const { type } = await this.#options.instances.get(connection.from)
    const request = {
      connection: name,
      ...(await this.#modesOf(connection, streams)),
      sourceType: type,
      range: { from: from ?? null, to: to ?? null },
      doublesRows: doubleRows,
    }
    const read = (isDryRun: boolean): Promise<readonly StreamRange[]> =>
      this.#withDestination(connection, (opened) =>
        readRangeAgain(opened, { ...request, isDryRun }),
      )
    // First: what is refused changes nothing.
    let ranges = await read(true)
    if (!dryRun) {
      // As for a reset of whole streams.
      await this.#store.update(name, {})
      ranges = await read(false)
    }
    return {
      dryRun,
      streams: ranges.map(({ stream, mode, ...range }) => ({
        name: stream.name,
        namespace: stream.namespace ?? null,
        destinationSyncMode: mode,
        ...range,
      })),
    }
  }

  /** Throws `connection_has_active_run`. */
  async #atRest(name: string): Promise<Connection> {
    const connection = await this.#store.get(name)
    const last = connection.lastRun
    if (last?.status === 'queued' || last?.status === 'running')
      throw new ConnectError('connection_has_active_run', {
        details: { connection: name, run: last.id },
      })
    return connection
  }

  /** Selecting other streams approves them as they are. For streams that stay, the approved schema stays. */
  async #checkedChoice(
    before: Connection,
    changes: ConnectionUpdate,
  ): Promise<Pick<ConnectionChange, 'approvedCatalog'>> {
    const isOther = changes.destination !== undefined && checksStreams(changes.destination)
    if (!('streams' in changes || 'options' in changes || isOther)) return {}
    const { catalog } = await this.#checkStreams({ ...before, ...changes })
    if (isOther) await this.#requireFreeApproved({ ...before, ...changes })
    const { streams } = changes
    if (streams === undefined) return {}
    const approvedBefore = await this.#options.store.drift.approved(before.id)
    return { approvedCatalog: judgeSchema({ streams }, catalog, approvedBefore).approved }
  }

  /**
   * Also of streams that the source does not have at present: they stay approved, and are not looked at when
   * they come back.
   */
  async #requireFreeApproved(connection: Connection): Promise<void> {
    const approved = await this.#options.store.drift.approved(connection.id)
    await requireFreeTopics(
      connection,
      (approved?.streams ?? []).map(streamIdOf),
      this.#options.store,
    )
  }

  /** Returns the streams, and the catalog that they were found in. */
  async #checkStreams(
    choice: StreamChoice & Pick<Connection, 'destination'>,
  ): Promise<Awaited<ReturnType<typeof connectionStreams>>> {
    this.#options.checkLog(choice.options)
    refuseTableOptions(choice)
    const { instances, functions, destinationOf } = this.#options
    if (functions === undefined) refuseTransforms(choice)
    const found = await connectionStreams(choice, instances, { refresh: false })
    const { streams } = found
    if (checksStreams(choice.destination)) {
      const config = await destinationOf(choice)
      await kindOf(config).requireStreams?.(config, streams, { areChosen: choice.streams !== null })
      const ids = streams.map(({ stream }) => streamIdOf(stream.stream))
      await requireFreeTopics(choice, ids, this.#options.store)
    }
    return found
  }

  /** The named streams, and the modes of all of them. */
  async #modesOf(
    connection: Connection,
    names: readonly string[],
  ): Promise<Required<Pick<RangeOptions, 'streams' | 'modes'>>> {
    const { streams } = await connectionStreams(connection, this.#options.instances, {
      refresh: false,
    })
    const ids = streams.map(({ stream }) => streamIdOf(stream.stream))
    const modes = streams.map(
      ({ stream, mode }) => [streamKey(streamIdOf(stream.stream)), mode] as const,
    )
    return { streams: namedStreams(connection.name, ids, names), modes: new Map(modes) }
  }

  async #requireNewName(name: string): Promise<void> {
    try {
      await this.#store.get(name)
    } catch (error) {
      if (error instanceof ConnectError && error.code === 'connection_not_found') return
      throw error
    }
    throw new ConnectError('name_taken', { details: { kind: 'connection', name } })
  }

  #nextRun(schedule: Schedule | null): string | null {
    const { jobs } = this.#options
    return firstRunAt(schedule, { jobs, nowMs: this.#options.now() })
  }

  async #withDestination<Result>(
    connection: Pick<Connection, 'destination' | 'options'>,
    work: (opened: Destination) => Promise<Result>,
    ifMissing: IfMissing = 'create',
  ): Promise<Result> {
    const { destinationOf, logger } = this.#options
    const config = await destinationOf(connection, { ifMissing })
    return hidingLogin(config, async () => {
      await using opened = await kindOf(config).open(config, { logger })
      return await work(opened)
    })
  }
}

/** Its streams are checked before they are stored: each needs a place of its own. */
function checksStreams(destination: string): boolean {
  return kindAt(destination)?.requireStreams !== undefined
}

/** Throws `transform_not_available` if a stream has a transformation. */
function refuseTransforms({ streams }: StreamChoice): void {
  for (const { transform, ...stream } of streams ?? []) {
    if (transform === undefined) continue
    const name = functionNameOf(transform) ?? transform
    const details = { stream: streamLabel(stream), function: name }
    throw new ConnectError('transform_not_available', { details })
  }
}

/** The values of fields that are not given. */
const unset = { streams: null, schedule: null, options: {} } as const
