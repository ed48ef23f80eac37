import { ConnectError, streamKey, streamLabel, type StreamId } from '../../../protocol/index.ts'
import type { RunEnd, RunStart, SinkStream, StreamSync } from '../../sink.ts'
import { checkpointTopic } from '../own-names.ts'
import { checkpointsReplaced } from '../topic-errors.ts'
import type { Checkpoints, StoredStream } from './checkpoints.ts'
import type { Change } from './checkpoint-store.ts'
import type { CheckpointRecord, StreamRecord } from './records.ts'
import { noCounts } from '../../committed-counts.ts'

/** One process that starts a run. */
export interface Starter {
  readonly key: string | undefined
  /** Text for people. */
  readonly by: string
  readonly atMs: number
}

/**
 * A run with the same key is continued under its number; if runs have no keys, one that did not end by itself
 * (killed, stopped). Another key is another run, also after a cancelled one.
 */
export function startRun({ run: last }: Checkpoints, { key, by, atMs }: Starter): Change<RunStart> {
  const run = last === undefined ? 1 : last.run + (isOver(last, key) ? 1 : 0)
  const start = (last?.start ?? 0) + 1
  const value = { run, ended: false, key: key ?? null, start, startedAtMs: atMs, startedBy: by }
  return {
    result: { run, start, hasKey: key !== undefined },
    records: [{ kind: 'run', value }],
  }
}

function isOver(
  last: { readonly key: string | null; readonly ended: boolean },
  key: string | undefined,
): boolean {
  return last.key === null || key === undefined ? last.ended : last.key !== key
}

/** Does nothing if a newer start has the connection: its run continues. */
export function endRun(
  now: Checkpoints,
  { start, how, reported, completed = [] }: RunEnd,
): Change<undefined> {
  const { run } = now
  if (run?.start !== start.start) return { result: undefined, records: [] }
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
  const ended = { ...run, ended: how === 'ended' }
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

/** The start that took the connection over, as text for `fenced`; undefined if this one is the newest. */
export function newerStart({ run }: Checkpoints, start: number): string | undefined {
  if (run === undefined || run.start <= start) return undefined
  const by = `${run.startedBy} started at ${new Date(run.startedAtMs).toISOString()}`
  return run.key === null ? `a run that ${by}` : `run ${run.key}, which ${by}`
}

/** Why the start no longer has the connection; undefined if it has. */
export function startRefusal(
  now: Checkpoints,
  sink: SinkStream,
  start: number,
): ConnectError | undefined {
  if ((now.run?.start ?? 0) < start) return checkpointsReplaced(checkpointTopic(sink.connection))
  const by = newerStart(now, start)
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

function fenced({ connection, stream }: SinkStream, by: string): ConnectError {
  const details = { connection, stream: streamLabel(stream.stream), by }
  return new ConnectError('fenced', { details })
}
