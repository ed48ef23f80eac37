import { addCounts, noCounts } from '../committed-counts.ts'
import { isCounted, isOverwriteMode, isReported } from '../continuation.ts'
import type { CommittedCounts, RunStart, Untold, UntoldCounts } from '../sink.ts'
import type { StreamRecord } from './stored-records.ts'

// A later run reports the counts that a killed run committed, even if it does not load the stream the same
// way.

/** The counts that no run has reported, by where the rows are. */
export function countsOf({
  settings,
  complete,
  slices,
  untoldCounts: earlier,
}: Pick<StreamRecord<unknown>, 'settings' | 'complete' | 'slices' | 'untoldCounts'>): UntoldCounts {
  const own = slicesUntold(slices)
  if (!isOverwriteMode(settings.mode) || complete)
    return { kept: addCounts(own, earlier), staged: noCounts, replaced: noCounts }
  return { kept: noCounts, staged: own, replaced: earlier }
}

export function slicesUntold(
  slices: Iterable<{ readonly untold: CommittedCounts }>,
): CommittedCounts {
  return [...slices].map(({ untold }) => untold).reduce(addCounts, noCounts)
}

/** The part of a stream's record about its notes and warnings, and the run that reported them. */
type Reported = Pick<
  StreamRecord<unknown>,
  'run' | 'toldRun' | 'tableNotes' | 'readWarnings' | 'beginWarnings'
>

/** The record for a run that has nothing to report again. */
export function withoutReported<Stored extends Reported>(record: Stored, start: RunStart): Stored {
  if (!isReported(reportingOf(record), start)) return record
  return { ...record, tableNotes: [], readWarnings: [], beginWarnings: [] }
}

/** An earlier run has already reported these rows. */
export function isCountedBy(record: Pick<Reported, 'run' | 'toldRun'>, start: RunStart): boolean {
  return isCounted(reportingOf(record), start)
}

function reportingOf(record: Pick<Reported, 'run' | 'toldRun'>): {
  readonly run: number
  readonly toldRun: number | undefined
} {
  return { run: record.run, toldRun: record.toldRun ?? undefined }
}

export function warningsOf({
  beginWarnings,
  readWarnings,
}: Pick<Reported, 'beginWarnings' | 'readWarnings'>): readonly string[] {
  return [...beginWarnings, ...readWarnings]
}

/** `Destination.untold`. */
export function readUntold(
  stored: StreamRecord<unknown> | undefined,
  start: RunStart,
): Untold | undefined {
  if (stored === undefined) return undefined
  const record = withoutReported(stored, start)
  const nothing = { kept: noCounts, staged: noCounts, replaced: noCounts }
  return {
    tableNotes: record.tableNotes,
    warnings: warningsOf(record),
    untoldCounts: isCountedBy(record, start) ? nothing : countsOf(stored),
  }
}
