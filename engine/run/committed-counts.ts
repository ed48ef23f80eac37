import type { CommittedCounts } from '../../sinks/sink.ts'

export const noCounts: CommittedCounts = { loaded: 0, rejected: 0, nulled: 0, cut: 0 }

export function addCounts(now: CommittedCounts, earlier: CommittedCounts): CommittedCounts {
  return {
    loaded: now.loaded + earlier.loaded,
    rejected: now.rejected + earlier.rejected,
    nulled: now.nulled + earlier.nulled,
    cut: now.cut + earlier.cut,
  }
}

/** Records of a stream that the run rejected, in this start and in those before. */
export function rejectedInRun(stream: {
  readonly rejected: number
  readonly before?: CommittedCounts
}): number {
  return stream.rejected + (stream.before?.rejected ?? 0)
}
