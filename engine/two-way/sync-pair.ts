import { parentsFirst } from '../../sinks/two-way/references.ts'
import type { SideName } from '../../sinks/two-way/link.ts'
import type { StoredLink } from './link-store.ts'
import { linkRecords } from './link-records.ts'
import { noPairCounts, batchSize, type StreamCounts, type SyncContext } from './pair-types.ts'
import { settleWrites } from './settle-writes.ts'
import { sweepStream } from './sweep-stream.ts'
import { workLinks, type StreamWork } from './work-links.ts'

export interface PairReport {
  readonly streams: ReadonlyMap<string, StreamCounts>
  /** Stopped before its end. */
  readonly isStopped: boolean
}

export interface RoundOptions {
  /**
   * `sweep` compares all records of both sides; `changes` only looks at those that the sides report, and at
   * what was left.
   */
  readonly finds: 'sweep' | 'changes'
  /** The sides that are asked for their changes. Default: both. */
  readonly asks?: readonly SideName[]
}

/** Second passes: references of a circle, and records that a side had changed while they were written. */
const maxPasses = 3
const sideNames = ['a', 'b'] as const

/**
 * Rounds of a pair, one after the other. A sweep counts the linked records anew; the deletions of the rounds
 * after it are counted together with its own, so that many small rounds do not delete more than one may.
 */
export class PairRounds {
  readonly #context: SyncContext
  #works: readonly StreamWork[] | undefined

  constructor(context: SyncContext) {
    this.#context = context
  }

  /**
   * One round: parents first, so that references lead to records that are there; then what waits for a
   * reference, again.
   */
  async run({ finds, asks = sideNames }: RoundOptions): Promise<PairReport> {
    const context = this.#context
    const works = await this.#begin(finds)
    for (const work of works) {
      if (context.signal.aborted) break
      await settleDirty(work)
      if (finds === 'sweep') await sweepStream(work)
      else await workChanges(work, asks)
    }
    await workRest(works, context.signal)
    if (!context.signal.aborted) {
      await context.sides.a.roundEnded?.()
      await context.sides.b.roundEnded?.()
    }
    return {
      streams: new Map(works.map(({ stream, counts }) => [stream.name, counts])),
      isStopped: context.signal.aborted,
    }
  }

  async #begin(finds: RoundOptions['finds']): Promise<readonly StreamWork[]> {
    const known = finds === 'sweep' ? undefined : this.#works
    const works = known?.map(nextRound) ?? (await openStreams(this.#context))
    this.#works = works
    return works
  }
}

function nextRound(work: StreamWork): StreamWork {
  return { ...work, counts: noPairCounts(), unknownCreations: {} }
}

/** One round of a pair. */
export async function syncPair(context: SyncContext, options: RoundOptions): Promise<PairReport> {
  return await new PairRounds(context).run(options)
}

async function openStreams(context: SyncContext): Promise<readonly StreamWork[]> {
  const order = parentsFirst(
    context.streams.map(({ name, fields }) => ({
      stream: name,
      references: fields.flatMap(({ references }) => references ?? []),
    })),
  )
  const works: StreamWork[] = []
  for (const name of order) {
    const stream = context.streams.find((candidate) => candidate.name === name)
    if (stream === undefined) continue
    const linked = await context.store.countLinked(name)
    const counted = new Set<string>()
    works.push({
      ...{ stream, context, linked, counted, unknownCreations: {} },
      counts: noPairCounts(),
      deleted: { a: 0, b: 0 },
    })
  }
  return works
}

/** Calls `visit` with pages of the links that must be looked at. */
async function forDirty(
  { stream, context }: StreamWork,
  visit: (links: readonly StoredLink[]) => Promise<void>,
): Promise<void> {
  let after = ''
  while (!context.signal.aborted) {
    const links = await context.store.findDirty(stream.name, { after, limit: batchSize })
    const last = links.at(-1)
    if (last === undefined) return
    await visit(links)
    after = last.link.id
  }
}

function isPending({ link }: StoredLink): boolean {
  return link.a.write !== null || link.b.write !== null
}

async function settleDirty(work: StreamWork): Promise<void> {
  await forDirty(work, (links) => settleWrites(links.filter(isPending), work))
}

async function workRest(works: readonly StreamWork[], signal: AbortSignal): Promise<void> {
  for (let pass = 0; pass < maxPasses && !signal.aborted; pass++) {
    let hasWritten = false
    for (const work of works) if (await workDirty(work)) hasWritten = true
    if (!hasWritten) return
  }
}

async function workDirty(work: StreamWork): Promise<boolean> {
  let hasWritten = false
  await forDirty(work, async (links) => {
    const free = links.filter((stored) => !isPending(stored))
    if (await workLinks(free, work)) hasWritten = true
  })
  return hasWritten
}

async function workChanges(work: StreamWork, asks: readonly SideName[]): Promise<void> {
  const { stream, context } = work
  for (const side of asks) {
    const ids = (await context.sides[side].changedIds?.(stream.name)) ?? []
    for (let start = 0; start < ids.length && !context.signal.aborted; start += batchSize) {
      const links = await linkRecords(ids.slice(start, start + batchSize), side, work)
      await workLinks(links, work)
    }
  }
}
