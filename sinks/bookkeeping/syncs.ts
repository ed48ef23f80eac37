import { ConnectError, streamLabel, type Column } from '../../protocol/index.ts'
import { addCounts, noCounts } from '../committed-counts.ts'
import { isOverwriteMode } from '../continuation.ts'
import type { SliceCounts } from '../lane-progress.ts'
import type { Destination, LaneCheckpoint, SliceStart, StreamSync } from '../sink.ts'
import { requireOwn } from './runs.ts'
import type { StreamRecord } from './stored-records.ts'
import { slicesUntold } from './untold.ts'

// The decisions of a sync after its begin. Each throws `fenced` if the stream belongs to another attempt.

type Stored<Facts> = StreamRecord<Facts> | undefined

/** Further warnings of a stream are only reported by the run itself. No source has that many. */
const mostReadWarnings = 100

/** `Destination.savePlan`: slices that are in the plan of this sync already keep their state. */
export function savePlan<Facts>(
  now: Stored<Facts>,
  sync: StreamSync,
  planned: readonly SliceStart[],
): StreamRecord<Facts> {
  const record = requireOwn(now, sync)
  const { syncId } = sync
  const slices = new Map(record.slices.map((saved) => [saved.slice, saved]))
  for (const { slice, partition, state } of planned) {
    const before = slices.get(slice)
    if (before?.plannedSync === syncId) continue
    slices.set(slice, {
      ...newSlice,
      slice,
      partition,
      plannedSync: syncId,
      state,
      untold: before?.untold ?? noCounts,
    })
  }
  return { ...record, slices: [...slices.values()] }
}

const newSlice = { seq: 0, loaded: 0, rejected: 0, complete: false, untold: noCounts }

export interface LaneCommit {
  readonly checkpoint: LaneCheckpoint
  readonly counts: ReadonlyMap<string, SliceCounts>
  /** The columns of the records at the log position. */
  readonly columns: readonly Column[]
}

/** States, counts and position after a commit of a lane. */
export function commitLane<Facts>(
  now: Stored<Facts>,
  sync: StreamSync,
  { checkpoint: { partition, next, slices: moved }, counts, columns }: LaneCommit,
): StreamRecord<Facts> {
  const record = requireOwn(now, sync)
  const slices = new Map(record.slices.map((saved) => [saved.slice, saved]))
  for (const { slice, state, seq, complete } of moved) {
    const { loaded, rejected } = counts.get(slice) ?? { loaded: 0, rejected: 0 }
    const before = slices.get(slice) ?? { ...newSlice, slice }
    // Numbers of the lane and of the checkpoints that are stored: one of them is older.
    if (before.seq + loaded + rejected !== seq)
      throw mismatch(sync, before.seq + loaded + rejected, seq)
    slices.set(slice, {
      slice,
      partition,
      plannedSync: sync.syncId,
      state,
      seq,
      complete,
      loaded: before.loaded + loaded,
      rejected: before.rejected + rejected,
      untold: addCounts(before.untold, { loaded, rejected, nulled: 0, cut: 0 }),
    })
  }
  const others = record.positions.filter((position) => position.partition !== partition)
  const positions =
    next === undefined ? record.positions : [...others, { partition, next, columns: [...columns] }]
  return { ...record, slices: [...slices.values()], positions }
}

/** The counts of a sync whose slices are all complete. Throws `accounting_mismatch` if one is not. */
export function requireComplete(
  { slices }: StreamRecord<unknown>,
  sync: StreamSync,
): { readonly loaded: number; readonly rejected: number } {
  const planned = slices.filter(({ plannedSync }) => plannedSync === sync.syncId)
  const complete = planned.filter((slice) => slice.complete)
  if (complete.length !== planned.length)
    throw mismatch(sync, planned.length, complete.length, 'complete slices')
  const sum = (count: 'loaded' | 'rejected'): number =>
    planned.reduce((total, slice) => total + slice[count], 0)
  return { loaded: sum('loaded'), rejected: sum('rejected') }
}

/** The end of a sync. An overwrite has replaced the rows of before, and they are not reported any more. */
export function completeSync<Facts>(
  now: Stored<Facts>,
  sync: StreamSync,
  end: { readonly warnings: readonly string[]; readonly facts: Facts },
): StreamRecord<Facts> {
  const record = requireOwn(now, sync)
  const isOverwrite = isOverwriteMode(sync.sink.mode)
  return {
    ...record,
    complete: true,
    untoldCounts: isOverwrite ? noCounts : record.untoldCounts,
    // Stored with the facts that they are about: the run may be killed before its end reports them.
    beginWarnings: [...new Set([...record.beginWarnings, ...end.warnings])],
    facts: end.facts,
  }
}

/** `Destination.noteWarning`. */
export function noteWarning<Facts>(
  now: Stored<Facts>,
  sync: StreamSync,
  warning: string,
): StreamRecord<Facts> {
  const record = requireOwn(now, sync)
  const { readWarnings: known } = record
  if (known.includes(warning) || known.length >= mostReadWarnings) return record
  return { ...record, readWarnings: [...known, warning] }
}

/** `Destination.leaveLog`: nothing if the stream belongs to another attempt. */
export function leaveLog<Facts>(
  now: Stored<Facts>,
  { epoch, attemptKeys }: StreamSync,
): Stored<Facts> {
  const isOwn = now?.epoch === epoch && now.attempt === attemptKeys.at(-1)
  return isOwn ? { ...now, attemptKeys: [] } : now
}

/**
 * `Destination.forget`. The stream's record stays: sync, epoch and position in the log continue to count, and
 * counts of rows that no run has reported stay.
 */
export function forgetStream<Facts>(record: StreamRecord<Facts>): StreamRecord<Facts> {
  const isStaged = isOverwriteMode(record.settings.mode) && !record.complete
  const own = isStaged ? noCounts : slicesUntold(record.slices)
  return {
    ...record,
    complete: true,
    run: 0,
    epoch: record.epoch + 1,
    readWarnings: [],
    untoldCounts: addCounts(record.untoldCounts, own),
    slices: [],
  }
}

/**
 * `Destination.changeStates`. Undefined if all states stay. The next epoch fences the lanes of the stream,
 * and no attempt continues from what they left in a log.
 */
export function changeStates<Facts>(
  record: StreamRecord<Facts>,
  change: Parameters<Destination['changeStates']>[2],
): StreamRecord<Facts> | undefined {
  const { namespace, name, settings, slices, epoch } = record
  const stream = { name, ...(namespace !== null && { namespace }) }
  const { mode, sync_mode: syncMode } = settings
  const states = slices.map(({ slice, state }) => ({ slice, state }))
  const next = change({ stream, mode, syncMode, slices: states })
  if (next === undefined) return undefined
  const byName = new Map(next.map((changed) => [changed.slice, changed.state]))
  return {
    ...record,
    epoch: epoch + 1,
    attemptKeys: [],
    slices: slices.map((slice) => {
      const state = byName.get(slice.slice)
      // A slice that was read to its end is not at its end any more.
      return state === undefined ? slice : { ...slice, state, complete: false }
    }),
  }
}

function mismatch(
  { streamId }: StreamSync,
  expected: number,
  actual: number,
  unit?: string,
): ConnectError {
  const details = {
    stream: streamLabel(streamId),
    expected,
    actual,
    ...(unit !== undefined && { unit }),
  }
  return new ConnectError('accounting_mismatch', { details })
}
