import type { Logger } from 'pino'
import { ChangedKeys } from './changed-keys.ts'
import { ModifiedRows } from './modified-rows.ts'
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

/** A database as a side, and how its changes are found while a run goes on. */
export interface PostgresPlace {
  readonly database: TwoWayDatabase
  /** `cdc`: from the log of the server. `polling` (default): by the time of the last change. */
  readonly changes?: 'cdc' | 'polling' | undefined
}

/** Tables of a database as a side. Throws `pair_stream_invalid` if one of them cannot be. */
export async function openPostgresSide(
  { database, changes: how = 'polling' }: PostgresPlace,
  { pair, tables }: { readonly pair: string; readonly tables: readonly TableOptions[] },
  logger: Logger,
): Promise<OpenPostgresSide> {
  await using stack = new AsyncDisposableStack()
  const session = stack.use(new TwoWaySession(database, logger))
  const shapes = new Map<string, TableShape>()
  for (const table of tables) shapes.set(table.stream, await readTableShape(table, session))
  const changes = stack.use(
    how === 'cdc'
      ? new ChangedKeys({ pair, database, shapes, session, logger })
      : new ModifiedRows(shapes, session),
  )
  const sweeps = (): TwoWaySession => new TwoWaySession(database, logger)
  const side = new PostgresSide({ session, shapes, sweeps, changes })
  const sessions = stack.move()
  return { side, [Symbol.asyncDispose]: () => sessions.disposeAsync() }
}
