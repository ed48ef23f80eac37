import { hashFactsSql } from '../../postgres/compared-rows.ts'
import type { HashFacts } from '../../protocol/comparison.ts'
import { ConnectError, type JsonObject } from '../../protocol/index.ts'
import type { ComparedSource, ConnectorContext, SourceRows, SourceSnapshot } from '../connector.ts'
import { PostgresSourceRows } from './compared-rows.ts'
import { parsePostgresConfig, type PostgresConfig } from './config.ts'
import { estimateOf } from './plan.ts'
import { SourceSession } from './session.ts'
import { findSource, type StreamSource } from './stream-source.ts'

/** A snapshot, held by a session of its own; each stream is read in another session that has imported it. */
export async function openComparison(
  config: JsonObject,
  { logger, signal }: ConnectorContext,
): Promise<SourceSnapshot> {
  const parsed = parsePostgresConfig(config)
  const leader = await SourceSession.open(parsed, { logger })
  try {
    const [row] = await leader.rows<{ snapshot: string }>('SELECT pg_export_snapshot() AS snapshot')
    const [hashFacts] = await leader.rows<HashFacts & Record<string, unknown>>(hashFactsSql)
    if (row === undefined || hashFacts === undefined) throw leader.damage('', 'no snapshot came')
    const snapshot = { ...row, hashFacts }
    return {
      hashFacts,
      openRows: (stream) => openRows(parsed, stream, { ...snapshot, logger, signal }),
      [Symbol.asyncDispose]: () => leader[Symbol.asyncDispose](),
    }
  } catch (thrown) {
    leader.destroy()
    throw thrown
  }
}

interface Snapshot extends Pick<ConnectorContext, 'logger' | 'signal'> {
  readonly snapshot: string
  readonly hashFacts: HashFacts
}

async function openRows(
  config: PostgresConfig,
  request: ComparedSource,
  { snapshot, hashFacts, logger, signal }: Snapshot,
): Promise<SourceRows> {
  const session = await SourceSession.open(config, { logger, snapshot })
  const stop = (): void => {
    session.destroy()
  }
  const close = (): Promise<void> => {
    signal.removeEventListener('abort', stop)
    return session[Symbol.asyncDispose]()
  }
  signal.addEventListener('abort', stop, { once: true })
  try {
    signal.throwIfAborted()
    const source = await findSource(session, request.stream, { rules: request.rules })
    const estimatedRows = await estimateRows(session, source)
    const { encoding } = hashFacts
    return new PostgresSourceRows({ session, source, request, encoding, estimatedRows, close })
  } catch (thrown) {
    signal.removeEventListener('abort', stop)
    session.destroy()
    throw ConnectError.from(thrown)
  }
}

/** Zero if it is not known: the rows are then compared in one piece. */
async function estimateRows(session: SourceSession, source: StreamSource): Promise<number> {
  try {
    return (await session.undone(() => estimateOf(session, source))).rows
  } catch (thrown) {
    if (session.isLost) throw thrown
    return 0
  }
}
