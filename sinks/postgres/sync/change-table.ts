import type { StreamSync } from '../../sink.ts'
import { lockForTransaction } from '../advisory-locks.ts'
import { requireOwn } from '../bookkeeping/fence.ts'
import { takeOverSeconds } from '../bookkeeping/run-sessions.ts'
import { noteTables, readStreamRow } from '../bookkeeping/stream-rows.ts'
import { keepUntold } from '../bookkeeping/untold-warnings.ts'
import type { DestinationSession } from '../session.ts'
import { lockKey, quoteTable } from '../tables/identifiers.ts'
import { streamTarget } from '../tables/stream-target.ts'
import { typeStream } from './choose-types.ts'
import { prepareTables } from './prepare-tables.ts'

/** `Destination.changeTable`: see the contract. */
export async function changeTable(
  session: DestinationSession,
  sync: StreamSync,
  schema: string | undefined,
): Promise<Pick<StreamSync, 'tableNotes' | 'warnings'>> {
  const { sink, streamId, resumed } = sync
  const { table } = streamTarget(sink, schema)
  return session.transaction(
    async () => {
      const id = await requireOwn(session, sync, 'locked')
      await lockForTransaction(session, {
        keys: [lockKey('table', table.schema, table.table)],
        subject: quoteTable(table),
        seconds: takeOverSeconds,
      })
      const row = await readStreamRow(session, sink.connection, { streamId, lock: 'unlocked' })
      const typed = await typeStream(session, sink, { target: streamTarget(sink, schema), row })
      const { target, statements: typeStatements, place } = typed
      // `begin` has refused a table that is another's.
      const known = { session, sink, target, row, resumed }
      const preparation = { ...known, isOurs: true, typeStatements, place }
      const prepared = await prepareTables(preparation, 'now')
      await noteTables(session, id, prepared)
      const untold = await keepUntold(session, id, prepared.onlyNow)
      const { tableNotes } = prepared
      return { tableNotes, warnings: [...untold, ...prepared.warnings] }
    },
    { readsFirst: true, lockSeconds: takeOverSeconds },
  )
}
