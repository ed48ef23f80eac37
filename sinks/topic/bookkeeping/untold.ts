import { isCountedBy, slicesUntold, warningsOf, withoutReported } from '../../bookkeeping/untold.ts'
import { addCounts, noCounts } from '../../committed-counts.ts'
import type { CommittedCounts, RunStart, Untold, UntoldCounts } from '../../sink.ts'
import type { StoredStream } from './checkpoints.ts'

// A later run reports the counts that a killed run committed, even if it does not load the stream the same
// way. A message that was committed is in the topic at once and stays there: nothing is in a stage, and
// nothing is replaced.

/** Also of syncs before that of the slices. */
export function untoldCounts({
  record,
  slices,
}: Pick<StoredStream, 'record' | 'slices'>): UntoldCounts {
  return kept(addCounts(record?.untoldCounts ?? noCounts, slicesUntold(slices.values())))
}

function kept(counts: CommittedCounts): UntoldCounts {
  return { kept: counts, staged: noCounts, replaced: noCounts }
}

/** `Destination.untold`. */
export function readUntold(stored: StoredStream, start: RunStart): Untold | undefined {
  if (stored.record === undefined) return undefined
  const record = withoutReported(stored.record, start)
  return {
    tableNotes: record.tableNotes,
    warnings: warningsOf(record),
    untoldCounts: isCountedBy(record, start) ? kept(noCounts) : untoldCounts(stored),
  }
}
