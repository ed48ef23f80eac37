import { newLink, otherSide, withSide, type SideName } from '../../sinks/two-way/link.ts'
import { matchGroup } from '../../sinks/two-way/match-records.ts'
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
  if (await hasUnknownCreation(side, work)) return []
  const reads = await context.sides[side].read(stream.name, ids)
  const records = ids.flatMap((id, index): NewRecord[] => {
    const record = reads[index]
    return record?.read.found === 'present'
      ? [{ id, record, value: matchValue(record, stream.matchField) }]
      : []
  })
  const attached = await attachCarried(records, side, work)
  const rest = records.filter(({ id }) => !attached.some(({ link }) => link[side].id === id))
  return [...attached, ...(await matchNew(rest, side, work))]
}

function matchValue({ read }: RecordRead, field: string | undefined): string | null {
  const value = read.found === 'present' && field !== undefined ? read.values[field] : null
  if (typeof value === 'string') return value
  return typeof value === 'number' ? String(value) : null
}

async function hasUnknownCreation(
  side: SideName,
  { stream, context }: StreamWork,
): Promise<boolean> {
  const page = { after: '', limit: 1_000 }
  const dirty = await context.store.findDirty(stream.name, page)
  return dirty.some(({ link }) => {
    const operation = link[side].write?.operation
    return operation === 'create' || operation === 'restore'
  })
}

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
  const byValue = Map.groupBy(records, ({ value }) => value)
  return [...byValue].flatMap(([value, own]) => {
    const ids = { [side]: own.map(({ id }) => id), [other]: candidates.get(value ?? '') ?? [] }
    const group = { a: ids.a ?? [], b: ids.b ?? [] }
    return matchGroup(value, group).flatMap((outcome): StoredLink[] => {
      switch (outcome.kind) {
        case 'linked':
          return [fresh(newLink(context.newId(), stream.name, outcome))]
        case 'only':
          return outcome.side === side
            ? outcome.ids.map((id) => fresh(newLinkOf(id, side, work)))
            : []
        case 'ambiguous':
          work.counts.ambiguous += outcome[side].length
          return outcome[side].map((id) =>
            fresh({ ...newLinkOf(id, side, work), status: 'ambiguous' }),
          )
      }
    })
  })
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

/** Records of the other side with the same values that are not linked with anything. */
async function findCandidates(
  records: readonly NewRecord[],
  other: SideName,
  { context, stream }: StreamWork,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const values = [
    ...new Set(records.flatMap(({ value }) => (value === null || value === '' ? [] : value))),
  ]
  if (stream.matchField === undefined || values.length === 0) return new Map()
  const found = await context.sides[other].findByField(stream.name, stream.matchField, values)
  const linked = await context.store.findByRecord(
    stream.name,
    other,
    found.map(({ id }) => id),
  )
  const taken = new Set(linked.map(({ link }) => link[other].id))
  const free = found.filter(({ id }) => !taken.has(id))
  return new Map(
    [...Map.groupBy(free, ({ value }) => value)].map(([value, group]) => [
      value,
      group.map(({ id }) => id),
    ]),
  )
}
