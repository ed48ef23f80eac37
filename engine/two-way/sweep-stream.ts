import { compareCodePoints } from '../../lib/text/compare-code-points.ts'
import { heldSides } from '../../sinks/two-way/delete-guard.ts'
import type { SideName } from '../../sinks/two-way/link.ts'
import type { ScannedLink, StoredLink } from './link-store.ts'
import { linkRecords } from './link-records.ts'
import type { SweptRecord } from './pair-side.ts'
import { batchSize } from './pair-types.ts'
import { previewDeletes, workLinks, type StreamWork } from './work-links.ts'

/**
 * Compares the ids and hashes of all records of both sides with what the links have seen. Memory does not
 * grow with the records: both lists come in the order of the ids.
 */
export async function sweepStream(work: StreamWork): Promise<void> {
  const missing = { a: [] as string[], b: [] as string[] }
  for (const side of ['a', 'b'] as const) {
    if (work.context.signal.aborted) return
    await sweepSide(work, side, missing[side])
  }
  await workMissing(work, missing)
}

/**
 * Records that are linked at once: a match field may have no index, and then both sides are read for them.
 */
const linkSize = 5_000

async function sweepSide(work: StreamWork, side: SideName, missing: string[]): Promise<void> {
  const { context, stream } = work
  const scanned = new ScannedLinks(work, side)
  let changed: string[] = []
  const flush = async (): Promise<void> => {
    const ids = changed
    changed = []
    const links = await linkRecords(ids, side, work)
    for (let start = 0; start < links.length && !context.signal.aborted; start += batchSize)
      await workLinks(links.slice(start, start + batchSize), work)
  }
  for await (const records of context.sides[side].sweep(stream.name, context.signal)) {
    for (const record of records) {
      if (await scanned.isUnchanged(record, missing)) work.counts.linked += 1
      else changed.push(record.id)
      if (changed.length >= linkSize) await flush()
    }
    if (context.signal.aborted) return
  }
  await flush()
  await scanned.skipRest(missing)
}

/** The links of a side, read in the order of their records, beside the records themselves. */
class ScannedLinks {
  readonly #work: StreamWork
  readonly #side: SideName
  #page: readonly ScannedLink[] = []
  #index = 0
  #after = ''
  #isOver = false

  constructor(work: StreamWork, side: SideName) {
    this.#work = work
    this.#side = side
  }

  /** Whether nothing is left to do for a record. Links before it have lost theirs: `missing` gets them. */
  async isUnchanged({ id, hash }: SweptRecord, missing: string[]): Promise<boolean> {
    for (;;) {
      const next = await this.#peek()
      if (next === undefined) return false
      const order = compareCodePoints(next.record, id)
      if (order > 0) return false
      this.#index += 1
      if (order === 0) return next.seen === hash
      missing.push(next.link)
    }
  }

  async skipRest(missing: string[]): Promise<void> {
    for (let next = await this.#peek(); next !== undefined; next = await this.#peek()) {
      missing.push(next.link)
      this.#index += 1
    }
  }

  async #peek(): Promise<ScannedLink | undefined> {
    if (this.#index < this.#page.length) return this.#page[this.#index]
    if (this.#isOver) return undefined
    const { context, stream } = this.#work
    const page = { after: this.#after, limit: scanSize }
    this.#page = await context.store.scan(stream.name, this.#side, page)
    this.#index = 0
    this.#after = this.#page.at(-1)?.record ?? this.#after
    this.#isOver = this.#page.length < scanSize
    return this.#page[0]
  }
}

const scanSize = 5_000

/**
 * Links whose record is not in the sweep any more: deleted, or hidden. Deletions are counted before the first
 * of them is carried.
 */
async function workMissing(
  work: StreamWork,
  missing: Readonly<Record<SideName, readonly string[]>>,
): Promise<void> {
  const ids = [...new Set([...missing.a, ...missing.b])]
  const { options } = work.context
  const planned = { ...work.deleted }
  await forLinks(ids, work, async (links) => {
    const found = await previewDeletes(links, work)
    planned.a += found.a
    planned.b += found.b
  })
  const held = options.allowsDeletes ? [] : heldSides(planned, work.linked, options.deleteLimit)
  // The count of a side that is over its limit makes `workLinks` hold every deletion of it.
  for (const side of held) work.deleted[side] = planned[side]
  await forLinks(ids, work, async (links) => {
    await workLinks(links, work)
  })
}

async function forLinks(
  ids: readonly string[],
  { context }: StreamWork,
  visit: (links: readonly StoredLink[]) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < ids.length && !context.signal.aborted; start += batchSize) {
    const links = await context.store.findLinks(ids.slice(start, start + batchSize))
    await visit(links.filter(({ link }) => link.a.write === null && link.b.write === null))
  }
}
