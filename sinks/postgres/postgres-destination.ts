import { streamLabel, type StreamId } from '../../protocol/index.ts'
import type {
  Destination,
  LoadedStream,
  RunStart,
  SinkStream,
  SliceStart,
  StreamSync,
} from '../sink.ts'
import { beginSync } from './begin-sync.ts'
import { endRun, migrateBookkeeping, newerStart, schemaExists, startRun } from './bookkeeping.ts'
import { finishSync, leaveLog, savePlan } from './finish-sync.ts'
import { forgetStreams } from './forget-streams.ts'
import { quoteIdentifier, type TableName } from './identifiers.ts'
import { loadedStreams } from './loaded-streams.ts'
import { sessionPlace, type PostgresPlace } from './postgres-address.ts'
import { requireOpenDestination } from './reserved-schemas.ts'
import { Session } from './session.ts'
import { streamTarget } from './stream-target.ts'

/** The destination on the main thread. Connects at its first use. */
export function openPostgresDestination(place: PostgresPlace): Promise<Destination> {
  return Promise.resolve(new PostgresDestination(place))
}

/** Each call has a session of its own: streams begin and end at the same time, and a restarted server is no special case. */
class PostgresDestination implements Destination {
  readonly #place: PostgresPlace
  #migrated: Promise<void> | undefined

  constructor(place: PostgresPlace) {
    this.#place = place
  }

  async check(): Promise<void> {
    await this.#with(undefined, async (session) => {
      const { schema } = this.#place
      if (schema === undefined) return
      requireOpenDestination(schema, session.bookkeepingSchema)
      if (await schemaExists(session, schema)) return
      // Throws where it is not allowed; the schema is made for good by the first stream.
      await session.begin()
      await session.run(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`)
      await session.rollback()
    })
  }

  startRun(connection: string, key?: string): Promise<RunStart> {
    return this.#with(undefined, (session) => startRun(session, connection, key))
  }

  endRun(connection: string, start: RunStart): Promise<void> {
    return this.#with(undefined, (session) => endRun(session, connection, start))
  }

  newerStart(connection: string, { start }: RunStart): Promise<string | undefined> {
    return this.#with(undefined, (session) => newerStart(session, connection, start))
  }

  loadedStreams(connection: string): Promise<readonly LoadedStream[]> {
    return this.#with(undefined, (session) => loadedStreams(session, connection))
  }

  begin(stream: SinkStream, start: RunStart): Promise<StreamSync> {
    const { schema } = this.#place
    return this.#with(stream, (session) => beginSync(session, stream, { schema, start }))
  }

  savePlan(sync: StreamSync, slices: readonly SliceStart[]): Promise<void> {
    return this.#with(sync.sink, (session) => savePlan(session, sync, slices))
  }

  finish(sync: StreamSync): Promise<void> {
    return this.#with(sync.sink, (session) => finishSync(session, sync, this.#place.schema))
  }

  leaveLog(sync: StreamSync): Promise<void> {
    return this.#with(sync.sink, (session) => leaveLog(session, sync))
  }

  forget(connection: string, streams: readonly StreamId[] | 'all'): Promise<void> {
    return this.#with(undefined, (session) => forgetStreams(session, connection, streams))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve()
  }

  async #with<T>(sink: SinkStream | undefined, work: (session: Session) => Promise<T>): Promise<T> {
    const place = { ...sessionPlace(this.#place), ...(sink !== undefined && this.#named(sink)) }
    await using session = await Session.open(place)
    // A sandbox's was made with its schema. Where a sweep has dropped that, nothing may make it anew: no sweep would find it.
    if (this.#place.bookkeeping === undefined) await this.#migrate(session)
    return await work(session)
  }

  /** What errors of the stream name. */
  #named(sink: SinkStream): { readonly stream: string; readonly table: TableName } {
    const { table } = streamTarget(sink, this.#place.schema)
    return { stream: streamLabel(sink.stream.stream), table }
  }

  async #migrate(session: Session): Promise<void> {
    this.#migrated ??= migrateBookkeeping(session)
    try {
      await this.#migrated
    } catch (error) {
      this.#migrated = undefined
      throw error
    }
  }
}
