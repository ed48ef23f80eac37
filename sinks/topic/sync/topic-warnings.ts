import { warnOfRules } from '../../continuation.ts'
import type { SinkStream } from '../../sink.ts'
import type { StreamRecord } from '../bookkeeping/records.ts'
import type { TargetTopic } from '../topics/target-topic.ts'
import { countMessages, type KnownTopic } from './known-topic.ts'
import { countsByKey } from './topic-mode.ts'

interface Facts {
  /** As the last sync left it … */
  readonly record: StreamRecord | undefined
  /** … if that was one of the same topic. */
  readonly known: StreamRecord | undefined
  /** The stored facts about the rows of the same topic. */
  readonly inTopic: KnownTopic | undefined
  readonly sink: SinkStream
  readonly topic: string
  readonly target: TargetTopic
  /** Rows that no run has reported, in the topic of this name that was deleted. */
  readonly goneRows: number
}

/**
 * Returns warnings about the topic as it is, and about differences between this run and the stream's last
 * one.
 */
export function topicWarnings(facts: Facts): readonly string[] {
  return [
    policyWarning(facts),
    partitionsWarning(facts),
    historyWarning(facts),
    goneWarning(facts),
    modeWarning(facts),
    againWarning(facts),
    ...warnOfRules(facts.known, facts.sink),
  ].filter((warning) => warning !== undefined)
}

function policyWarning({ sink, topic, target: { policy } }: Facts): string | undefined {
  const isCompacted = policy.split(',').some((part) => part.trim() === 'compact')
  if (countsByKey(sink) && policy !== 'compact')
    return `Topic ${topic} has cleanup.policy=${policy}: ${isCompacted ? 'Kafka also deletes rows by their age, the newest ones of their keys too' : 'Kafka keeps all versions of a row, and deletes them by their age'}. To keep the newest version of each row, set cleanup.policy=compact.`
  if (!countsByKey(sink) && isCompacted)
    return `Topic ${topic} has cleanup.policy=${policy}: of the rows of one key Kafka keeps the last one only, and it takes no row without a key. To keep all that is appended, set cleanup.policy=delete.`
  return undefined
}

function partitionsWarning({ inTopic, topic, target }: Facts): string | undefined {
  const partitions = inTopic?.partitions
  if (partitions === undefined || target.partitions <= partitions) return undefined
  const [now, before] = [target.partitions, partitions].map(String)
  return `Topic ${topic} has ${now ?? ''} partitions now. The rows of the stream stay in the first ${before ?? ''}: in another partition, the versions of a row would not be in order. To use more partitions, load the stream into another topic.`
}

function historyWarning({ record, known, sink, topic }: Facts): string | undefined {
  if (record === undefined || known !== undefined || record.run === 0) return undefined
  if (record.topic !== topic)
    return `The stream was loaded into topic ${record.topic} before, and is read from the beginning into ${topic}. The messages of ${record.topic} stay as they are. If two run files load the stream, give their connections two names: both are ${sink.connection} now.`
  return `Topic ${topic} is not the one that was loaded before: it was deleted and made again. The stream is read from the beginning.`
}

function goneWarning({ topic, goneRows }: Facts): string | undefined {
  if (goneRows === 0) return undefined
  const rows = goneRows === 1 ? '1 row went' : `${goneRows.toLocaleString('en-US')} rows went`
  return `Topic ${topic} was deleted after this run, or starts before it that did not end, had loaded into it: ${rows} with it. No result counts them as loaded.`
}

function modeWarning({ known, sink, topic }: Facts): string | undefined {
  if (known === undefined || sink.mode !== 'append') return undefined
  const { mode } = known.settings
  if (mode === 'append') return undefined
  return `The mode was ${mode}, and is append: rows that are read again are added to ${topic} a second time. To let the newest row of each key count, set \`destination_sync_mode: append_dedup\` and \`primary_key\`.`
}

/** A reset, a connection that was deleted and made again, a topic that others filled. */
function againWarning({ known, sink, topic, target }: Facts): string | undefined {
  const count = countMessages(target)
  if (sink.mode !== 'append' || known !== undefined || count === 0) return undefined
  const messages = count === 1 ? 'one message' : `up to ${count.toLocaleString('en-US')} messages`
  return `Topic ${topic} holds ${messages} of earlier loads, and the stream is appended to it from its beginning: rows that were loaded before are in it twice. To have each row once, delete the topic while no run is active and run the connection again, which makes and fills it, or set \`destination_sync_mode: append_dedup\` and \`primary_key\`.`
}
