import { hasSameValues, type LinkedSide, type Values } from './link.ts'
import { aliveStates, showsReplaced } from './write-log.ts'

/** A read of one side's record. */
export type SideRead =
  | { readonly found: 'unread' }
  | {
      readonly found: 'present'
      readonly id: string
      readonly values: Values
      readonly version: string | null
      /** When the vendor says that it was modified, in ms; null if it does not say so. */
      readonly modifiedAtMs: number | null
    }
  | { readonly found: 'deleted'; readonly deletedAtMs: number | null }
  /** It exists, but has left the filter, or our user may no longer see it. */
  | { readonly found: 'hidden' }
  /** There was never a record on this side. */
  | { readonly found: 'never' }

export type PresentRead = Extract<SideRead, { readonly found: 'present' }>

/** The change of one side since both agreed. */
export const sideChanges = [
  'unread', // nothing is known of it in this round, or the read is older than our last write
  'never', // no record was ever here
  'new', // a record that has not been compared with the other side
  'same', // equal to the base
  'edited', // differs from the base
  'deleted', // it is gone, and was there before
  'gone', // it is gone, and the link knows so
  'back', // it was deleted, and is there again
  'hidden', // it exists, but cannot be seen: never a deletion
] as const
export type SideChange = (typeof sideChanges)[number]

export interface VersionOrder {
  /**
   * Whether versions of a record grow, so that a read with a lower one is older. Null: they only differ, or
   * there are none.
   */
  readonly compareVersions: ((left: string, right: string) => number) | null
}

export function sideChange(
  side: LinkedSide,
  read: SideRead,
  { nowMs, order }: { readonly nowMs: number; readonly order: VersionOrder },
): SideChange {
  switch (read.found) {
    case 'unread':
    case 'hidden':
      return read.found
    case 'never':
      return side.id === null ? 'never' : goneOr(side, nowMs)
    case 'deleted':
      return goneOr(side, nowMs)
    case 'present':
      return presentChange(side, read, { nowMs, order })
  }
}

/** A record that a replica does not have yet looks like one that was deleted. */
function goneOr(side: LinkedSide, nowMs: number): SideChange {
  if (side.presence === 'deleted') return 'gone'
  const mayBeLate = aliveStates(side, nowMs).some(({ values }) => values === null)
  return mayBeLate ? 'unread' : 'deleted'
}

function presentChange(
  side: LinkedSide,
  read: PresentRead,
  options: { readonly nowMs: number; readonly order: VersionOrder },
): SideChange {
  if (isOutdated(side, read, options)) return 'unread'
  if (side.presence === 'deleted') return 'back'
  if (side.base === null) return 'new'
  return hasSameValues(side.base, read.values) ? 'same' : 'edited'
}

/**
 * Whether a read is older than what the link knows: it would undo our last write. Where versions do not say
 * so, the write log does, for as long as its entries last. A person who really puts the old value back is
 * heard then: the sweep reads the record again.
 */
export function isOutdated(
  side: LinkedSide,
  read: PresentRead,
  { nowMs, order }: { readonly nowMs: number; readonly order: VersionOrder },
): boolean {
  const isBase =
    side.presence === 'present' && side.base !== null && hasSameValues(side.base, read.values)
  if (isBase) return false
  const age = compareAge(side, read, order)
  if (age !== 0) return age < 0
  // Any state that the record had before it was deleted may still be shown.
  return side.presence === 'deleted'
    ? aliveStates(side, nowMs).length > 0
    : showsReplaced(side, read.values, nowMs)
}

/** Below 0: the read is older. 0: nobody can say. */
function compareAge(
  side: LinkedSide,
  read: PresentRead,
  { compareVersions }: VersionOrder,
): number {
  if (compareVersions === null || side.version === null || read.version === null) return 0
  return compareVersions(read.version, side.version)
}
