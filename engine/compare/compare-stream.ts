import { setTimeout as sleep } from 'node:timers/promises'
import type { RowScope } from '../../protocol/comparison.ts'
import { both } from './both.ts'
import { differentBuckets, planBuckets } from './buckets.ts'
import { type ComparedPair, openPair, rangesBetween } from './compared-pair.ts'
import type { PlannedStream } from '../run-types.ts'
import { compareLimits, type CompareLimits, type CompareOptions } from './compare-options.ts'
import { DifferenceAccount, type FoundDifferences } from './difference-account.ts'
import { mergeRows, type RowDifference } from './merge-rows.ts'
import type { Snapshots } from './snapshots.ts'

export interface StreamContext {
  readonly options: CompareOptions
  readonly signal: AbortSignal
  /** New snapshots of both sides, for the second look. */
  openSnapshots(): Promise<Snapshots>
  /** Called after each range. Must not throw. */
  onProgress(progress: {
    readonly rows: number
    readonly done: number
    readonly ranges: number
  }): void
}

export interface ComparedStream extends FoundDifferences {
  readonly pair: Pick<ComparedPair, 'comparison' | 'table' | 'sourceRows'>
  readonly rows: { readonly source: number; readonly destination: number }
  /** Rows that differed at the first look only. */
  readonly passing: number
}

const mostRanges = 10_000
/** Rows of a bucket: a difference makes both sides list so many. */
const bucketRows = 256
const mostBits = 30
const splitBits = 8
/** Keys that wait for the second look. */
const mostWaiting = 50_000

/** Compares the rows of a stream: counts and sums by buckets, and the keys of buckets that differ. */
export async function compareStream(
  planned: PlannedStream,
  snapshots: Snapshots,
  context: StreamContext,
): Promise<ComparedStream> {
  await using pair = await openPair(planned, snapshots)
  return await new StreamComparer(planned, pair, context).run()
}

/** A group of buckets with the ids that differed at the first look. */
interface Waiting {
  readonly scope: RowScope
  readonly ids: ReadonlySet<string>
}

class StreamComparer {
  readonly #planned: PlannedStream
  readonly #pair: ComparedPair
  readonly #context: StreamContext
  readonly #account: DifferenceAccount
  readonly #limits: CompareLimits
  readonly #rows = { source: 0, destination: 0 }
  #waiting: Waiting[] = []
  #waitingIds = 0
  #passing = 0

  constructor(planned: PlannedStream, pair: ComparedPair, context: StreamContext) {
    this.#planned = planned
    this.#pair = pair
    this.#context = context
    this.#limits = context.options.limits ?? compareLimits
    this.#account = new DifferenceAccount(planned, pair.comparison, context.options)
  }

  async run(): Promise<ComparedStream> {
    const { sourceRows } = this.#pair
    const estimate = sourceRows.estimatedRows
    const wanted = Math.min(mostRanges, Math.ceil(estimate / this.#limits.rangeRows))
    const ranges = rangesBetween(wanted > 1 ? await sourceRows.rangeBounds(wanted) : [])
    const bits = bitsFor(estimate / ranges.length)
    for (const [index, range] of ranges.entries()) {
      this.#context.signal.throwIfAborted()
      await this.#compareScope({ range, bits: 0, buckets: undefined }, bits)
      const { source, destination } = this.#rows
      const rows = Math.max(source, destination)
      this.#context.onProgress({ rows, done: index + 1, ranges: ranges.length })
    }
    await this.#lookAgain()
    const { comparison, table } = this.#pair
    return {
      ...this.#account.found,
      pair: { comparison, table, sourceRows },
      rows: { ...this.#rows },
      passing: this.#passing,
    }
  }

  async #compareScope(scope: RowScope, bits: number): Promise<void> {
    const { source, destination } = this.#pair
    const [here, there] = await both(
      source.sumBuckets(scope, bits),
      destination.sumBuckets(scope, bits),
    )
    if (scope.buckets === undefined) {
      for (const { rows } of here) this.#rows.source += rows
      for (const { rows } of there) this.#rows.destination += rows
    }
    const { listRows } = this.#limits
    const limits = { listRows, splitBuckets: 2 ** splitBits, canSplit: bits < mostBits }
    const { lists, splits } = planBuckets(differentBuckets(here, there), limits)
    for (const buckets of lists) await this.#compareList({ ...scope, bits, buckets })
    for (const buckets of splits)
      await this.#compareScope({ ...scope, bits, buckets }, Math.min(mostBits, bits + splitBits))
  }

  async #compareList(scope: RowScope): Promise<void> {
    this.#context.signal.throwIfAborted()
    const differences = await listDifferences(this.#pair, scope)
    if (differences.length === 0) return
    if (this.#context.options.secondLookMs === null) {
      await this.#account.add(this.#pair, { scope, differences })
      return
    }
    const ids = new Set(differences.map(({ id }) => id))
    this.#waiting.push({ scope, ids })
    this.#waitingIds += ids.size
    if (this.#waitingIds >= mostWaiting) await this.#lookAgain()
  }

  /** Rows change while they are compared: only those count that still differ after a while. */
  async #lookAgain(): Promise<void> {
    const { options, signal } = this.#context
    const waiting = this.#waiting
    if (waiting.length === 0 || options.secondLookMs === null) return
    this.#waiting = []
    this.#waitingIds = 0
    await sleep(options.secondLookMs, undefined, { signal })
    await using snapshots = await this.#context.openSnapshots()
    await using pair = await openPair(this.#planned, snapshots)
    for (const { scope, ids } of waiting) {
      const now = await listDifferences(pair, scope)
      const differences = now.filter(({ id }) => ids.has(id))
      this.#passing += ids.size - differences.length
      await this.#account.add(pair, { scope, differences })
    }
  }
}

async function listDifferences(
  { source, destination }: ComparedPair,
  scope: RowScope,
): Promise<readonly RowDifference[]> {
  return mergeRows(...(await both(source.listRows(scope), destination.listRows(scope))))
}

function bitsFor(rows: number): number {
  const wanted = Math.ceil(Math.log2(Math.max(1, rows) / bucketRows))
  return Math.min(16, Math.max(8, wanted))
}
