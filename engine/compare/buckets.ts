import type { BucketSum } from '../../protocol/comparison.ts'

/** A bucket whose rows are not the same on both sides. */
export interface DifferentBucket {
  readonly bucket: number
  /** On the side that has more. */
  readonly rows: number
}

/** The buckets that differ in the number of their rows, or in the sum of their hashes; sorted. */
export function differentBuckets(
  source: readonly BucketSum[],
  destination: readonly BucketSum[],
): readonly DifferentBucket[] {
  const left = new Map(source.map((sum) => [sum.bucket, sum]))
  const right = new Map(destination.map((sum) => [sum.bucket, sum]))
  const buckets = [...new Set([...left.keys(), ...right.keys()])].sort((a, b) => a - b)
  return buckets.flatMap((bucket) => {
    const [here, there] = [left.get(bucket), right.get(bucket)]
    if (here?.rows === there?.rows && here?.sum === there?.sum) return []
    return { bucket, rows: Math.max(here?.rows ?? 0, there?.rows ?? 0) }
  })
}

export interface BucketPlan {
  /** Buckets whose rows are listed together. */
  readonly lists: readonly (readonly number[])[]
  /** Buckets that are split first, together. */
  readonly splits: readonly (readonly number[])[]
}

export interface BucketLimits {
  /** A list has at most this many rows of each side. */
  readonly listRows: number
  /** Buckets that are split together. */
  readonly splitBuckets: number
  /** False: buckets cannot become smaller. */
  readonly canSplit: boolean
}

/** Plans lists of few rows: large buckets are split before. */
export function planBuckets(
  buckets: readonly DifferentBucket[],
  { listRows, splitBuckets, canSplit }: BucketLimits,
): BucketPlan {
  const isLarge = ({ rows }: DifferentBucket): boolean => canSplit && rows > listRows
  const lists: number[][] = []
  let rowsOfLast = Number.POSITIVE_INFINITY
  for (const { bucket, rows } of buckets.filter((each) => !isLarge(each))) {
    if (rowsOfLast + rows > listRows) {
      lists.push([])
      rowsOfLast = 0
    }
    lists.at(-1)?.push(bucket)
    rowsOfLast += rows
  }
  const large = buckets.filter(isLarge).map(({ bucket }) => bucket)
  const splits = Array.from({ length: Math.ceil(large.length / splitBuckets) }, (_, index) =>
    large.slice(index * splitBuckets, (index + 1) * splitBuckets),
  )
  return { lists, splits }
}
