import {
  ConnectError,
  primaryKey,
  streamKey,
  streamLabel,
  type StreamId,
} from '../../../protocol/index.ts'
import { isOverwriteMode, keyText, settingsOf } from '../../continuation.ts'
import type { SinkStream } from '../../sink.ts'
import type { Checkpoints } from '../bookkeeping/checkpoints.ts'
import type { RowFormat } from '../rows/row-options.ts'
import { hasPlaceholder, type TopicPlace } from '../topic-place.ts'

/** The rows of a stream count by their key: of each, the newest message. */
export function countsByKey({ mode }: Pick<SinkStream, 'mode'>): boolean {
  return mode !== 'append'
}

/** Throws `destination_mode_unsupported`: without a key, no message replaces or deletes another one. */
export function requireMode(sink: SinkStream): void {
  const { mode, stream } = sink
  if (!countsByKey(sink) || (primaryKey(stream) ?? []).length > 0) return
  const reason = isOverwriteMode(mode)
    ? 'the rows of earlier runs can only be deleted from a topic by their key, and the stream has no primary key'
    : 'a row replaces an earlier one by its key, and the stream has no primary key'
  const details = { stream: streamLabel(stream.stream), mode, reason }
  throw new ConnectError('destination_mode_unsupported', { details })
}

/** Throws `destination_topic_shared`: the messages of two streams in one topic could not be told apart. */
export function requireOwnTopic(
  now: Checkpoints,
  { topic: pattern }: TopicPlace,
  { stream, topic }: { readonly stream: StreamId; readonly topic: string },
): void {
  const other = now
    .streams()
    .find(
      ({ id, record }) =>
        streamKey(id) !== streamKey(stream) && record.run !== 0 && record.topic === topic,
    )
  if (other === undefined) return
  const fix = hasPlaceholder(pattern)
    ? 'Use both placeholders, `{namespace}` and `{stream}`, in the name of the topic.'
    : `Give each stream a topic of its own: \`${pattern}.{stream}\`.`
  const details = { topic, stream: streamLabel(stream), other: streamLabel(other.id), fix }
  throw new ConnectError('destination_topic_shared', { details })
}

/** The form of keys, as far as the same row has the same key only in the same form. */
export function formText({ encoding, envelope }: RowFormat): string {
  return `${encoding}, ${envelope}`
}

/** The key and the form of the messages, as text for people. */
export function keyAndForm(sink: SinkStream, format: RowFormat): string {
  return `(${keyText(settingsOf(sink).key)}) as ${formText(format)}`
}
