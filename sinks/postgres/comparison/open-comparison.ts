import { hashFactsSql } from '../../../postgres/compared-rows.ts'
import { quoteLiteral } from '../../../postgres/quote.ts'
import type { HashFacts } from '../../../protocol/comparison.ts'
import { ConnectError } from '../../../protocol/index.ts'
import type { DestinationSnapshot, SinkStream, TableRows } from '../../sink.ts'
import { type LoggedPlace, sessionPlace } from '../postgres-place.ts'
import { DestinationSession } from '../session.ts'
import { findComparedTable } from './compared-table.ts'
import { PostgresTableRows } from './table-rows.ts'

const begin = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'

/** A snapshot, held by a session of its own; each stream is read in another session that has imported it. */
export async function openComparison(
  place: LoggedPlace,
  signal: AbortSignal,
): Promise<DestinationSnapshot> {
  const leader = await DestinationSession.open(sessionPlace(place))
  try {
    await leader.runPinned(begin)
    const [row] = await leader.rows<{ snapshot: string }>('SELECT pg_export_snapshot() AS snapshot')
    const [hashFacts] = await leader.rows<HashFacts & Record<string, unknown>>(hashFactsSql)
    const snapshot = row?.snapshot ?? ''
    const facts = hashFacts ?? { encoding: '', probe: '' }
    return {
      hashFacts: facts,
      openRows: (stream) => openRows(place, stream, { snapshot, encoding: facts.encoding, signal }),
      [Symbol.asyncDispose]: () => leader[Symbol.asyncDispose](),
    }
  } catch (thrown) {
    leader.destroy()
    throw thrown
  }
}

interface Snapshot {
  readonly snapshot: string
  readonly encoding: string
  readonly signal: AbortSignal
}

async function openRows(
  place: LoggedPlace,
  stream: SinkStream,
  { snapshot, encoding, signal }: Snapshot,
): Promise<TableRows> {
  const session = await DestinationSession.open(sessionPlace(place))
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
    await session.runPinned(`${begin}; SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshot)}`)
    const table = await findComparedTable(session, stream, place.schema)
    return new PostgresTableRows({ session, table, encoding, close })
  } catch (thrown) {
    await close()
    throw ConnectError.from(thrown)
  }
}
