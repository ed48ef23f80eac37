import { newLink, otherSide, withSide, type SideName } from '../../sinks/two-way/link.ts'
import { matchGroup } from '../../sinks/two-way/match-records.ts'
import { attachWaiting } from './attach-waiting.ts'
import type { StoredLink } from './link-store.ts'
import type { RecordRead } from './pair-side.ts'
import type { StreamWork } from './work-links.ts'

/**
 * The links of these records of one side. A record that has none is recognized by the link that it carries,
 * or by its match value; otherwise it gets a link of its own, and the planner decides whether it is created
 * on the other side. Links with a write whose result is unknown are left out.
 */
export async function linkRecords(
  ids: readonly string[],
  side: SideName,
  work: StreamWork,
): Promise<readonly StoredLink[]> {
  const { context, stream } = work
  const found = await context.store.findByRecord(stream.name, side, ids)
  const known = new Set(found.map(({ link }) => link[side].id))
  const fresh = await linkNew(
    ids.filter((id) => !known.has(id)),
    side,
    work,
  )
  return [...found, ...fresh].filter(({ link }) => link.a.write === null && link.b.write === null)
}

interface NewRecord {
  readonly id: string
  readonly record: RecordRead
  readonly value: string | null
}

async function linkNew(
  ids: readonly string[],
  side: SideName,
  work: StreamWork,
): Promise<readonly StoredLink[]> {
  const { context, stream } = work
  if (ids.length === 0) return []
  // It could be one that we created, if the result of that is still unknown.
  work.unknownCreations[side] ??= await hasUnknownCreation(side, work)
  if (work.unknownCreations[side]) return []
  const reads = await context.sides[side].read(stream.name, ids)
  const records = ids.flatMap((id, index): NewRecord[] => {
    const record = reads[index]
    return record?.read.found === 'present'
      ? [{ id, record, value: matchValue(record, stream.matchField) }]
      : []
  })
  const carried = await attachCarried(records, side, work)
  const waiting = await attachWaiting(unattached(records, carried, side), side, work)
  const attached = [...carried, ...waiting]
  const rest = unattached(records, attached, side)
  return [...attached, ...(await matchNew(rest, side, work))]
}

function unattached(
  records: readonly NewRecord[],
  attached: readonly StoredLink[],
  side: SideName,
): readonly NewRecord[] {
  const ids = new Set(attached.map(({ link }) => link[side].id))
  return records.filter(({ id }) => !ids.has(id))
}

function matchValue({ read }: RecordRead, field: string | undefined): string | null {
  const value = read.found === 'present' && field !== undefined ? read.values[field] : null
  if (typeof value === 'string') return value
  return typeof value === 'number' ? String(value) : null
}

/** After the results of earlier rounds were looked up. */
async function hasUnknownCreation(
  side: SideName,
  { stream, context }: StreamWork,
): Promise<boolean> {
  for (let after = ''; ;) {
    const page = { after, limit: pageSize }
    const dirty = await context.store.findDirty(stream.name, page)
    const isFound = dirty.some(({ link }) => {
      const operation = link[side].write?.operation
      return operation === 'create' || operation === 'restore'
    })
    const last = dirty.at(-1)
    if (isFound || last === undefined || dirty.length < pageSize) return isFound
    after = last.link.id
  }
}

const pageSize = 1_000

/** A record that we created carries its link, if the side has an external id. */
async function attachCarried(
  records: readonly NewRecord[],
  side: SideName,
  { context, stream }: StreamWork,
): Promise<readonly StoredLink[]> {
  const carried = new Map(
    records.flatMap(({ id, record }) => (record.link === undefined ? [] : [[record.link, id]])),
  )
  if (carried.size === 0) return []
  const links = await context.store.findLinks([...carried.keys()])
  return links
    .filter(({ link }) => link.stream === stream.name && link[side].id === null)
    .map((stored) => {
      const id = carried.get(stored.link.id) ?? null
      return { ...stored, link: withSide(stored.link, side, { id }) }
    })
}

async function matchNew(
  records: readonly NewRecord[],
  side: SideName,
  work: StreamWork,
): Promise<readonly StoredLink[]> {
  const { context, stream } = work
  const other = otherSide(side)
  const candidates = await findCandidates(records, other, work)
  const siblings = await findCandidates(records, side, work)
  const byValue = Map.groupBy(records, ({ value }) => value)
  return [...byValue].flatMap(([value, own]) => {
    const ids = own.map(({ id }) => id)
    // Records of this side in later pages, and those that were found ambiguous before.
    const all = [...new Set([...ids, ...(siblings.byValue.get(value ?? '') ?? [])])]
    const others = candidates.byValue.get(value ?? '') ?? []
    const group = side === 'a' ? { a: all, b: others } : { a: others, b: all }
    return matchGroup(value, group).flatMap((outcome): readonly StoredLink[] => {
      switch (outcome.kind) {
        case 'linked':
          return candidates.ambiguous.has(outcome[other])
            ? ambiguousLinks(ids, side, work)
            : [fresh(newLink(context.newId(), stream.name, outcome))]
        case 'only':
          return outcome.side === side ? ids.map((id) => fresh(newLinkOf(id, side, work))) : []
        case 'ambiguous':
          return ambiguousLinks(ids, side, work)
      }
    })
  })
}

/** A person decides which of them belong together. */
function ambiguousLinks(
  ids: readonly string[],
  side: SideName,
  work: StreamWork,
): readonly StoredLink[] {
  work.counts.ambiguous += ids.length
  return ids.map((id) => fresh({ ...newLinkOf(id, side, work), status: 'ambiguous' }))
}

function newLinkOf(
  id: string,
  side: SideName,
  { context, stream }: StreamWork,
): StoredLink['link'] {
  const ids = side === 'a' ? { a: id, b: null } : { a: null, b: id }
  return newLink(context.newId(), stream.name, ids)
}

function fresh(link: StoredLink['link']): StoredLink {
  return { link, seen: { a: null, b: null }, isDirty: false }
}

interface Candidates {
  /** Ids of records that are not linked. */
  readonly byValue: ReadonlyMap<string, readonly string[]>
  /** Those that wait for a person. */
  readonly ambiguous: ReadonlySet<string>
}

/** Records of a side with the same match values that are not linked. */
async function findCandidates(
  records: readonly NewRecord[],
  side: SideName,
  { context, stream }: StreamWork,
): Promise<Candidates> {
  const values = [
    ...new Set(records.flatMap(({ value }) => (value === null || value === '' ? [] : value))),
  ]
  if (stream.matchField === undefined || values.length === 0)
    return { byValue: new Map(), ambiguous: new Set() }
  const found = await context.sides[side].findByField(stream.name, stream.matchField, values)
  const known = await context.store.findByRecord(
    stream.name,
    side,
    found.map(({ id }) => id),
  )
  const taken = new Set<string>()
  const ambiguous = new Set<string>()
  for (const { link } of known)
    if (link[side].id !== null) (link.status === 'ambiguous' ? ambiguous : taken).add(link[side].id)
  const free = found.filter(({ id }) => !taken.has(id))
  const groups = Map.groupBy(free, ({ value }) => value)
  return {
    byValue: new Map([...groups].map(([value, group]) => [value, group.map(({ id }) => id)])),
    ambiguous,
  }
}
