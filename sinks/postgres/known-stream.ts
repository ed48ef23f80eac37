import { ConnectError, streamLabel } from '../../protocol/index.ts'
import type { SinkStream } from '../sink.ts'
import { quoteTable } from './identifiers.ts'
import type { StreamRow, TableOwner } from './stream-rows.ts'
import type { StreamTarget } from './stream-target.ts'

/**
 * Streams that only append may share a table. Any other would delete or replace rows of the others, also of those that are complete. One
 * that was forgotten has let go of its table.
 */
export function sharedTable(
  sink: SinkStream,
  target: StreamTarget,
  owners: readonly TableOwner[],
): ConnectError | undefined {
  const rival = owners.find(({ settings, isForgotten }) => {
    return !isForgotten && !(settings.mode === 'append' && sink.mode === 'append')
  })
  if (rival === undefined) return undefined
  const { connection, stream, letGo } = rival
  const details = { table: quoteTable(target.table), connection, stream, letGo }
  return new ConnectError('destination_table_shared', { details })
}

/** The stream was loaded by its key, and the source has none any more: to go on by appending would add rows a second time, unasked. */
export function lostKey(row: StreamRow | undefined, sink: SinkStream): ConnectError | undefined {
  if (row === undefined || sink.mode !== 'append' || sink.isDefaultMode !== true) return undefined
  const { mode } = row.settings
  if (mode !== 'append_dedup' && mode !== 'overwrite_dedup') return undefined
  const details = { stream: streamLabel(sink.stream.stream), mode }
  return new ConnectError('destination_key_lost', { details })
}

/** What a run does otherwise than the stream's last one, and nothing else would tell. */
export function knownStreamWarnings(
  row: StreamRow | undefined,
  sink: SinkStream,
  { table }: StreamTarget,
): readonly string[] {
  if (row === undefined || row.run === 0) return []
  if (row.table.schema !== table.schema || row.table.table !== table.table) {
    return [
      `The stream was loaded into ${quoteTable(row.table)} before, and is read from the beginning into ${quoteTable(table)}. The rows of ${quoteTable(row.table)} stay as they are. Two run files need two names of the connection.`,
    ]
  }
  const { mode } = row.settings
  if (mode === 'append' || sink.mode !== 'append') return []
  return [
    `The mode was ${mode}, and is append: rows that are read again are added a second time. To keep one row for each key, set \`destination_sync_mode: append_dedup\` and \`primary_key\`.`,
  ]
}
