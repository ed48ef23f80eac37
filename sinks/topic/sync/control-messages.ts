import { streamIdOf } from '../../../protocol/index.ts'
import type { SinkStream } from '../../sink.ts'
import type { OwnMessage } from '../bookkeeping/own-messages.ts'
import type { StreamRecord } from '../bookkeeping/records.ts'

interface SyncFacts {
  readonly sink: SinkStream
  readonly record: Pick<StreamRecord, 'topic' | 'syncId' | 'generationId'>
  readonly atMs: number
  /** Of the end. */
  readonly counts?: {
    readonly loaded: number
    readonly rejected: number
    /** Keys of older generations that were deleted. */
    readonly deleted: number
  }
}

/** A message of `connect-control` (docs/topic-destination.md has its fields). */
export function syncMessage(
  type: 'sync_started' | 'sync_complete',
  { sink, record, atMs, counts }: SyncFacts,
): OwnMessage {
  const { connection, mode } = sink
  const { name, namespace = null } = streamIdOf(sink.stream.stream)
  return {
    key: JSON.stringify([connection, namespace, name]),
    value: JSON.stringify({
      type,
      connection,
      namespace,
      stream: name,
      topic: record.topic,
      mode,
      sync_id: record.syncId,
      generation_id: record.generationId,
      at: new Date(atMs).toISOString(),
      ...counts,
    }),
  }
}
