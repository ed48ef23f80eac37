import { safeName } from '../../kafka/topic-names.ts'
import type { StreamId } from '../../protocol/index.ts'

/** Begins and ends of syncs: one message each, keyed by the stream. */
export const controlTopic = 'connect-control'
/** Records that were left out, with the reasons. */
export const rejectedTopic = 'connect-rejected'
const checkpointPrefix = 'connect-checkpoints.'
/** Each of our own topics has one: what is written there is in order. */
export const ownPartition = 0

/** The checkpoints of a connection: compacted, the last message of a key counts. */
export function checkpointTopic(connection: string): string {
  return ownName([connection], [connection])
}

export function isCheckpointTopic(topic: string): boolean {
  return topic.startsWith(checkpointPrefix)
}

/** The transactional id of the main thread: one start of a connection at a time writes its bookkeeping. */
export function mainId(connection: string): string {
  return checkpointTopic(connection)
}

/** A transactional id that no connection has: whether ids like it may be used. */
export const checkId = mainId('(check)')

/** The transactional id of a lane: a partition of the log, not of the topic. */
export function laneId(
  connection: string,
  { namespace, name }: StreamId,
  partition: number,
): string {
  const parts = [connection, ...(namespace === undefined ? [] : [namespace]), name]
  return `${ownName(parts, [connection, namespace ?? null, name])}.${String(partition)}`
}

function ownName(parts: readonly string[], identity: unknown): string {
  return safeName({ nameOf: (safe) => `${checkpointPrefix}${safe.join('.')}`, parts, identity })
}
