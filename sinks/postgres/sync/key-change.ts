import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import { isSameKey, keyText, ownKey, settingsOf, type SyncSettings } from '../../continuation.ts'
import type { SinkStream } from '../../sink.ts'
import { quoteTable } from '../tables/identifiers.ts'
import type { DestinationSession } from '../session.ts'
import type { StreamRow } from '../bookkeeping/stream-rows.ts'
import type { StreamTarget } from '../tables/stream-target.ts'
import { hasRows } from '../tables/table-columns.ts'

type Key = SyncSettings['key']

/**
 * Why rows cannot be merged by the key that the stream has now: those in the table were merged by another
 * one, so that rows which the source has no more would stay for ever. An overwrite replaces them all. `row`:
 * the stream's, if the table was loaded by it.
 */
export async function findKeyChange(
  session: DestinationSession,
  sink: SinkStream,
  {
    target: { table },
    row,
  }: { readonly target: StreamTarget; readonly row: StreamRow | undefined },
): Promise<ConnectError | undefined> {
  if (row === undefined || sink.mode !== 'append_dedup') return undefined
  const before = row.mergedKey
  const now = settingsOf(sink).key
  if (before === undefined || isSameKey(before, now)) return undefined
  if (!(await hasRows(session, table))) return undefined
  return new ConnectError('destination_key_changed', {
    details: {
      stream: streamLabel(sink.stream.stream),
      table: quoteTable(table),
      before: keyText(before),
      after: keyText(now),
      goOn: `set \`primary_key: [${keyText(before)}]\` for the stream, if its source still has that`,
    },
  })
}

/**
 * The key that rows of the table are merged by, for what comes after this sync. An append leaves them beside
 * its own, as an overwrite does until it ends.
 */
export async function mergedKeyOf(
  session: DestinationSession,
  sink: SinkStream,
  {
    target: { table },
    row,
  }: { readonly target: StreamTarget; readonly row: StreamRow | undefined },
): Promise<Key | undefined> {
  if (sink.mode === 'append_dedup') return ownKey(settingsOf(sink))
  if (row?.mergedKey === undefined || quoteTable(row.table) !== quoteTable(table)) return undefined
  return (await hasRows(session, table)) ? row.mergedKey : undefined
}

/** Throws it. */
export async function requireSameKey(...found: Parameters<typeof findKeyChange>): Promise<void> {
  const refusal = await findKeyChange(...found)
  if (refusal !== undefined) throw refusal
}
