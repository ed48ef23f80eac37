import { applyWrite } from '../../sinks/two-way/apply-write.ts'
import { decideLink } from '../../sinks/two-way/decide-link.ts'
import type { DecideContext, Decision, SideReads } from '../../sinks/two-way/decision.ts'
import { countDeletes, deletesOn, heldSides } from '../../sinks/two-way/delete-guard.ts'
import { hasSameValues, type PendingWrite, type SideName } from '../../sinks/two-way/link.ts'
import { followMerges } from './follow-merges.ts'
import type { StoredLink } from './link-store.ts'
import type { PairSide, RecordRead, SideWrite, SideWriteResult } from './pair-side.ts'
import type { PairStream, StreamCounts, SyncContext } from './pair-types.ts'
import { ReferenceTable } from './translate-references.ts'

/** A stream in a round. */
export interface StreamWork {
  readonly stream: PairStream
  readonly context: SyncContext
  readonly counts: StreamCounts
  /** The base of the mass-delete guard, and what was deleted in this round already. */
  readonly linked: number
  readonly deleted: Record<SideName, number>
  /** Whether a creation of a side has no known result; undefined: not looked up in this round. */
  readonly unknownCreations: Partial<Record<SideName, boolean>>
  /** Links that are counted already: later passes look at them again. */
  readonly counted: Set<string>
}

const sideNames = ['a', 'b'] as const

interface ReadLink {
  readonly stored: StoredLink
  readonly raw: Readonly<Record<SideName, RecordRead>>
  readonly reads: SideReads
}

interface DecidedLink extends ReadLink {
  readonly decision: Decision
}

/**
 * Compares linked records with their bases and writes what has changed. Before a write is sent, the link is
 * stored with it, and so are its conflicts: a crash anywhere leaves a write whose result is looked up.
 * @returns whether something was written or must be decided again
 */
export async function workLinks(links: readonly StoredLink[], work: StreamWork): Promise<boolean> {
  if (links.length === 0) return false
  const references = new ReferenceTable(work.stream)
  const read = await readLinks(links, work, references)
  const decided = await decideLinks(read, work, references)
  const allowed = holdDeletes(decided, work)
  await work.context.store.save({
    links: allowed.map((link) => storedOf(link)),
    conflicts: allowed.flatMap(({ decision }) => decision.conflicts),
    withdrawn: [],
    history: [],
  })
  countDecisions(allowed, work)
  await sendWrites(allowed, work, references)
  return allowed.some(({ decision }) => decision.writes.length > 0)
}

/** The deletions that working on these links would plan. */
export async function previewDeletes(
  links: readonly StoredLink[],
  work: StreamWork,
): Promise<Readonly<Record<SideName, number>>> {
  const references = new ReferenceTable(work.stream)
  const read = await readLinks(links, work, references)
  const decided = await decideLinks(read, work, references)
  return countDeletes(decided.map(({ decision }) => decision))
}

const never: RecordRead = { read: { found: 'never' }, hash: null }

async function readLinks(
  found: readonly StoredLink[],
  { stream, context }: StreamWork,
  references: ReferenceTable,
): Promise<readonly ReadLink[]> {
  const reads = { a: [] as RecordRead[], b: [] as RecordRead[] }
  await Promise.all(
    sideNames.map(async (side) => {
      const ids = found.flatMap(({ link }) => link[side].id ?? [])
      const records = await context.sides[side].read(stream.name, ids)
      const byId = new Map(ids.map((id, index) => [id, records[index] ?? never]))
      reads[side] = found.map(({ link }) => byId.get(link[side].id ?? '') ?? never)
    }),
  )
  const { links, raw } = await followMerges({ links: found, raw: reads }, { stream, context })
  for (const side of sideNames) await references.load(side, valuesIn(raw[side]), context.store)
  return links.map((stored, index) => {
    const own = { a: raw.a[index] ?? never, b: raw.b[index] ?? never }
    const shared = {
      a: references.readToShared('a', own.a.read),
      b: references.readToShared('b', own.b.read),
    }
    return { stored, raw: own, reads: shared }
  })
}

function valuesIn(reads: readonly RecordRead[]): Parameters<ReferenceTable['load']>[1] {
  return reads.flatMap(({ read }) => (read.found === 'present' ? [read.values] : []))
}

async function decideLinks(
  links: readonly ReadLink[],
  { stream, context }: StreamWork,
  references: ReferenceTable,
): Promise<readonly DecidedLink[]> {
  const waiting = links.filter(({ stored }) => Object.keys(stored.link.reviews).length > 0)
  const decidedBy =
    waiting.length === 0
      ? new Map<string, DecideContext['decided']>()
      : await context.store.findDecided(waiting.map(({ stored }) => stored.link.id))
  const shared = {
    fields: stream.fields.map(({ name, references: target, isRequired }) => ({
      name,
      ...(target !== undefined && ({ isReference: true } as const)),
      ...(isRequired === true && { isRequired }),
    })),
    ...{ rules: stream.rules, deletes: stream.deletes },
    a: factsOf(context.sides.a, stream.mayCreate.a),
    b: factsOf(context.sides.b, stream.mayCreate.b),
    skewToleranceMs: context.options.skewToleranceMs,
    loopLimit: context.options.loopLimit,
    newId: () => context.newId(),
    findLink: references.findLink,
  }
  return links.map((link) => {
    const decided = decidedBy.get(link.stored.link.id) ?? {}
    const decision = decideLink(link.stored.link, link.reads, {
      ...shared,
      decided,
      nowMs: context.now(),
    })
    return { ...link, decision }
  })
}

function factsOf({ facts }: PairSide, mayCreate: boolean): DecideContext['a'] {
  return { compareVersions: facts.compareVersions ?? null, lagMs: facts.lagMs, mayCreate }
}

/** Links whose deletion is held are left out: they stay as they are. */
function holdDeletes(links: readonly DecidedLink[], work: StreamWork): readonly DecidedLink[] {
  const planned = countDeletes(links.map(({ decision }) => decision))
  const total = { a: work.deleted.a + planned.a, b: work.deleted.b + planned.b }
  const { allowsDeletes, deleteLimit } = work.context.options
  const held = allowsDeletes ? [] : heldSides(total, work.linked, deleteLimit)
  const allowed = links.filter(({ decision }) => !deletesOn(decision, held))
  work.counts.heldDeletes += links.length - allowed.length
  for (const side of sideNames) if (!held.includes(side)) work.deleted[side] = total[side]
  return allowed
}

/** A record that needs nothing more is skipped by the next sweep, unless its hash changes. */
function storedOf({ raw, decision, reads }: DecidedLink): StoredLink {
  const { link, writes, deferred, notes } = decision
  const isSettled =
    writes.length === 0 &&
    deferred.length === 0 &&
    decision.reads.length === 0 &&
    !notes.some((note) => note === 'creation_not_allowed' || note === 'waits_for_result')
  const seenOf = (side: SideName): string | null =>
    isSettled && (notes.length === 0 || isAgreed(link[side], reads[side])) ? raw[side].hash : null
  return {
    link,
    seen: { a: seenOf('a'), b: seenOf('b') },
    isDirty: writes.length > 0 || deferred.length > 0 || decision.reads.length > 0,
  }
}

function isAgreed(side: StoredLink['link'][SideName], read: SideReads[SideName]): boolean {
  return read.found === 'present' && side.base !== null && hasSameValues(side.base, read.values)
}

function countDecisions(links: readonly DecidedLink[], work: StreamWork): void {
  const { counts } = work
  counts.compared += links.length
  for (const { decision } of links) {
    for (const { winner } of decision.conflicts)
      if (winner === null) counts.reviews += 1
      else counts.conflicts += 1
    for (const note of decision.notes) {
      if (note === 'creation_not_allowed') countOnce('unmatched', decision.link.id, work)
      if (note === 'refused_before') countOnce('refused', decision.link.id, work)
      if (note === 'quarantined') countOnce('quarantined', decision.link.id, work)
    }
  }
}

function countOnce(
  name: 'unmatched' | 'refused' | 'quarantined',
  link: string,
  { counts, counted }: Pick<StreamWork, 'counts' | 'counted'>,
): void {
  const key = `${name} ${link}`
  if (counted.has(key)) return
  counted.add(key)
  counts[name] += 1
}

interface SentWrite extends DecidedLink {
  readonly write: PendingWrite
}

async function sendWrites(
  links: readonly DecidedLink[],
  work: StreamWork,
  references: ReferenceTable,
): Promise<void> {
  const results = { a: new Map<string, SideWriteResult>(), b: new Map<string, SideWriteResult>() }
  for (const side of sideNames) {
    const sent = links.flatMap((link): SentWrite[] =>
      link.decision.writes
        .filter((planned) => planned.side === side)
        .map(({ write }) => ({ ...link, write })),
    )
    if (sent.length === 0) continue
    const writes = sent.map(({ write, decision }) =>
      sideWriteOf(write, { link: decision.link, side, references }),
    )
    await work.context.assertAlone?.()
    const answers = await writeAll(work, side, writes)
    const values = answers.flatMap((result) =>
      result.outcome === 'applied' ? [result.values] : [],
    )
    await references.load(side, values, work.context.store)
    for (const [index, { write }] of sent.entries())
      results[side].set(write.id, answers[index] ?? { outcome: 'unknown' })
  }
  await applyResults(links, results, { work, references })
}

/** As the side understands it: ids instead of links. */
export function sideWriteOf(
  write: PendingWrite,
  {
    link,
    side,
    references,
  }: {
    readonly link: StoredLink['link']
    readonly side: SideName
    readonly references: ReferenceTable
  },
): SideWrite {
  const { id, operation, values, expected } = write
  return {
    ...{ id, operation, link: link.id, record: link[side].id },
    values: references.toSide(side, values),
    expected: expected && { ...expected, values: references.toExpected(side, expected.values) },
  }
}

/** A side that is away leaves the results unknown; the round goes on with the other one. */
async function writeAll(
  { stream, context }: StreamWork,
  side: SideName,
  writes: readonly SideWrite[],
): Promise<readonly SideWriteResult[]> {
  try {
    return await context.sides[side].write(stream.name, writes)
  } catch (error) {
    context.logger.warn({ error, side, stream: stream.name }, 'results of writes are unknown')
    return writes.map(() => ({ outcome: 'unknown' }))
  }
}

async function applyResults(
  links: readonly DecidedLink[],
  results: Readonly<Record<SideName, ReadonlyMap<string, SideWriteResult>>>,
  { work, references }: { readonly work: StreamWork; readonly references: ReferenceTable },
): Promise<void> {
  const { context, stream, counts } = work
  const written = links.filter(({ decision }) => decision.writes.length > 0)
  if (written.length === 0) return
  const withdrawn: string[] = []
  const history: Parameters<SyncContext['store']['save']>[0]['history'][number][] = []
  const applyContext = {
    nowMs: context.now(),
    lagMs: { a: context.sides.a.facts.lagMs, b: context.sides.b.facts.lagMs },
  }
  const stored = written.map((decidedLink): StoredLink => {
    const { decision, raw, reads } = decidedLink
    let { link } = decision
    let isDirty = decision.deferred.length > 0
    for (const { side, write } of decision.writes) {
      const result = results[side].get(write.id) ?? { outcome: 'unknown' }
      countResult(result, write, counts)
      if (result.outcome === 'refused') countOnce('refused', link.id, work)
      if (result.outcome === 'unknown') {
        if (write.operation === 'create' || write.operation === 'restore')
          work.unknownCreations[side] = true
        isDirty = true
        continue
      }
      const shared =
        result.outcome === 'applied'
          ? { ...result, values: references.toShared(side, result.values) }
          : result
      const next = applyWrite(link, side, shared, applyContext)
      link = next.link
      if (result.outcome === 'changed') isDirty = true
      if (!next.isApplied) withdrawn.push(write.id)
      else
        history.push({
          ...{ write: write.id, link: link.id, stream: stream.name, side },
          ...{ operation: write.operation, values: write.values },
          before: write.expected?.values ?? null,
          writtenAtMs: applyContext.nowMs,
        })
    }
    const isWritten = (side: SideName): boolean =>
      decision.writes.some((planned) => planned.side === side)
    const seenOf = (side: SideName): string | null =>
      !isDirty && !isWritten(side) && isAgreed(link[side], reads[side]) ? raw[side].hash : null
    return { link, seen: { a: seenOf('a'), b: seenOf('b') }, isDirty }
  })
  await context.store.save({ links: stored, conflicts: [], withdrawn, history })
}

function countResult(
  { outcome }: SideWriteResult,
  { operation }: PendingWrite,
  counts: StreamCounts,
): void {
  if (outcome === 'changed') counts.changed += 1
  if (outcome === 'unknown') counts.unknown += 1
  if (outcome !== 'applied') return
  if (operation === 'create' || operation === 'restore') counts.created += 1
  else if (operation === 'update') counts.updated += 1
  else counts.deleted += 1
}
