import { safeName } from '../../../kafka/topic-names.ts'
import type { StreamId } from '../../../protocol/index.ts'

/** Last states per slice: compacted; a restarted read continues from them. */
export const statesTopic = 'connect.states'

/** `connect.<connection>.<namespace>.<name>`, without the namespace where the stream has none, made safe (`safeName`). */
export function topicName(connection: string, stream: StreamId): string {
  return safeName({
    nameOf: (parts) => `connect.${parts.join('.')}`,
    parts: [connection, ...(stream.namespace === undefined ? [] : [stream.namespace]), stream.name],
    identity: [connection, stream.namespace ?? null, stream.name],
  })
}

/** The transactional id of the lane's writer and the consumer group of its reader. */
export function laneId(topic: string, partition: number): string {
  return `${topic}.${partition}`
}
