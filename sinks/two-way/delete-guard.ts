import type { Decision } from './decision.ts'
import type { SideName } from './link.ts'

export interface DeleteLimit {
  /** So many deletions are always carried. */
  readonly records: number
  /** Above that, at most this share of the linked records of a stream: 0.1 is a tenth. */
  readonly share: number
}

/** Deletions of a stream that a sweep or a batch of changes would carry, by the side that would lose them. */
export type PlannedDeletes = Readonly<Record<SideName, number>>

/** Deletions that decisions would carry. A soft deletion counts: a table of marked records is as empty. */
export function countDeletes(decisions: readonly Decision[]): PlannedDeletes {
  const count = { a: 0, b: 0 }
  for (const { writes } of decisions)
    for (const { side, write } of writes)
      if (write.operation === 'delete' || write.operation === 'mark_deleted') count[side] += 1
  return count
}

/**
 * The sides that would lose too many records: an emptied table or a wrong filter is more likely than that
 * many wishes. Their deletions wait for a person.
 */
export function heldSides(
  planned: PlannedDeletes,
  linked: number,
  limit: DeleteLimit,
): readonly SideName[] {
  const allowed = Math.max(limit.records, Math.floor(linked * limit.share))
  return (['a', 'b'] as const).filter((side) => planned[side] > allowed)
}

export function deletesOn({ writes }: Decision, sides: readonly SideName[]): boolean {
  return writes.some(
    ({ side, write: { operation } }) =>
      sides.includes(side) && (operation === 'delete' || operation === 'mark_deleted'),
  )
}
