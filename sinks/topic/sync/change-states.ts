import type { StreamId } from '../../../protocol/index.ts'
import type { Destination } from '../../sink.ts'
import type { Change } from '../bookkeeping/checkpoint-store.ts'
import type { Checkpoints, StoredStream } from '../bookkeeping/checkpoints.ts'
import type { CheckpointRecord } from '../bookkeeping/records.ts'

/** `Destination.changeStates`. Returns the streams that were changed, whose lanes are to be fenced. */
export function changeStates(
  now: Checkpoints,
  streams: readonly StreamId[],
  change: Parameters<Destination['changeStates']>[2],
): Change<readonly StoredStream[]> {
  const changed: StoredStream[] = []
  const records: CheckpointRecord[] = []
  for (const stream of streams) {
    const stored = now.stream(stream)
    const { record, slices } = stored
    if (record === undefined) continue
    const { mode, sync_mode: syncMode } = record.settings
    const states = [...slices].map(([slice, { state }]) => ({ slice, state }))
    const next = change({ stream, mode, syncMode, slices: states })
    if (next === undefined) continue
    changed.push(stored)
    const value = { ...record, epoch: record.epoch + 1, attemptKeys: [] }
    records.push({ kind: 'stream', stream, value })
    for (const { slice, state } of next) {
      const before = slices.get(slice)
      if (before === undefined) continue
      // A slice that was read to its end is not at its end any more.
      records.push({ kind: 'slice', stream, slice, value: { ...before, state, complete: false } })
    }
  }
  return { result: changed, records }
}
