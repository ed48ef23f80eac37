import { streamIdOf } from '../../../protocol/index.ts'
import type { StreamSync } from '../../sink.ts'
import type { OwnMessage } from '../bookkeeping/own-messages.ts'
import type { RejectedRow } from '../rows/row-options.ts'
import type { RejectedRowValue } from '../topic-messages.ts'

/** A message of `connect-rejected`. `topic`: that the row would be in. */
export function rejectionMessage(
  { slice, seq, reason, key }: RejectedRow,
  {
    sync: { sink, syncId, generationId },
    topic,
  }: {
    readonly sync: Pick<StreamSync, 'sink' | 'syncId' | 'generationId'>
    readonly topic: string
  },
): OwnMessage {
  const { name, namespace = null } = streamIdOf(sink.stream.stream)
  const value: RejectedRowValue = {
    connection: sink.connection,
    namespace,
    stream: name,
    topic,
    sync_id: syncId,
    generation_id: generationId,
    slice,
    seq,
    reason,
    ...(key !== undefined && { key }),
    rejected_at: new Date().toISOString(),
  }
  return { key: JSON.stringify([sink.connection, namespace, name]), value: JSON.stringify(value) }
}
