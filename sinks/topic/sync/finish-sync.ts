import { ConnectError, streamKey, streamLabel, type StreamId } from '../../../protocol/index.ts'
import { addCounts, noCounts } from '../../committed-counts.ts'
import { isOverwriteMode, settingsOf } from '../../continuation.ts'
import type { SliceStart, StreamSync } from '../../sink.ts'
import type { Change, CheckpointStore } from '../bookkeeping/checkpoint-store.ts'
import type { Checkpoints, StoredStream } from '../bookkeeping/checkpoints.ts'
import type { CheckpointRecord, SliceRecord, StreamRecord } from '../bookkeeping/records.ts'
import { requireOwn } from '../bookkeeping/runs.ts'
import { slicesUntold } from '../../bookkeeping/untold.ts'
import { rejectedTopic } from '../own-names.ts'
import type { TopicPlace } from '../topic-place.ts'
import { requireSameTopic } from '../topics/topic-identity.ts'
import { completeMessage } from './control-messages.ts'
import { hasLoaded } from './known-topic.ts'
import { formText } from './topic-mode.ts'

/** Further warnings of a stream are only reported by the run itself. No source has that many. */
const mostReadWarnings = 100

/** `Destination.savePlan`: slices that are in the plan of this sync already keep their state. */
export function savePlan(
  now: Checkpoints,
  sync: StreamSync,
  planned: readonly SliceStart[],
): Change<undefined> {
  const { record, slices } = requireOwn(now, sync)
  const saved = new Map(slices)
  const added = planned.flatMap(({ slice, partition, state }, index) => {
    const before = saved.get(slice)
    if (before?.plannedSync === sync.syncId) return []
    const value: SliceRecord = {
      ordinal: sync.slices.length + index + 1,
      partition,
      plannedSync: sync.syncId,
      state,
      seq: 0,
      loaded: 0,
      rejected: 0,
      complete: false,
      untold: before?.untold ?? noCounts,
    }
    saved.set(slice, value)
    return [{ kind: 'slice', stream: sync.streamId, slice, value } as const]
  })
  const lanes = Math.max(record.lanes, ...planned.map(({ partition }) => partition + 1))
  const value = { ...record, planned: saved.size, lanes }
  return {
    result: undefined,
    records: [{ kind: 'stream', stream: sync.streamId, value }, ...added],
  }
}

export interface FinishContext {
  readonly place: TopicPlace
  readonly store: CheckpointStore
  /** Returns the id of the topic as it is now. */
  readonly topicId: (topic: string) => Promise<string | undefined>
  /** Deletes the keys of older generations from the topic; resolves with their number. */
  readonly deleteOld: (record: StreamRecord) => Promise<number>
  now(): number
}

interface Loaded {
  readonly loaded: number
  readonly rejected: number
}

/**
 * `Destination.finish`. The old rows of an overwrite are deleted first: a process that is killed meanwhile
 * leaves the sync unfinished, and the next one begins a newer generation.
 */
export async function finishSync(
  context: FinishContext,
  sync: StreamSync,
): Promise<readonly string[]> {
  const { store, topicId, deleteOld } = context
  const stored = requireOwn(await store.read(), sync)
  const { record } = stored
  const counts = requireComplete(stored, sync)
  const isOverwrite = isOverwriteMode(sync.sink.mode)
  if (isOverwrite && counts.loaded === 0 && counts.rejected > 0) {
    // Otherwise the next sync would continue from here, to the same end.
    await store.change((now) => forgetStreams(now, [sync.streamId]))
    throw allRejected(record.topic, sync.streamId, counts.rejected)
  }
  const deleted = isOverwrite ? await deleteOld(record) : 0
  requireSameTopic(record, await topicId(record.topic))
  const atMs = context.now()
  return store.change((now) => complete(now, sync, { ...counts, deleted, atMs, context }))
}

/** An overwrite that would replace all rows by none. */
export function allRejected(topic: string, stream: StreamId, rejected: number): ConnectError {
  const details = {
    stream: streamLabel(stream),
    rejected,
    table: `topic ${topic}`,
    rejections: `the topic ${rejectedTopic}`,
  }
  return new ConnectError('records_all_rejected', { details })
}

function complete(
  now: Checkpoints,
  sync: StreamSync,
  {
    atMs,
    context: { place },
    ...counts
  }: Loaded & {
    readonly deleted: number
    readonly atMs: number
    readonly context: FinishContext
  },
): Change<readonly string[]> {
  const { record } = requireOwn(now, sync)
  const { sink, streamId: stream } = sync
  const settings = settingsOf(sink)
  const isOverwrite = isOverwriteMode(sink.mode)
  const warnings = isOverwrite ? warnOfEmptied(record, counts) : []
  const merged = { key: settings.key, form: formText(place, sink) }
  const value: StreamRecord = {
    ...record,
    complete: true,
    merged: isOverwrite ? merged : record.merged,
    // Stored with the facts that they are about: the run may be killed before its end reports them.
    beginWarnings: [...new Set([...record.beginWarnings, ...warnings])],
  }
  return {
    result: warnings,
    records: [{ kind: 'stream', stream, value }],
    control: [completeMessage({ sink, record, atMs, counts })],
  }
}

function warnOfEmptied(
  { topic }: StreamRecord,
  { loaded, deleted }: { readonly loaded: number; readonly deleted: number },
): readonly string[] {
  if (deleted === 0 || loaded > 0) return []
  return [
    `The source had no record of the stream, so all rows of topic ${topic} were deleted: ${deleted.toLocaleString('en-US')}.`,
  ]
}

function requireComplete({ slices }: StoredStream, { syncId, streamId }: StreamSync): Loaded {
  const planned = [...slices.values()].filter(({ plannedSync }) => plannedSync === syncId)
  const actual = planned.filter((slice) => slice.complete).length
  if (actual !== planned.length) {
    const details = {
      stream: streamLabel(streamId),
      expected: planned.length,
      actual,
      unit: 'complete slices',
    }
    throw new ConnectError('accounting_mismatch', { details })
  }
  return planned.reduce(
    (sum, { loaded, rejected }) => ({
      loaded: sum.loaded + loaded,
      rejected: sum.rejected + rejected,
    }),
    { loaded: 0, rejected: 0 },
  )
}

/** `Destination.noteWarning`. */
export function noteWarning(
  now: Checkpoints,
  sync: StreamSync,
  warning: string,
): Change<undefined> {
  const { record } = requireOwn(now, sync)
  const { readWarnings: known } = record
  if (known.includes(warning) || known.length >= mostReadWarnings)
    return { result: undefined, records: [] }
  const value = { ...record, readWarnings: [...known, warning] }
  return { result: undefined, records: [{ kind: 'stream', stream: sync.streamId, value }] }
}

/** `Destination.leaveLog`. */
export function leaveLog(
  now: Checkpoints,
  { streamId: stream, epoch, attemptKeys }: StreamSync,
): Change<undefined> {
  const { record } = now.stream(stream)
  const isOwn = record?.epoch === epoch && record.attempt === attemptKeys.at(-1)
  if (!isOwn) return { result: undefined, records: [] }
  const value = { ...record, attemptKeys: [] }
  return { result: undefined, records: [{ kind: 'stream', stream, value }] }
}

/**
 * `Destination.forget`. The stream's record stays: sync, epoch and position in the log continue to count, and
 * counts of rows in the topic that no run has reported stay.
 */
export function forgetStreams(
  now: Checkpoints,
  streams: readonly StreamId[] | 'all',
): Change<readonly StoredStream[]> {
  const wanted = streams === 'all' ? undefined : new Set(streams.map(streamKey))
  const forgotten = now.streams().filter(({ id }) => wanted?.has(streamKey(id)) ?? true)
  const records = forgotten.flatMap(
    ({ id: stream, record, slices }): readonly CheckpointRecord[] => {
      const value: StreamRecord = {
        ...record,
        complete: true,
        run: 0,
        epoch: record.epoch + 1,
        planned: 0,
        readWarnings: [],
        untoldCounts: addCounts(record.untoldCounts, slicesUntold(slices.values())),
        isFilled: hasLoaded(record, slices),
        leftTopics: record.leftTopics.map((left) => ({ ...left, isForgotten: true })),
      }
      return [
        { kind: 'stream', stream, value },
        ...[...slices.keys()].map(
          (slice) => ({ kind: 'slice', stream, slice, value: null }) as const,
        ),
      ]
    },
  )
  return { result: forgotten, records }
}
