import {
  ConnectError,
  primaryKey,
  streamKey,
  streamLabel,
  type StreamId,
} from '../../../protocol/index.ts'
import { isOverwriteMode } from '../../continuation.ts'
import type { SinkStream } from '../../sink.ts'
import type { Checkpoints } from '../bookkeeping/checkpoints.ts'
import type { RowFormRecord } from '../bookkeeping/records.ts'
import { sharedTopic, type TopicPlace } from '../topic-place.ts'

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
  const fix =
    'Set `primary_key` for the stream, or `destination_sync_mode: append`, which adds all rows that are read.'
  const details = { stream: streamLabel(stream.stream), mode, place: 'a topic', reason, fix }
  throw new ConnectError('destination_mode_unsupported', { details })
}

/** Throws `destination_topic_policy`: Kafka takes no message without a key if it compacts. */
export function requirePolicy(
  { mode, stream }: SinkStream,
  { topic, policy }: { readonly topic: string; readonly policy: string },
): void {
  const hasKey = (primaryKey(stream) ?? []).length > 0
  if (mode !== 'append' || hasKey || !policy.includes('compact')) return
  throw new ConnectError('destination_topic_policy', {
    details: { topic, policy, needed: 'delete' },
  })
}

/** Throws `destination_topic_shared`: another stream of the connection was loaded into the topic. */
export function requireOwnTopic(
  now: Checkpoints,
  place: TopicPlace,
  { stream, topic }: { readonly stream: StreamId; readonly topic: string },
): void {
  const other = now
    .streams()
    .find(
      ({ id, record }) =>
        streamKey(id) !== streamKey(stream) && record.run !== 0 && record.topic === topic,
    )
  if (other !== undefined) throw sharedTopic(place, { topic, stream, other: other.id })
}

/** Returns the form that all messages of a topic share. */
export function rowFormOf({ format, registry }: TopicPlace): RowFormRecord {
  const lookup = registry === undefined ? 'fingerprint' : 'registry'
  return { ...format, lookup: format.encoding === 'avro' ? lookup : null }
}

/** The form of the keys, as text for people: the same row has the same key only in the same form. */
export function formText(
  { format: { encoding }, registry }: TopicPlace,
  { stream, columns }: SinkStream,
): string {
  const lookup = registry === undefined ? '' : ' with a schema registry'
  const kinds = (primaryKey(stream) ?? []).map(
    ([field]) => columns.find(({ name }) => name === field)?.kind ?? 'unknown',
  )
  return `as ${kinds.join(' and ')} in ${encoding}${encoding === 'avro' ? lookup : ''}`
}
