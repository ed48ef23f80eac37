import { applyWrite, settleWrite, type SettledWrite } from '../../sinks/two-way/apply-write.ts'
import type { Link, PendingWrite, SideName } from '../../sinks/two-way/link.ts'
import type { HistoryEntry, StoredLink } from './link-store.ts'
import type { RecoveredWrite } from './pair-side.ts'
import { ReferenceTable } from './translate-references.ts'
import { sideWriteOf, type StreamWork } from './work-links.ts'

/**
 * Finds out what became of writes whose result was lost, and stores it. Links whose write may still arrive
 * stay as they are.
 */
export async function settleWrites(links: readonly StoredLink[], work: StreamWork): Promise<void> {
  let current = links
  for (const side of ['a', 'b'] as const) {
    const pending = current.filter(({ link }) => link[side].write !== null)
    if (pending.length === 0) continue
    const settled = new Map(
      (await settleSide(pending, side, work)).map((stored) => [stored.link.id, stored]),
    )
    current = current.map((stored) => settled.get(stored.link.id) ?? stored)
  }
}

async function settleSide(
  links: readonly StoredLink[],
  side: SideName,
  work: StreamWork,
): Promise<readonly StoredLink[]> {
  const { context, stream } = work
  const references = new ReferenceTable(stream)
  await loadSent(links, side, { work, references })
  const writes = links.flatMap(({ link }) => {
    const { write } = link[side]
    return write === null ? [] : [sideWriteOf(write, { link, side, references })]
  })
  const recovered = await context.sides[side].recover(stream.name, writes)
  const values = recovered.flatMap((found) => valuesOf(found))
  await references.load(side, values, context.store)
  const outcomes = links.map((stored, index) => {
    const found = recovered[index] ?? { known: 'record', read: { found: 'unread' } }
    return { stored, ...settleLink(stored.link, side, found, { work, references }) }
  })
  work.counts.unknown += outcomes.filter(({ isSettled }) => !isSettled).length
  const settled = outcomes
    .filter(({ isSettled }) => isSettled)
    .map(({ stored, link, isApplied, isUnclear }) => {
      return {
        stored: { link, seen: { a: null, b: null }, isDirty: true },
        before: stored.link,
        isApplied,
        isUnclear,
      }
    })
  await context.store.save({
    links: settled.map(({ stored }) => stored),
    conflicts: [],
    withdrawn: settled.flatMap(({ before, isApplied, isUnclear }) =>
      isApplied || isUnclear ? [] : (before[side].write?.id ?? []),
    ),
    history: settled.flatMap(({ before, isApplied }) =>
      isApplied ? historyOf(before, side, work) : [],
    ),
  })
  return settled.map(({ stored }) => stored)
}

/** Values that were sent refer to links, whose ids on this side the write needs. */
async function loadSent(
  links: readonly StoredLink[],
  side: SideName,
  { work, references }: { readonly work: StreamWork; readonly references: ReferenceTable },
): Promise<void> {
  const ids = links.flatMap(({ link }) => referencesIn(link[side].write))
  await references.loadLinks(ids, work.context.store)
}

function referencesIn(write: PendingWrite | null): readonly string[] {
  const values = [
    ...Object.values(write?.values ?? {}),
    ...Object.values(write?.expected?.values ?? {}),
  ]
  return values.flatMap((value) =>
    typeof value === 'object' && value !== null && 'link' in value && typeof value.link === 'string'
      ? [value.link]
      : [],
  )
}

function valuesOf(found: RecoveredWrite): Parameters<ReferenceTable['load']>[1] {
  if (found.known === 'result')
    return found.result.outcome === 'applied' ? [found.result.values] : []
  return found.known === 'record' && found.read.found === 'present' ? [found.read.values] : []
}

function settleLink(
  link: Link,
  side: SideName,
  found: RecoveredWrite,
  { work, references }: { readonly work: StreamWork; readonly references: ReferenceTable },
): SettledWrite {
  const { context } = work
  const lagMs = { a: context.sides.a.facts.lagMs, b: context.sides.b.facts.lagMs }
  const times = { nowMs: context.now(), lagMs }
  switch (found.known) {
    case 'not_written':
      return { ...applyWrite(link, side, { outcome: 'changed' }, times), ...certain }
    case 'result': {
      const { result } = found
      const shared =
        result.outcome === 'applied'
          ? { ...result, values: references.toShared(side, result.values) }
          : result
      return { ...applyWrite(link, side, shared, times), ...certain }
    }
    case 'record': {
      const { settleMs } = context.sides[side].facts
      return settleWrite(link, side, references.readToShared(side, found.read), {
        ...times,
        settleMs,
      })
    }
  }
}

const certain = { isSettled: true, isUnclear: false } as const

function historyOf(
  link: Link,
  side: SideName,
  { stream, context }: StreamWork,
): readonly HistoryEntry[] {
  const { write } = link[side]
  if (write === null) return []
  return [
    {
      ...{ write: write.id, link: link.id, stream: stream.name, side },
      ...{ operation: write.operation, values: write.values },
      before: write.expected?.values ?? null,
      writtenAtMs: context.now(),
    },
  ]
}
