import { ConnectError } from '../protocol/index.ts'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** The error for a message at this offset that Reactor Connect did not write. */
export function foreignMessage(
  offset: bigint,
  { topic, partition }: TopicPartition,
  reason: string,
): ConnectError {
  return new ConnectError('log_foreign_message', {
    details: { topic, partition, offset: offset.toString(), reason },
  })
}
