import type { FetchedBatch, PartitionFetcher } from './partition-fetcher.ts'

export interface Range {
  readonly from: bigint
  /** The offset before which it ends. */
  readonly to: bigint
  /** How long to wait where a transaction that does not end hides what follows it. */
  readonly hiddenMs: number
  /** Takes batches in their order. Their messages may be at `to` and beyond. */
  readonly take: (batches: readonly FetchedBatch[]) => Promise<void>
}

export interface RangeEnd {
  /** `lost`: the log does not hold the offset `next` (any more). */
  readonly outcome: 'read' | 'hidden' | 'lost'
  /** The first offset that was not read. */
  readonly next: bigint
}

/** An empty response below the end is a batch that compaction has emptied; asked this often before the offset is skipped. */
const emptyAnswers = 3

/** Reads a part of a partition, as far as it is committed. */
export async function readRange(
  fetcher: PartitionFetcher,
  { from, to, hiddenMs, take }: Range,
): Promise<RangeEnd> {
  let next = from
  let movedAtMs = performance.now()
  let empties = 0
  while (next < to) {
    const fetched = await fetcher.fetch(next)
    if (fetched === 'lost') return { outcome: 'lost', next }
    await take(fetched.batches)
    if (fetched.next > next) {
      next = fetched.next
      movedAtMs = performance.now()
      empties = 0
      continue
    }
    const { stable } = await fetcher.bounds()
    if (stable > next && ++empties >= emptyAnswers) next += 1n
    else if (stable <= next && performance.now() - movedAtMs > hiddenMs)
      return { outcome: 'hidden', next }
  }
  return { outcome: 'read', next }
}
