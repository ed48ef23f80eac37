import { ConnectError, streamLabel } from '../../protocol/index.ts'
import { noCounts } from '../committed-counts.ts'
import type { RunEnd, RunStart, SinkStream, StreamSync } from '../sink.ts'
import type { DocumentChange } from './bookkeeping-store.ts'
import type { RunRecord, StreamRecord } from './stored-records.ts'

/** One process that starts a run. */
export interface Starter {
  readonly key: string | undefined
  /** Text for people. */
  readonly by: string
  readonly atMs: number
  /** The greatest start that streams of the connection know: the document of its runs may be gone. */
  readonly lastStart: number
}

/**
 * A run with the same key is continued under its number; if runs have no keys, one that did not end by itself
 * (killed, stopped). Another key is another run, also after a cancelled one.
 */
export function startRun(
  last: RunRecord | undefined,
  { key, by, atMs, lastStart }: Starter,
): DocumentChange<RunRecord, RunStart> {
  const run = last === undefined ? 1 : last.run + (isOver(last, key) ? 1 : 0)
  const start = Math.max(last?.start ?? 0, lastStart) + 1
  return {
    result: { run, start, hasKey: key !== undefined },
    content: { run, ended: false, key: key ?? null, start, startedAtMs: atMs, startedBy: by },
  }
}

function isOver(last: RunRecord, key: string | undefined): boolean {
  return last.key === null || key === undefined ? last.ended : last.key !== key
}

/** Does nothing if a newer start has the connection: its run continues. */
export function endRun(
  last: RunRecord | undefined,
  { start, how }: RunEnd,
): DocumentChange<RunRecord, undefined> {
  if (last?.start !== start.start) return { result: undefined }
  return { result: undefined, content: { ...last, ended: how === 'ended' } }
}

/** The part of `endRun` for a stream whose counts, notes and warnings are in the result of the run. */
export function noteReported<Facts>(
  record: StreamRecord<Facts>,
  { start, how }: RunEnd,
): StreamRecord<Facts> {
  if (how === 'ended') return { ...record, toldRun: start.run }
  return {
    ...record,
    untoldCounts: noCounts,
    tableNotes: [],
    readWarnings: [],
    beginWarnings: [],
    slices: record.slices.map((slice) => ({ ...slice, untold: noCounts })),
  }
}

/** The start that took the connection over, as text for `fenced`; undefined if this one is the newest. */
export function newerStart(run: RunRecord | undefined, start: number): string | undefined {
  if (run === undefined || run.start <= start) return undefined
  const by = `${run.startedBy} started at ${new Date(run.startedAtMs).toISOString()}`
  return run.key === null ? `a run that ${by}` : `run ${run.key}, which ${by}`
}

/** Throws `fenced` if a newer start has the connection. */
export function requireNewest(run: RunRecord | undefined, sink: SinkStream, start: number): void {
  const by = newerStart(run, start)
  if (by !== undefined) throw fenced(sink, by)
}

/** The stream as this attempt's `begin` left it. Throws `fenced` if it belongs to another one. */
export function requireOwn<Facts>(
  record: StreamRecord<Facts> | undefined,
  { sink, epoch, attemptKeys }: StreamSync,
): StreamRecord<Facts> {
  if (record?.epoch === epoch && record.attempt === attemptKeys.at(-1)) return record
  throw fenced(sink, 'a later start of the stream, or a reset of it')
}

export function fenced({ connection, stream }: SinkStream, by: string): ConnectError {
  const details = { connection, stream: streamLabel(stream.stream), by }
  return new ConnectError('fenced', { details })
}
