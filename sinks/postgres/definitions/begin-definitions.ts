import type { SinkStream } from '../../sink.ts'
import type { StreamRow } from '../bookkeeping/stream-rows.ts'
import type { DestinationSession } from '../session.ts'
import { isSameTable } from '../tables/identifiers.ts'
import type { StreamTarget } from '../tables/stream-target.ts'
import { dropDefinitions } from './drop-definitions.ts'
import { definitionEntries, isSameEntry } from './wanted-definitions.ts'

/**
 * Drops what the source no longer has, before its rows come. Returns the stream with the entries that are
 * stored for the next run.
 */
export async function beginDefinitions(
  session: DestinationSession,
  sink: SinkStream,
  { target, row }: { readonly target: StreamTarget; readonly row: StreamRow | undefined },
): Promise<SinkStream> {
  const { definitions } = sink
  if (definitions === undefined || sink.types !== 'source') return sink
  const entries = definitionEntries(sink, definitions, target)
  const isKnown = row !== undefined && isSameTable(row.table, target.table)
  const last = isKnown ? (row.settings.definitions ?? []) : []
  const gone = last.filter((entry) => !entries.some((other) => isSameEntry(other, entry)))
  await dropDefinitions(session, target.table, gone)
  const reported = isKnown && row.complete ? last : []
  return { ...sink, definitions: { ...definitions, entries, reported } }
}
