import type { CommittedCounts } from './sink.ts'

export const noCounts: CommittedCounts = { loaded: 0, rejected: 0, nulled: 0, cut: 0 }

export function addCounts(now: CommittedCounts, earlier: CommittedCounts): CommittedCounts {
  return {
    loaded: now.loaded + earlier.loaded,
    rejected: now.rejected + earlier.rejected,
    nulled: now.nulled + earlier.nulled,
    cut: now.cut + earlier.cut,
  }
}
