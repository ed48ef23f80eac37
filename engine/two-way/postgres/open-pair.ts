import type { Logger } from 'pino'
import { ConnectError } from '../../../protocol/index.ts'
import type { SideName } from '../../../sinks/two-way/link.ts'
import type { PairField, PairOptions, PairStream } from '../pair-types.ts'
import { PostgresLinkStore } from './postgres-link-store.ts'
import { PostgresSide } from './postgres-side.ts'
import { readTableShape, type TableOptions, type TableShape } from './table-shape.ts'
import { TwoWaySession, type TwoWayDatabase } from './two-way-session.ts'

/** Two PostgreSQL databases that are kept the same. Read this first. */
export interface PostgresPair {
  /** Links are stored under it: a pair with another name starts anew. */
  readonly name: string
  readonly databases: Readonly<Record<SideName, TwoWayDatabase>>
  /** The side whose database has the links, in the schema `reactor_connect`. */
  readonly linksOn: SideName
  readonly streams: readonly PostgresPairStream[]
  readonly options: PairOptions
}

export interface PostgresPairStream extends Omit<PairStream, 'fields'> {
  readonly fields: readonly PairField[]
  readonly tables: Readonly<Record<SideName, TableOptions>>
}

/** The sessions of a pair: one for each side, one for the links, and one that keeps other runs away. */
export interface OpenPair extends AsyncDisposable {
  readonly sides: Readonly<Record<SideName, PostgresSide>>
  readonly store: PostgresLinkStore
  /** For temporary tables of a preview. */
  readonly links: TwoWaySession
}

/** Connects to both sides. Throws `pair_stream_invalid`, `pair_busy`, or that a side cannot be reached. */
export async function openPostgresPair(pair: PostgresPair, logger: Logger): Promise<OpenPair> {
  await using stack = new AsyncDisposableStack()
  const open = (side: SideName): TwoWaySession =>
    stack.use(new TwoWaySession(pair.databases[side], logger))
  const links = open(pair.linksOn)
  await lockPair(pair.name, open(pair.linksOn))
  const side = async (name: SideName): Promise<PostgresSide> => {
    const session = open(name)
    const shapes = new Map<string, TableShape>()
    for (const { name: stream, tables } of pair.streams)
      shapes.set(stream, await readTableShape(tables[name], session))
    return new PostgresSide(session, shapes, () => new TwoWaySession(pair.databases[name], logger))
  }
  const sides = { a: await side('a'), b: await side('b') }
  const store = new PostgresLinkStore(links, pair.name)
  const sessions = stack.move()
  return { sides, store, links, [Symbol.asyncDispose]: () => sessions.disposeAsync() }
}

/** For as long as the session lives: two runs at once would create the same records twice. */
async function lockPair(name: string, session: TwoWaySession): Promise<void> {
  const [row] = await session.rows<{ locked: boolean }>(
    `SELECT pg_try_advisory_lock(hashtextextended('reactor_connect two-way ' || $1, 0)) AS locked`,
    [name],
  )
  if (row?.locked !== true) throw new ConnectError('pair_busy', { details: { pair: name } })
}
