import {
  otherSide,
  sameValue,
  valueOf,
  withSide,
  type Link,
  type LinkedSide,
  type PendingWrite,
  type SideName,
  type Values,
} from './link.ts'
import { hashOfWrite, pick } from './plan-write.ts'
import type { SideRead } from './side-change.ts'
import { goneSide, logReplaced, replacedValues } from './write-log.ts'

export type WriteResult =
  /** The values that the vendor now has, of the response or read back: a vendor may rewrite them. */
  | {
      readonly outcome: 'applied'
      readonly id: string
      readonly values: Values
      readonly version: string | null
    }
  /** The record is not what it was when the write was decided; nothing was written. */
  | { readonly outcome: 'changed' }
  /** The vendor says no, and would again. */
  | { readonly outcome: 'refused'; readonly reason: string }

export interface ApplyContext {
  readonly nowMs: number
  readonly lagMs: Readonly<Record<SideName, number>>
}

export interface AppliedWrite {
  readonly link: Link
  /** Conflicts that were stored with the write hold; otherwise they are taken back: no one lost anything. */
  readonly isApplied: boolean
}

/** The link once the result of its write is known. The vendor's values become the base. */
export function applyWrite(
  link: Link,
  side: SideName,
  result: WriteResult,
  context: ApplyContext,
): AppliedWrite {
  const { write } = link[side]
  if (write === null) return { link, isApplied: false }
  const cleared = withSide(link, side, { write: null })
  switch (result.outcome) {
    case 'changed': {
      // Nothing was written, so it is no write that the loop breaker counts.
      const writeTimes = withoutOne(link.writeTimes, write.sentAtMs)
      return { link: { ...cleared, writeTimes }, isApplied: false }
    }
    case 'refused': {
      const refusal = { hash: hashOfWrite(write), reason: result.reason }
      return { link: withSide(cleared, side, { refusal }), isApplied: false }
    }
    case 'applied':
      return { link: applied(cleared, side, { write, result, context }), isApplied: true }
  }
}

function withoutOne(times: readonly number[], timeMs: number): readonly number[] {
  const place = times.lastIndexOf(timeMs)
  return place === -1 ? times : times.toSpliced(place, 1)
}

interface Applied {
  readonly write: PendingWrite
  readonly result: Extract<WriteResult, { readonly outcome: 'applied' }>
  readonly context: ApplyContext
}

function applied(link: Link, side: SideName, change: Applied): Link {
  const { write, result, context } = change
  const times = { nowMs: context.nowMs, lagMs: context.lagMs[side] }
  const known = { version: result.version ?? link[side].version, refusal: null }
  switch (write.operation) {
    case 'delete':
    case 'mark_deleted': {
      const replaced = logReplaced(link[side], [write.expected?.values ?? {}], times)
      const gone = withSide(link, side, { ...known, presence: 'deleted', replaced })
      const other = otherSide(side)
      const source = { nowMs: context.nowMs, lagMs: context.lagMs[other] }
      return { ...withSide(gone, other, goneSide(link[other], source)), reviews: {} }
    }
    case 'create':
    case 'restore': {
      const replaced = logReplaced(link[side], [null], times)
      const made = { ...known, id: result.id, presence: 'present', replaced } as const
      return agree(withSide(link, side, made), side, { ...change, isWhole: true })
    }
    case 'update': {
      const names = Object.keys(write.values)
      const old = [link[side].base ?? {}, write.expected?.values ?? {}]
      const replaced = logReplaced(
        link[side],
        old.map((values) => pick(values, names)),
        times,
      )
      const updated = withSide(link, side, { ...known, replaced })
      return agree(updated, side, { ...change, isWhole: false })
    }
  }
}

/**
 * Both sides agree on the fields that were sent. A field that was not sent is left as it is: another value
 * that the response shows there is an edit of somebody else, or of an automation, and is carried next.
 */
function agree(
  link: Link,
  side: SideName,
  { write, result, context, isWhole }: Applied & { readonly isWhole: boolean },
): Link {
  const other = otherSide(side)
  const names = Object.keys(write.values)
  const mine: Record<string, Values[string]> = isWhole ? {} : { ...link[side].base }
  const theirs: Record<string, Values[string]> = isWhole ? {} : { ...link[other].base }
  for (const name of names) {
    mine[name] = valueOf(result.values, name)
    theirs[name] = valueOf(write.source, name)
  }
  const times = { nowMs: context.nowMs, lagMs: context.lagMs[other] }
  const before = link[other].presence === 'deleted' ? null : link[other].base
  const replaced = logReplaced(link[other], [replacedValues(before, theirs)], times)
  return withSide(withSide(link, side, { base: mine }), other, {
    ...{ base: theirs, replaced, presence: 'present' },
  })
}

export interface SettleContext extends ApplyContext {
  /** A request that has not arrived after this time will not arrive any more. */
  readonly settleMs: number
}

export interface SettledWrite extends AppliedWrite {
  /** False: the write may still arrive. Ask again later. */
  readonly isSettled: boolean
  /** It may have arrived, and somebody has changed the record since: its conflicts stay recorded. */
  readonly isUnclear: boolean
}

/**
 * The result of a write was lost: a crash, or a response that never came. Finds out from the record what
 * became of it. Single use: the write is forgotten then.
 *
 * @param read the record now; of a `create`, the one that has the external id of the link
 */
export function settleWrite(
  link: Link,
  side: SideName,
  read: SideRead,
  context: SettleContext,
): SettledWrite {
  const { write } = link[side]
  if (write === null) return { link, isApplied: false, isSettled: true, isUnclear: false }
  const landed = landedValues(write, link[side], read)
  if (landed !== undefined) {
    const narrowed = withSide(link, side, {
      write: { ...write, ...onlyFields(write, landed.values) },
    })
    const result = { outcome: 'applied', ...landed } as const
    return { ...applyWrite(narrowed, side, result, context), isSettled: true, isUnclear: false }
  }
  const isOver = read.found !== 'unread' && read.found !== 'hidden'
  if (!isOver || context.nowMs - write.sentAtMs < context.settleMs)
    return { link, isApplied: false, isSettled: false, isUnclear: true }
  const isUnclear = !isAsExpected(write, read)
  return {
    link: withSide(link, side, { write: null }),
    isApplied: false,
    isSettled: true,
    isUnclear,
  }
}

/** The record is as it was before the write, as far as the write would have changed it. */
function isAsExpected({ values, expected }: PendingWrite, read: SideRead): boolean {
  return (
    read.found === 'present' &&
    expected !== null &&
    Object.keys(values).every((name) =>
      sameValue(valueOf(read.values, name), valueOf(expected.values, name)),
    )
  )
}

/** Undefined: nothing shows that the write arrived. Values that somebody has changed since are left out. */
function landedValues(
  write: PendingWrite,
  side: LinkedSide,
  read: SideRead,
): { readonly id: string; readonly values: Values; readonly version: string | null } | undefined {
  if (write.operation === 'delete' || write.operation === 'mark_deleted')
    return read.found === 'deleted' ? { id: side.id ?? '', values: {}, version: null } : undefined
  if (read.found !== 'present') return undefined
  const { id, version, values } = read
  if (write.operation === 'restore' && !showsRestored(write, side, values)) return undefined
  // The record that we created is there: its later edits are edits, compared with what was sent.
  if (write.operation !== 'update') return { id, version, values: write.values }
  const names = Object.keys(write.values).filter((name) =>
    sameValue(valueOf(values, name), valueOf(write.values, name)),
  )
  if (names.length === 0) return undefined
  return {
    id,
    version,
    values: Object.fromEntries(names.map((name) => [name, valueOf(values, name)])),
  }
}

/**
 * Whether a record is back because of our write: somebody may have brought it back as it was. It shows a
 * value that only the write has, or the write has none.
 */
function showsRestored(write: PendingWrite, { base }: LinkedSide, values: Values): boolean {
  const own = Object.keys(write.values).filter(
    (name) => !sameValue(valueOf(write.values, name), valueOf(base ?? {}, name)),
  )
  return (
    own.length === 0 ||
    own.some((name) => sameValue(valueOf(values, name), valueOf(write.values, name)))
  )
}

function onlyFields(
  { operation, values, source }: PendingWrite,
  landed: Values,
): Pick<PendingWrite, 'values' | 'source'> {
  if (operation !== 'update') return { values, source }
  const names = Object.keys(landed)
  return {
    values: Object.fromEntries(names.map((name) => [name, valueOf(values, name)])),
    source: Object.fromEntries(names.map((name) => [name, valueOf(source, name)])),
  }
}
