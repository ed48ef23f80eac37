import { streamIdOf } from '../../../protocol/index.ts'
import type { SinkStream } from '../../sink.ts'
import type { OwnMessage } from '../bookkeeping/own-messages.ts'
import type { StreamRecord } from '../bookkeeping/records.ts'
import type { ControlValue } from '../topic-messages.ts'

interface SyncFacts {
  readonly sink: SinkStream
  readonly record: Pick<StreamRecord, 'topic' | 'syncId' | 'generationId'>
  readonly atMs: number
}

interface EndFacts extends SyncFacts {
  readonly counts: {
    readonly loaded: number
    readonly rejected: number
    /** Keys of older generations that were deleted. */
    readonly deleted: number
  }
}

/** A message of `connect-control`. */
export function startedMessage(facts: SyncFacts): OwnMessage {
  return messageOf(facts.sink, { type: 'sync_started', ...syncFields(facts) })
}

/** The same, when all rows are in the topic. */
export function completeMessage({ counts, ...facts }: EndFacts): OwnMessage {
  const { loaded, rejected, deleted } = counts
  const fields = { ...syncFields(facts), loaded, rejected, deleted }
  return messageOf(facts.sink, { type: 'sync_complete', ...fields })
}

function syncFields({
  sink: { connection, mode, stream },
  record,
  atMs,
}: SyncFacts): Omit<Extract<ControlValue, { type: 'sync_started' }>, 'type'> {
  const { name, namespace = null } = streamIdOf(stream.stream)
  return {
    connection,
    namespace,
    stream: name,
    topic: record.topic,
    mode,
    sync_id: record.syncId,
    generation_id: record.generationId,
    at: new Date(atMs).toISOString(),
  }
}

function messageOf({ connection, stream }: SinkStream, value: ControlValue): OwnMessage {
  const { name, namespace = null } = streamIdOf(stream.stream)
  return { key: JSON.stringify([connection, namespace, name]), value: JSON.stringify(value) }
}
