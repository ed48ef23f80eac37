import type { Link, SideName } from '../../sinks/two-way/link.ts'
import { mergeRecords } from '../../sinks/two-way/merge-records.ts'
import type { StoredLink } from './link-store.ts'
import type { RecordRead } from './pair-side.ts'
import type { PairStream, SyncContext } from './pair-types.ts'

interface MergeContext {
  readonly stream: PairStream
  readonly context: SyncContext
}

interface ReadRecords {
  readonly links: readonly StoredLink[]
  readonly raw: Readonly<Record<SideName, readonly RecordRead[]>>
}

/**
 * A vendor merged records into others. A link whose record was lost goes on with the record that is left, or,
 * if that one is linked itself, leads to its link.
 */
export async function followMerges(
  { links, raw }: ReadRecords,
  work: MergeContext,
): Promise<ReadRecords> {
  let followed = { links, raw }
  for (const side of ['a', 'b'] as const) {
    const lost = followed.links.flatMap(({ link }, place) => {
      const into = followed.raw[side][place]?.mergedInto
      const isNew = link[side].presence === 'present' && link.mergedInto === null
      return into === undefined || !isNew ? [] : [{ place, into }]
    })
    if (lost.length > 0) followed = await followSide(followed, { side, lost, work })
  }
  return followed
}

async function followSide(
  { links, raw }: ReadRecords,
  {
    side,
    lost,
    work: { stream, context },
  }: {
    readonly side: SideName
    readonly lost: readonly { readonly place: number; readonly into: string }[]
    readonly work: MergeContext
  },
): Promise<ReadRecords> {
  const winners = [...new Set(lost.map(({ into }) => into))]
  const stored = await context.store.findByRecord(stream.name, side, winners)
  const linkOf = new Map(stored.map(({ link }) => [link[side].id, link.id]))
  const moved = [...links]
  const taken = new Map<string, number>()
  for (const { place, into } of lost) {
    const current = moved[place]
    if (current === undefined) continue
    const link: Link = mergeRecords(current.link, side, {
      id: into,
      link: linkOf.get(into) ?? null,
    })
    moved[place] = { ...current, link }
    if (link[side].id !== into || linkOf.has(into)) continue
    // Another record that was merged into the same one leads here.
    linkOf.set(into, link.id)
    taken.set(into, place)
  }
  const ids = [...taken.keys()]
  const reads = await context.sides[side].read(stream.name, ids)
  const own = [...raw[side]]
  for (const [index, id] of ids.entries()) {
    const read = reads[index]
    const place = taken.get(id)
    if (read !== undefined && place !== undefined) own[place] = read
  }
  return { links: moved, raw: { ...raw, [side]: own } }
}
