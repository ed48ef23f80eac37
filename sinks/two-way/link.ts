import { canonicalJson } from '../../lib/text/canonical-json.ts'
import type { JsonValue } from '../../protocol/index.ts'

/**
 * A linked record: one record on two sides, `a` and `b`. Read this first.
 *
 * Both sides are compared with the base, which is what they last agreed on, and not with each other. Each
 * side has a base of its own, because a vendor may rewrite a value (a telephone number, a picklist): the two
 * texts then stand for the same value. A change of a side is a difference from its own base.
 *
 * Nothing here does I/O. The link is stored before a write is sent (with the write in it), and again when
 * its result is known: a crash between the two leaves a write whose result is unknown, and `settleWrite`
 * finds out what became of it.
 */
export interface Link {
  readonly id: string
  readonly stream: string
  /**
   * - `linked`: changes are carried.
   * - `unlinked`: two records of their own, never linked again by themselves.
   * - `ambiguous`: its counterpart could be several records; a person decides.
   * - `quarantined`: written too often; nothing is written until a person releases it.
   */
  readonly status: 'linked' | 'unlinked' | 'ambiguous' | 'quarantined'
  readonly a: LinkedSide
  readonly b: LinkedSide
  /** Conflicts that wait for a person, by field; `wholeRecord` for a deletion against an edit. */
  readonly reviews: Readonly<Record<string, OpenReview>>
  /** When it was written lately, in ms, for the loop breaker. Ascending. */
  readonly writeTimes: readonly number[]
  /** The link that its record was merged into at a vendor: references to this one lead there. */
  readonly mergedInto: string | null
}

export type SideName = 'a' | 'b'

/** The values of a record by the names that both sides share; normalized. A missing value is null. */
export type Values = Readonly<Record<string, JsonValue>>

export interface LinkedSide {
  /** Null: the record is not on this side. After a deletion it is the id that the record had. */
  readonly id: string | null
  readonly presence: 'present' | 'deleted'
  /** The values that both sides agree on, as this side writes them. Null: they never agreed. */
  readonly base: Values | null
  /** The version of the record when it was last written or found equal; null if the vendor has none. */
  readonly version: string | null
  /** The write that was sent and has no known result. One at a time. */
  readonly write: PendingWrite | null
  /** The write log: values that were replaced lately. A late read may still show them. */
  readonly replaced: readonly ReplacedState[]
  /** A write that the vendor refused. The same write is not sent again. */
  readonly refusal: Refusal | null
}

export type WriteOperation = 'create' | 'update' | 'delete' | 'mark_deleted' | 'restore'

export interface PendingWrite {
  /** Unique: a side that remembers it does not do the same write twice. */
  readonly id: string
  readonly operation: WriteOperation
  /** Only fields that change. A reference is the id of a link. */
  readonly values: Values
  /** The values of the other side that `values` stand for. */
  readonly source: Values
  /** The record as it was read: a side with conditional writes refuses if it is another by now. */
  readonly expected: { readonly version: string | null; readonly values: Values } | null
  readonly sentAtMs: number
}

export interface ReplacedState {
  /** Values that a newer one replaced, and that a late read may still show; null: there was no record. */
  readonly values: Values | null
  readonly untilMs: number
}

export interface Refusal {
  /** Hash of the refused write. */
  readonly hash: string
  readonly reason: string
}

export interface OpenReview {
  /** Hash of both values: a review is opened again only if one of them changes. */
  readonly hash: string
}

/** The key of `reviews` for a deletion against an edit. No field has an empty name. */
export const wholeRecord = ''

/** A link that was never written. */
export function newLink(
  id: string,
  stream: string,
  ids: { readonly a: string | null; readonly b: string | null },
): Link {
  const shared = { status: 'linked', reviews: {}, writeTimes: [], mergedInto: null } as const
  return { id, stream, ...shared, a: newSide(ids.a), b: newSide(ids.b) }
}

function newSide(id: string | null): LinkedSide {
  const none = { base: null, version: null, write: null, refusal: null } as const
  return { id, presence: 'present', ...none, replaced: [] }
}

export function otherSide(side: SideName): SideName {
  return side === 'a' ? 'b' : 'a'
}

export function withSide(link: Link, side: SideName, change: Partial<LinkedSide>): Link {
  return { ...link, [side]: { ...link[side], ...change } }
}

/** Equal values have the same hash, in whatever order their fields are; null is as good as missing. */
export function hashOfValues(values: Values): string {
  return canonicalJson(
    Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null)),
  )
}

export function valueOf(values: Values, field: string): JsonValue {
  return values[field] ?? null
}

export function sameValue(left: JsonValue, right: JsonValue): boolean {
  return left === right || canonicalJson(left) === canonicalJson(right)
}

export function hasSameValues(left: Values, right: Values): boolean {
  const fields = new Set([...Object.keys(left), ...Object.keys(right)])
  return [...fields].every((field) => sameValue(valueOf(left, field), valueOf(right, field)))
}
