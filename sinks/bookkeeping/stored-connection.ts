import { hostname } from 'node:os'
import { type StreamId, streamKey } from '../../protocol/index.ts'
import type { Destination, RunEnd, RunStart, StreamSync } from '../sink.ts'
import type { StoredDocument } from './bookkeeping-store.ts'
import { endRun, noteReported, startRun } from './runs.ts'
import type { RunRecord, StreamRecord } from './stored-records.ts'
import { changeStates, leaveLog } from './syncs.ts'

// The methods of a destination that change the documents of a connection, and nothing else.

/** A stream of a connection, as it was read. */
export interface StoredStream<Facts> {
  readonly id: StreamId
  readonly record: StreamRecord<Facts>
  readonly document: StoredDocument<StreamRecord<Facts>>
}

/** The stream that a record is about. */
export function idOfRecord({ namespace, name }: StreamRecord<unknown>): StreamId {
  return { name, ...(namespace !== null && { namespace }) }
}

/** Changes a document that is there. If `decide` returns undefined, it stays as it is. */
export function changeStored<Content>(
  document: StoredDocument<Content>,
  decide: (now: Content) => Content | undefined,
): Promise<void> {
  return document.change((now) => {
    const content = now && decide(now)
    return { result: undefined, ...(content !== undefined && { content }) }
  })
}

/** As `Destination.startRun`. */
export function startStoredRun(
  runs: StoredDocument<RunRecord>,
  streams: readonly StoredStream<unknown>[],
  key: string | undefined,
): Promise<RunStart> {
  const by = `process ${String(process.pid)} on ${hostname()}`
  const lastStart = Math.max(0, ...streams.map(({ record }) => record.start))
  return runs.change((now) => startRun(now, { key, by, atMs: Date.now(), lastStart }))
}

/** As `Destination.endRun`. `findStreams` is only called if no newer start has the connection. */
export async function endStoredRun<Facts>(
  runs: StoredDocument<RunRecord>,
  findStreams: () => Promise<readonly StoredStream<Facts>[]>,
  end: RunEnd,
): Promise<void> {
  if ((await runs.read())?.start !== end.start.start) return
  const reported = new Set(end.reported.map(streamKey))
  const completed = new Set((end.completed ?? []).map(streamKey))
  for (const { id, record, document } of await findStreams()) {
    const key = streamKey(id)
    const isCompleted = end.how === 'ended' && record.complete && completed.has(key)
    if (!reported.has(key) && !isCompleted) continue
    await changeStored(document, (now) => noteReported(now, end))
  }
  await runs.change((now) => endRun(now, end))
}

/** As `Destination.leaveLog`. */
export function leaveStoredLog<Facts>(
  document: StoredDocument<StreamRecord<Facts>>,
  sync: StreamSync,
): Promise<void> {
  return changeStored(document, (now) => leaveLog(now, sync))
}

/** As `Destination.changeStates`, of the streams that are `wanted`. */
export async function changeStoredStates<Facts>(
  streams: readonly StoredStream<Facts>[],
  wanted: readonly StreamId[],
  change: Parameters<Destination['changeStates']>[2],
): Promise<void> {
  const keys = new Set(wanted.map(streamKey))
  const own = streams.filter(({ id }) => keys.has(streamKey(id)))
  // If it throws for one of them, nothing is changed.
  for (const { record } of own) changeStates(record, change)
  for (const { document } of own) await changeStored(document, (now) => changeStates(now, change))
}
