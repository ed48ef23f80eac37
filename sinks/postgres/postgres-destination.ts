import { ConnectError, type StreamId, streamLabel } from '../../protocol/index.ts'
import type {
  BeginOptions,
  Destination,
  DestinationSnapshot,
  LoadedStream,
  RunEnd,
  RunStart,
  SinkStream,
  SliceStart,
  StreamSync,
  Untold,
} from '../sink.ts'
import { beginSync } from './sync/begin-sync.ts'
import { requireFreeTables } from './sync/known-stream.ts'
import { changeTable } from './sync/change-table.ts'
import { endRun, startRun } from './bookkeeping/runs.ts'
import { requireOpenDestination, schemaExists } from './tables/schemas.ts'
import { migrateBookkeeping } from './bookkeeping/migrations.ts'
import { newerStart, requireNewest } from './bookkeeping/fence.ts'
import { finishSync, leaveLog, savePlan } from './sync/finish-sync.ts'
import { noteWarning, readUntold } from './bookkeeping/untold-warnings.ts'
import { changeStates } from './bookkeeping/change-states.ts'
import { forgetStreams } from './bookkeeping/forget-streams.ts'
import { quoteIdentifier } from '../../postgres/quote.ts'
import type { TableName } from './tables/identifiers.ts'
import { loadedStreams } from './bookkeeping/stream-rows.ts'
import { type LoggedPlace, sessionPlace } from './postgres-place.ts'
import { endOlderSessions, markOf, markSession } from './bookkeeping/run-sessions.ts'
import { SessionsUsedAgain } from './used-again.ts'
import type { DestinationPlace } from './destination-errors.ts'
import { DestinationSession } from './session.ts'
import { nameTriggers } from './trigger-errors.ts'
import { streamTarget } from './tables/stream-target.ts'

// How this folder is laid out, each part above those that it imports:
//   postgres-destination.ts the contract of sink.ts, on the main thread; load/postgres-lane.ts, in a sink
//   worker sandbox/ what a run would do: tables of its own, compared with production load/ blocks of the log
//   to COPY, and the lane that commits them sync/ begin and end of a sync of a stream: tables made fit,
//   generations exchanged merge/ one row for each key: staging table and SQL bookkeeping/ our own tables:
//   streams, checkpoints, runs, the fence tables/ names, columns, types, keys and setup of the tables that
//   are loaded session.ts, … the session with the server, its locks and its errors

/**
 * The destination on the main thread. Connects at its first use.
 * @param givenUp from its abort on, calls that are in progress throw `destination_connection_lost`, as do all
 * that follow; what is open is rolled back
 */
export function openPostgresDestination(
  place: LoggedPlace,
  givenUp?: AbortSignal,
): Promise<Destination> {
  return Promise.resolve(new PostgresDestination(place, givenUp))
}

/**
 * Each call has a session to itself: streams begin and end at the same time, and a restarted server is no
 * special case.
 */
class PostgresDestination implements Destination {
  readonly #place: LoggedPlace
  readonly #sessions = new SessionsUsedAgain('statements')
  #migrated: Promise<void> | undefined
  readonly #givenUp: AbortSignal | undefined

  constructor(place: LoggedPlace, givenUp: AbortSignal | undefined) {
    this.#place = place
    this.#givenUp = givenUp
  }

  async check(): Promise<void> {
    await this.#with(undefined, async (session) => {
      await session.requireOwnProcess()
      const { schema } = this.#place
      if (schema === undefined) return
      requireOpenDestination(schema, session.bookkeepingSchema)
      if (await schemaExists(session, schema)) return
      // Throws if it is not allowed; the first stream creates the schema for good.
      await session.tryOut(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`)
    })
  }

  startRun(connection: string, key?: string): Promise<RunStart> {
    return this.#with(undefined, async (session) => {
      const start = await startRun(session, connection, key)
      await endOlderSessions(session, connection, start.start)
      return start
    })
  }

  endRun(connection: string, end: RunEnd): Promise<void> {
    return this.#with(undefined, (session) => endRun(session, connection, end))
  }

  newerStart(connection: string, { start }: RunStart): Promise<string | undefined> {
    return this.#with(undefined, (session) => newerStart(session, connection, start))
  }

  requireFreeTables(streams: readonly SinkStream[]): Promise<void> {
    return this.#with(undefined, (session) =>
      requireFreeTables(session, streams, this.#place.schema),
    )
  }

  loadedStreams(connection: string): Promise<readonly LoadedStream[]> {
    return this.#with(undefined, (session) => loadedStreams(session, connection))
  }

  begin(stream: SinkStream, start: RunStart, options: BeginOptions = {}): Promise<StreamSync> {
    const { schema } = this.#place
    return this.#with({ sink: stream, ...start }, (session) =>
      beginSync(session, stream, { ...options, schema, start }),
    )
  }

  changeTable(sync: StreamSync): Promise<Pick<StreamSync, 'tableNotes' | 'warnings'>> {
    return this.#with(sync, (session) => changeTable(session, sync, this.#place.schema))
  }

  untold(stream: SinkStream, start: RunStart): Promise<Untold | undefined> {
    return this.#with(undefined, (session) => readUntold(session, stream, start))
  }

  savePlan(sync: StreamSync, slices: readonly SliceStart[]): Promise<void> {
    return this.#with(sync, (session) => savePlan(session, sync, slices))
  }

  finish(sync: StreamSync): Promise<readonly string[]> {
    return this.#with(sync, (session) => finishSync(session, sync, this.#place.schema))
  }

  noteWarning(sync: StreamSync, warning: string): Promise<void> {
    return this.#with(sync, (session) => noteWarning(session, sync, warning))
  }

  leaveLog(sync: StreamSync): Promise<void> {
    return this.#with(sync, (session) => leaveLog(session, sync))
  }

  forget(connection: string, streams: readonly StreamId[] | 'all'): Promise<void> {
    return this.#with(undefined, (session) => forgetStreams(session, connection, streams))
  }

  changeStates(
    connection: string,
    streams: readonly StreamId[],
    change: Parameters<Destination['changeStates']>[2],
  ): Promise<void> {
    return this.#with(undefined, (session) =>
      changeStates(session, { connection, streams, change }),
    )
  }

  async openComparison(signal: AbortSignal): Promise<DestinationSnapshot> {
    const { openComparison } = await import('./comparison/open-comparison.ts')
    return openComparison(this.#place, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sessions[Symbol.asyncDispose]()
  }

  /** @param user the stream and the start that the session works for; undefined if it is for no stream */
  async #with<T>(
    user: Pick<StreamSync, 'sink' | 'start'> | undefined,
    work: (session: DestinationSession) => Promise<T>,
  ): Promise<T> {
    const named = user === undefined ? {} : this.#named(user.sink)
    const place = { ...sessionPlace(this.#place), ...named }
    const mark = user && markOf(user.sink.connection, user.start)
    const { logger } = this.#place
    const use = {
      place,
      ...(mark !== undefined && { mark }),
      ...(logger !== undefined && { logger }),
    }
    this.#requireWanted()
    const { session, isNew } = await this.#sessions.take(use)
    const giveUp = session.destroy.bind(session)
    try {
      this.#requireWanted()
      this.#givenUp?.addEventListener('abort', giveUp)
      // A sandbox's bookkeeping was created with its schema. If a sweep has dropped it, nothing may create it
      // again: no sweep would find it.
      if (this.#place.bookkeeping === undefined) await this.#migrate(session)
      if (user !== undefined && isNew) await markSession(session, user.sink.connection, user.start)
      const result = await work(session)
      await this.#sessions.giveBack(session, use)
      return result
    } catch (error) {
      await session[Symbol.asyncDispose]()
      if (!(error instanceof ConnectError)) throw error
      await this.#requireNewest(error, place, user)
      throw await nameTriggers(error, place)
    } finally {
      this.#givenUp?.removeEventListener('abort', giveUp)
    }
  }

  /** The error of a session that a newer start ended only says that it is lost: finds the reason. */
  async #requireNewest(
    { code }: ConnectError,
    place: DestinationPlace,
    user: Pick<StreamSync, 'sink' | 'start'> | undefined,
  ): Promise<void> {
    if (code !== 'destination_connection_lost' || user === undefined) return
    if (this.#givenUp?.aborted === true) return
    await using other = await DestinationSession.open(place)
    await requireNewest(other, user.sink, user.start)
  }

  #requireWanted(): void {
    if (this.#givenUp?.aborted !== true) return
    const { host, port, database } = this.#place.address
    const details = { host, port, database, reason: 'the run was stopped' }
    throw new ConnectError('destination_connection_lost', { details })
  }

  /** The stream and table that the stream's errors name. */
  #named(sink: SinkStream): { readonly stream: string; readonly table: TableName } {
    const { table } = streamTarget(sink, this.#place.schema)
    return { stream: streamLabel(sink.stream.stream), table }
  }

  async #migrate(session: DestinationSession): Promise<void> {
    this.#migrated ??= migrateBookkeeping(session)
    try {
      await this.#migrated
    } catch (error) {
      this.#migrated = undefined
      throw error
    }
  }
}
