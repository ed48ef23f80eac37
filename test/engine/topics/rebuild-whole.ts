import { MissingMessages } from '../../../engine/topics/missing-messages.ts'
import { TableRebuild, type TopicMessage } from '../../../engine/topics/rebuild-table.ts'

/** Takes all messages of a topic that has lost none, and throws if some seem to be gone. */
export function rebuildWhole(topic: string, messages: readonly TopicMessage[]): TableRebuild {
  const rebuild = new TableRebuild(topic)
  const missing = new MissingMessages(topic)
  for (const partition of new Set(messages.map((message) => message.partition)))
    missing.begin(partition, 0n)
  for (const message of messages) {
    rebuild.take(message)
    missing.take(message)
  }
  missing.check(rebuild.syncs())
  return rebuild
}
