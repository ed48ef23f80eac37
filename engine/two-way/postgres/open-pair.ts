import type { Logger } from 'pino'
import { lockPair, type PairLock } from './pair-lock.ts'
import { PostgresSide } from './postgres-side.ts'
import { readTableShape, type TableOptions, type TableShape } from './table-shape.ts'
import { TwoWaySession, type TwoWayDatabase } from './two-way-session.ts'

/** The database with the links of a pair. */
export interface LinksPlace {
  readonly pair: string
  readonly database: TwoWayDatabase
}

export interface OpenLinks extends AsyncDisposable {
  /** Has the links; temporary tables of a preview live as long as it. */
  readonly session: TwoWaySession
  readonly lock: PairLock
}

/** Locks a pair and opens a session for its links. Throws `pair_busy` if another run is at work. */
export async function openPostgresLinks(
  { pair, database }: LinksPlace,
  logger: Logger,
): Promise<OpenLinks> {
  await using stack = new AsyncDisposableStack()
  const session = stack.use(new TwoWaySession(database, logger))
  const lock = await lockPair(pair, stack.use(new TwoWaySession(database, logger)))
  const sessions = stack.move()
  return { session, lock, [Symbol.asyncDispose]: () => sessions.disposeAsync() }
}

export interface OpenPostgresSide extends AsyncDisposable {
  readonly side: PostgresSide
}

/** Tables of a database as a side. Throws `pair_stream_invalid` if one of them cannot be. */
export async function openPostgresSide(
  database: TwoWayDatabase,
  tables: readonly TableOptions[],
  logger: Logger,
): Promise<OpenPostgresSide> {
  await using stack = new AsyncDisposableStack()
  const session = stack.use(new TwoWaySession(database, logger))
  const shapes = new Map<string, TableShape>()
  for (const table of tables) shapes.set(table.stream, await readTableShape(table, session))
  const side = new PostgresSide(session, shapes, () => new TwoWaySession(database, logger))
  const sessions = stack.move()
  return { side, [Symbol.asyncDispose]: () => sessions.disposeAsync() }
}
