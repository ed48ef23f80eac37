import { isDeepStrictEqual } from 'node:util'
import { ConnectError, streamLabel } from '../../../protocol/index.ts'
import { keyText, settingsOf } from '../../continuation.ts'
import type { SinkStream } from '../../sink.ts'
import type { StoredStream } from '../bookkeeping/checkpoints.ts'
import type { LeftTopic, RowFormRecord, StreamRecord } from '../bookkeeping/records.ts'
import type { TopicPlace } from '../topic-place.ts'
import type { TargetTopic } from '../topics/target-topic.ts'
import { formChanged } from '../topic-errors.ts'
import { isOther } from '../topics/topic-identity.ts'
import { formText, rowFormOf } from './topic-mode.ts'

/** More are forgotten: who loads a stream into a topic of each day comes back to none of them. */
const mostLeftTopics = 100
/**
 * The longest schema of theirs that is stored: a checkpoint is one message, whose size has a limit. Schemas
 * of keys are much shorter.
 */
const maxLeftSchema = 8_192

interface AtTopic {
  readonly topic: string
  readonly target: TargetTopic
}

/** The stored facts about the messages in the topic of a stream. */
export interface KnownTopic extends Pick<
  StreamRecord,
  'partitions' | 'merged' | 'form' | 'schema'
> {
  /** Messages of the stream are there. */
  readonly isFilled: boolean
}

/** Undefined: nothing is known of the topic, or it was deleted and made again. */
export function knownTopic(stored: StoredStream, place: AtTopic): KnownTopic | undefined {
  const same = sameRecord(stored, place)
  if (same !== undefined)
    return { ...same, isFilled: !isEmpty(place.target) && hasLoaded(same, stored.slices) }
  const left = findLeft(stored, place)
  return left && { ...left, isFilled: true }
}

/** Returns the stream's record, if the topic is still the topic that the stream was last loaded into. */
export function sameRecord(stored: StoredStream, place: AtTopic): StreamRecord | undefined {
  const { record } = stored
  return record !== undefined && isSameTopic({ ...stored, record }, place) ? record : undefined
}

/** The topic is the one that the stream was loaded into: its offsets go on. */
function isSameTopic(
  { record, slices }: StoredStream & { readonly record: StreamRecord },
  { topic, target }: AtTopic,
): boolean {
  if (record.topic !== topic || target.isNew) return false
  if (isOther(record.topicId, target.id)) return false
  const hasRows = [...slices.values()].some(({ loaded }) => loaded > 0)
  if (hasRows && target.ends.every((offset) => offset === '0')) return false
  return record.beganAt.every(
    (offset, index) => BigInt(target.ends[index] ?? '0') >= BigInt(offset),
  )
}

/** The topic is one that the stream was loaded into before another one. */
function findLeft({ record }: StoredStream, { topic, target }: AtTopic): LeftTopic | undefined {
  if (target.isNew || isEmpty(target)) return undefined
  return record?.leftTopics.find(
    (left) => left.topic === topic && !isOther(left.topicId, target.id),
  )
}

/** The topics that the stream leaves behind with its rows when it is loaded into this one. */
export function listLeftTopics({ record, slices }: StoredStream, topic: string): LeftTopic[] {
  if (record === undefined) return []
  const { topicId, partitions, merged, form, schema, run } = record
  const isShort = schema !== null && schema.text.length <= maxLeftSchema
  const facts = { topicId, partitions, merged, form, schema: isShort ? schema : null }
  const last = { topic: record.topic, ...facts }
  const left = hasLoaded(record, slices)
    ? [...record.leftTopics, { ...last, isForgotten: run === 0 }]
    : record.leftTopics
  return left.filter((other) => other.topic !== topic).slice(-mostLeftTopics)
}

/** Slices of this sync, or of syncs before it, have committed messages. */
export function hasLoaded(
  { isFilled }: Pick<StreamRecord, 'isFilled'>,
  slices: StoredStream['slices'],
): boolean {
  return isFilled || [...slices.values()].some(({ loaded }) => loaded > 0)
}

/** Kafka counts the marks of transactions too: it may be less. */
export function countMessages({ starts, ends }: TargetTopic): number {
  return ends
    .map((end, index) => Number(BigInt(end) - BigInt(starts[index] ?? '0')))
    .reduce((sum, count) => sum + count, 0)
}

function isEmpty(target: TargetTopic): boolean {
  return countMessages(target) === 0
}

/** Throws if messages of the stream would not fit those that are in the topic. */
export function requireSameMessages(
  known: KnownTopic | undefined,
  sink: SinkStream,
  { topic, place }: { readonly topic: string; readonly place: TopicPlace },
): void {
  if (known?.isFilled !== true) return
  requireSameForm(known, sink, { topic, place })
  requireSameKey(known, sink, { topic, place })
}

/**
 * Whatever the mode: readers would meet messages of both forms, also while and after an overwrite deletes the
 * old ones.
 */
function requireSameForm(
  { form }: KnownTopic,
  sink: SinkStream,
  { topic, place }: { readonly topic: string; readonly place: TopicPlace },
): void {
  const now = rowFormOf(place)
  if (form === null || isDeepStrictEqual(form, now)) return
  throw formChanged(sink, { topic, before: rowFormText(form), after: rowFormText(now) })
}

function rowFormText({ encoding, envelope, lookup }: RowFormRecord): string {
  const parts = [
    `\`format: ${encoding}\``,
    `\`envelope: ${envelope}\``,
    ...(lookup === null ? [] : [`${lookup === 'registry' ? 'with' : 'without'} a schema registry`]),
  ]
  return parts.join(', ')
}

/** Rows that are there were merged by another key, or in another form: they would stay. */
function requireSameKey(
  { merged }: KnownTopic,
  sink: SinkStream,
  { topic, place }: { readonly topic: string; readonly place: TopicPlace },
): void {
  if (sink.mode !== 'append_dedup' || merged === null) return
  const { key } = settingsOf(sink)
  const form = formText(place, sink)
  // The order counts: the bytes of a key are its columns one after another.
  if (JSON.stringify(merged.key) === JSON.stringify(key) && merged.form === form) return
  throw new ConnectError('destination_topic_key_changed', {
    details: {
      topic,
      stream: streamLabel(sink.stream.stream),
      before: `(${keyText(merged.key)}) ${merged.form}`,
      after: `(${keyText(key)}) ${form}`,
    },
  })
}

/**
 * Throws if rows that are in the topic would be appended to it from the beginning, and nobody asked for that.
 */
export function requireUnrepeated(
  stored: StoredStream,
  sink: SinkStream,
  { goesOn, ...place }: AtTopic & { readonly goesOn: boolean },
): void {
  const { connection, mode, stream } = sink
  if (mode !== 'append' || stream.sync_mode !== 'incremental' || goesOn) return
  const why = whyRepeated(stored, place)
  if (why === undefined || isEmpty(place.target)) return
  throw new ConnectError('destination_topic_repeated', {
    details: {
      ...{ connection, topic: place.topic, why },
      stream: streamLabel(stream.stream),
    },
  })
}

function whyRepeated(stored: StoredStream, place: AtTopic): string | undefined {
  const same = sameRecord(stored, place)
  if (same !== undefined && same.run !== 0)
    return same.settings.mode === 'append'
      ? 'its cursor or its `sync_mode` is another one now'
      : undefined
  const left = findLeft(stored, place)
  if (stored.record === undefined || left === undefined || left.isForgotten) return undefined
  return `since then it was loaded into topic ${stored.record.topic}`
}
