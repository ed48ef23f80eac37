import type { BatchMark, FetchedBatch, PartitionFetcher } from './partition-fetcher.ts'

export interface Range {
  readonly from: bigint
  /** The offset before which it ends. */
  readonly to: bigint
  /** How long to wait if a transaction that does not end hides what follows it. */
  readonly hiddenMs: number
  /** Called while it waits there, seldom; with the first offset that is hidden. */
  readonly onHidden?: (hidden: { readonly from: bigint; readonly waitedMs: number }) => void
  /** From its abort on, it does not wait there. */
  readonly stop?: AbortSignal | undefined
  /**
   * Takes batches in their order. Their messages may be at `to` and beyond. `last` is read when they are
   * taken.
   */
  readonly take: (batches: readonly FetchedBatch[], last: BatchMark | undefined) => Promise<void>
}

export interface RangeEnd {
  /** `lost`: the log does not hold the offset `next` (any more). */
  readonly outcome: 'read' | 'hidden' | 'lost'
  /** The first offset that was not read. */
  readonly next: bigint
}

/**
 * An empty response below the end is a batch that compaction has emptied; asked this often before the offset
 * is skipped.
 */
const emptyAnswers = 3

/** Transactions of a few seconds are not worth a report. */
const tellAfterMs = 10_000
const tellEveryMs = 2 * 60_000

/** Reads a part of a partition, as far as it is committed. */
export async function readRange(
  fetcher: PartitionFetcher,
  { from, to, hiddenMs, onHidden, stop, take }: Range,
): Promise<RangeEnd> {
  let next = from
  let movedAtMs = performance.now()
  let tellAtMs = tellAfterMs
  let empties = 0
  while (next < to) {
    const fetched = await fetcher.fetch(next)
    if (fetched === 'lost') return { outcome: 'lost', next }
    await take(fetched.batches, fetched.last)
    if (fetched.next > next) {
      next = fetched.next
      movedAtMs = performance.now()
      tellAtMs = tellAfterMs
      empties = 0
      continue
    }
    const { stable } = await fetcher.bounds()
    if (stable > next) {
      if (++empties >= emptyAnswers) next += 1n
      continue
    }
    const waitedMs = performance.now() - movedAtMs
    if (waitedMs > hiddenMs || stop?.aborted === true) return { outcome: 'hidden', next }
    if (waitedMs < tellAtMs) continue
    onHidden?.({ from: next, waitedMs })
    tellAtMs = waitedMs + tellEveryMs
  }
  return { outcome: 'read', next }
}
