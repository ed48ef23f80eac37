import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { SyncContext } from '../../engine/two-way/pair-types.ts'
import { openPair, type SidePlace } from '../../engine/two-way/open-pair.ts'
import type { Sides } from '../../engine/two-way/pair-side.ts'
import { PostgresLinkStore } from '../../engine/two-way/postgres/postgres-link-store.ts'
import type { TwoWaySession } from '../../engine/two-way/postgres/two-way-session.ts'
import type { LoadedPairFile } from '../pair-file/load-pair-file.ts'
import { FileConfig, type FileConfigPorts } from './file-config.ts'

export interface PairPorts extends FileConfigPorts {
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly now: () => number
}

/** The two sides of a pair file and its links. No other run of the pair is at work until it is closed. */
export interface OpenPairFile extends AsyncDisposable {
  readonly file: LoadedPairFile
  readonly sides: Sides
  /** Has the links. */
  readonly session: TwoWaySession
  /** Prepares both sides and the links for writes; not called in a preview. */
  readonly setUp: () => Promise<void>
  /** For a round that stores its links in `store`. */
  context(store: PostgresLinkStore): SyncContext
}

/** Throws `pair_busy`, `pair_stream_invalid`, `write_unsupported`, or that a side cannot be reached. */
export async function openPairFile(file: LoadedPairFile, ports: PairPorts): Promise<OpenPairFile> {
  const { name, linksOn, streams, options, sides: read } = file
  const { logger, signal, now } = ports
  const sides = { a: withPorts(read.a.side, ports), b: withPorts(read.b.side, ports) }
  const open = await openPair({ name, sides, linksOn, streams, options }, { logger, signal, now })
  return {
    ...{ file, session: open.session, sides: open.sides, setUp: () => open.setUp() },
    context: (store) => ({
      ...{ sides: open.sides, store, streams, options, logger, signal, now },
      newId: () => randomUUID(),
      assertAlone: () => open.lock.assertHeld(),
    }),
    [Symbol.asyncDispose]: () => open[Symbol.asyncDispose](),
  }
}

function withPorts(side: SidePlace, ports: PairPorts): SidePlace {
  if (side.kind === 'postgres') return side
  return { ...side, context: new FileConfig(side.config, ports) }
}

/** The links of a preview: a copy in temporary tables. */
export async function temporaryLinks({ file, session }: OpenPairFile): Promise<PostgresLinkStore> {
  const store = new PostgresLinkStore(session, file.name, 'pg_temp')
  await store.setUp()
  return store
}

/** The stored links, and all that writes need. */
export async function storedLinks({
  file,
  session,
  setUp,
}: OpenPairFile): Promise<PostgresLinkStore> {
  await setUp()
  return new PostgresLinkStore(session, file.name)
}
