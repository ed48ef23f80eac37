import { addCounts, noCounts } from '../../committed-counts.ts'
import { isCounted, isReported } from '../../continuation.ts'
import type { CommittedCounts, RunStart, Untold, UntoldCounts } from '../../sink.ts'
import type { StoredStream } from './checkpoints.ts'
import type { StreamRecord } from './records.ts'

// A later run reports the counts that a killed run committed, even if it does not load the stream the same
// way. A message that was committed is in the topic at once and stays there: nothing is in a stage, and
// nothing is replaced.

/** Also of syncs before that of the slices. */
export function untoldCounts({
  record,
  slices,
}: Pick<StoredStream, 'record' | 'slices'>): UntoldCounts {
  return kept(addCounts(record?.untoldCounts ?? noCounts, slicesUntold(slices)))
}

export function slicesUntold(slices: StoredStream['slices']): CommittedCounts {
  return [...slices.values()].map(({ untold }) => untold).reduce(addCounts, noCounts)
}

function kept(counts: CommittedCounts): UntoldCounts {
  return { kept: counts, staged: noCounts, replaced: noCounts }
}

/** The record for a run that has nothing to report again. */
export function withoutReported(record: StreamRecord, start: RunStart): StreamRecord {
  if (!isReported(reportingOf(record), start)) return record
  return { ...record, tableNotes: [], readWarnings: [], beginWarnings: [] }
}

/** An earlier run has already reported these rows. */
export function isCountedBy(record: StreamRecord, start: RunStart): boolean {
  return isCounted(reportingOf(record), start)
}

function reportingOf(record: StreamRecord): {
  readonly run: number
  readonly toldRun: number | undefined
} {
  return { run: record.run, toldRun: record.toldRun ?? undefined }
}

export function warningsOf({ beginWarnings, readWarnings }: StreamRecord): readonly string[] {
  return [...beginWarnings, ...readWarnings]
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
