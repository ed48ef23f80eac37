import { type ConnectError, streamKey, type StreamId } from '../../../protocol/index.ts'
import {
  endRun as decideEnd,
  fenced,
  newerStart,
  type Starter,
  startRun as decideStart,
} from '../../bookkeeping/runs.ts'
import type { RunEnd, RunStart, SinkStream, StreamSync } from '../../sink.ts'
import { checkpointTopic } from '../own-names.ts'
import { checkpointsReplaced } from '../topic-errors.ts'
import type { Checkpoints, StoredStream } from './checkpoints.ts'
import type { Change } from './checkpoint-store.ts'
import type { CheckpointRecord, StreamRecord } from './records.ts'
import { noCounts } from '../../committed-counts.ts'

/** See sinks/bookkeeping/runs.ts, which decides; here are the messages of it. */
export function startRun(
  { run: last }: Checkpoints,
  starter: Omit<Starter, 'lastStart'>,
): Change<RunStart> {
  const { result, content } = decideStart(last, { ...starter, lastStart: 0 })
  return { result, records: content === undefined ? [] : [{ kind: 'run', value: content }] }
}

/** Does nothing if a newer start has the connection: its run continues. */
export function endRun(now: Checkpoints, end: RunEnd): Change<undefined> {
  const { start, how, reported, completed = [] } = end
  const { content: ended } = decideEnd(now.run, end)
  if (ended === undefined) return { result: undefined, records: [] }
  const reportedKeys = new Set(reported.map(streamKey))
  const completedKeys = new Set(completed.map(streamKey))
  const isOf = (keys: ReadonlySet<string>, id: StreamId): boolean => keys.has(streamKey(id))
  const streams = now.streams().flatMap((stored): readonly CheckpointRecord[] => {
    const { id, record } = stored
    if (how === 'stopped') return isOf(reportedKeys, id) ? forgetReported(stored, record) : []
    const isReportedNow = isOf(reportedKeys, id) || (record.complete && isOf(completedKeys, id))
    if (!isReportedNow) return []
    return [{ kind: 'stream', stream: id, value: { ...record, toldRun: start.run } }]
  })
  return { result: undefined, records: [{ kind: 'run', value: ended }, ...streams] }
}

/**
 * Deletes the counts, notes and warnings of a stream that a run has reported and that the next start
 * continues.
 */
function forgetReported(
  { id, slices }: StoredStream,
  record: StreamRecord,
): readonly CheckpointRecord[] {
  const value = {
    ...record,
    untoldCounts: noCounts,
    tableNotes: [],
    readWarnings: [],
    beginWarnings: [],
  }
  return [
    { kind: 'stream', stream: id, value },
    ...[...slices].map(([slice, saved]) => ({
      kind: 'slice' as const,
      stream: id,
      slice,
      value: { ...saved, untold: noCounts },
    })),
  ]
}

/** Why the start no longer has the connection; undefined if it has. */
export function startRefusal(
  now: Checkpoints,
  sink: SinkStream,
  start: number,
): ConnectError | undefined {
  if ((now.run?.start ?? 0) < start) return checkpointsReplaced(checkpointTopic(sink.connection))
  const by = newerStart(now.run, start)
  return by === undefined ? undefined : fenced(sink, by)
}

/**
 * The stream as this attempt's `begin` left it. Throws if it no longer belongs to the attempt: it was taken
 * over, or the topic is another one.
 */
export function requireOwn(now: Checkpoints, sync: StreamSync): StoredStream & OwnRecord {
  const { sink, streamId, epoch, start, attemptKeys } = sync
  const refusal = startRefusal(now, sink, start)
  if (refusal !== undefined) throw refusal
  const stored = now.stream(streamId)
  const { record } = stored
  const isOwn = record?.epoch === epoch && record.attempt === attemptKeys.at(-1)
  if (isOwn) return { ...stored, record }
  // A later `begin` or a reset has a greater epoch. Another attempt with an equal or a smaller one never knew
  // this one.
  if (record === undefined || record.epoch <= epoch)
    throw checkpointsReplaced(checkpointTopic(sink.connection))
  throw fenced(sink, 'a later start of the stream, or a reset of it')
}

interface OwnRecord {
  readonly record: StreamRecord
}
