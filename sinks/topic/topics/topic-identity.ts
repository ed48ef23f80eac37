import type { StreamRecord } from '../bookkeeping/records.ts'
import { topicMissing } from '../topic-errors.ts'

type Id = string | null | undefined

/** Whether the two ids are of different topics. Unknown if the broker does not report topic ids. */
export function isOther(before: Id, now: Id): boolean {
  return typeof before === 'string' && typeof now === 'string' && before !== now
}

/**
 * Throws `destination_topic_missing` if the topic was deleted and made again since `begin`: rows that are
 * committed are gone, and those that follow would be read as if they were all.
 */
export function requireSameTopic(
  { topic, topicId }: Pick<StreamRecord, 'topic' | 'topicId'>,
  now: Id,
): void {
  if (isOther(topicId, now)) throw topicMissing(topic)
}
