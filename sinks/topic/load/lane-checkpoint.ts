import type { Column } from '../../../protocol/index.ts'
import { addCounts } from '../../committed-counts.ts'
import type { SliceCounts } from '../../lane-progress.ts'
import type { LaneCheckpoint, StreamSync } from '../../sink.ts'
import type { CheckpointRecord, SliceRecord } from '../bookkeeping/records.ts'

export interface LaneState {
  readonly sync: Pick<StreamSync, 'streamId' | 'syncId'>
  /** As the lane has committed them last. */
  readonly slices: ReadonlyMap<string, SliceRecord>
  readonly counts: ReadonlyMap<string, SliceCounts>
  /** The columns of the records at the log position. */
  readonly columns: readonly Column[]
}

/** States, counts and position after a commit. */
export function laneRecords(
  { partition, next, slices }: LaneCheckpoint,
  { sync, slices: saved, counts, columns }: LaneState,
): readonly CheckpointRecord[] {
  const { streamId: stream, syncId } = sync
  const moved = slices.map(({ slice, state, seq, complete }): CheckpointRecord => {
    const { loaded, rejected } = counts.get(slice) ?? { loaded: 0, rejected: 0 }
    const before = saved.get(slice) ?? newSlice
    const committed = { loaded, rejected, nulled: 0, cut: 0 }
    const value: SliceRecord = {
      ordinal: before.ordinal,
      partition,
      plannedSync: syncId,
      state,
      seq,
      loaded: before.loaded + loaded,
      rejected: before.rejected + rejected,
      complete,
      untold: addCounts(before.untold, committed),
    }
    return { kind: 'slice', stream, slice, value }
  })
  if (next === undefined) return moved
  return [...moved, { kind: 'position', stream, partition, value: { next, columns: [...columns] } }]
}

const newSlice = {
  ordinal: 0,
  loaded: 0,
  rejected: 0,
  untold: { loaded: 0, rejected: 0, nulled: 0, cut: 0 },
}
