import type { Logger } from 'pino'
import { ConnectError } from '../../protocol/index.ts'
import type { SideName } from '../../sinks/two-way/link.ts'
import type { ObjectOptions } from './connector/object-shape.ts'
import { openConnectorSide, type ConnectorPlace } from './connector/open-connector-side.ts'
import type { PairSide, Sides } from './pair-side.ts'
import type { PairOptions, PairStream } from './pair-types.ts'
import { openPostgresLinks, openPostgresSide, type PostgresPlace } from './postgres/open-pair.ts'
import type { PairLock } from './postgres/pair-lock.ts'
import { PostgresLinkStore } from './postgres/postgres-link-store.ts'
import type { TableOptions } from './postgres/table-shape.ts'
import { TwoWaySession, type TwoWayDatabase } from './postgres/two-way-session.ts'

/** Two sides that are kept the same: databases, or a database and a vendor. Read this first. */
export interface Pair {
  /** Links are stored under it: a pair with another name starts anew. */
  readonly name: string
  readonly sides: Readonly<Record<SideName, SidePlace>>
  /** The side whose database has the links, in the schema `reactor_connect`. */
  readonly linksOn: SideName
  readonly streams: readonly PlacedStream[]
  readonly options: PairOptions
}

export type SidePlace =
  | ({ readonly kind: 'postgres' } & PostgresPlace)
  | ({ readonly kind: 'connector' } & ConnectorPlace)

export interface PlacedStream extends PairStream {
  readonly places: Readonly<Record<SideName, StreamPlace>>
}

/** The table or the object of a stream on a side. */
export type StreamPlace =
  | { readonly kind: 'postgres'; readonly table: Omit<TableOptions, 'stream'> }
  | { readonly kind: 'connector'; readonly object: ObjectOptions }

/** Both sides of a pair and its links. Disposing closes all of them. */
export interface OpenedPair extends AsyncDisposable {
  readonly sides: Sides
  /** Has the links; temporary tables of a preview live as long as it. */
  readonly session: TwoWaySession
  readonly store: PostgresLinkStore
  readonly lock: PairLock
  /** Makes the tables of the links and of the sides that are not there yet. */
  setUp(): Promise<void>
}

export interface OpenPairContext {
  readonly logger: Logger
  readonly signal: AbortSignal
  now(): number
}

/**
 * Connects to both sides. Throws `pair_stream_invalid`, `pair_busy`, `write_unsupported`, or that a side
 * cannot be reached.
 */
export async function openPair(pair: Pair, context: OpenPairContext): Promise<OpenedPair> {
  const { logger } = context
  const database = linksDatabase(pair)
  await using stack = new AsyncDisposableStack()
  const { session, lock } = stack.use(
    await openPostgresLinks({ pair: pair.name, database }, logger),
  )
  const openSession = (): TwoWaySession => new TwoWaySession(database, logger)
  const setUps: (() => Promise<void>)[] = []
  const open = async (side: SideName): Promise<PairSide> => {
    const place = pair.sides[side]
    if (place.kind === 'connector') {
      const streams = pair.streams.map((stream) => ({ ...stream, place: objectOf(stream, side) }))
      const own = { ...context, pair: pair.name, side, openSession }
      const opened = stack.use(await openConnectorSide(place, streams, own))
      setUps.push(() => opened.side.setUp())
      return opened.side
    }
    const tables = pair.streams.map((stream) => tableOf(stream, side))
    const opened = stack.use(await openPostgresSide(place, { pair: pair.name, tables }, logger))
    setUps.push(() => opened.side.setUp())
    return opened.side
  }
  const sides = { a: await open('a'), b: await open('b') }
  const store = new PostgresLinkStore(session, pair.name)
  const opened = stack.move()
  return {
    ...{ sides, session, store, lock },
    setUp: async () => {
      for (const setUp of setUps) await setUp()
      await store.setUp()
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** Links hold values of records: they stay beside the customer's data. */
function linksDatabase({ sides, linksOn, streams }: Pair): TwoWayDatabase {
  const place = sides[linksOn]
  if (place.kind === 'postgres') return place.database
  throw refuse(
    streams[0]?.name ?? '',
    `its links need a database, and side ${linksOn} is ${place.instance}`,
    'Let the side that is PostgreSQL have the links; one side has to be.',
  )
}

function objectOf({ name, places }: PlacedStream, side: SideName): ObjectOptions {
  const place = places[side]
  if (place.kind === 'connector') return place.object
  throw refuse(
    name,
    `side ${side} is a vendor, and a table is named`,
    'Name an object of the vendor.',
  )
}

function tableOf({ name, places }: PlacedStream, side: SideName): TableOptions {
  const place = places[side]
  if (place.kind === 'postgres') return { ...place.table, stream: name }
  throw refuse(name, `side ${side} is PostgreSQL, and an object is named`, 'Name a table.')
}

function refuse(stream: string, problem: string, fix: string): ConnectError {
  return new ConnectError('pair_stream_invalid', { details: { stream, problem, fix } })
}
