import { canonicalJson } from '../../lib/text/canonical-json.ts'
import type { JsonValue } from '../../protocol/index.ts'
import type { RuleName } from './conflict-rules.ts'
import type { Link, SideName, Values } from './link.ts'

/** Both sides changed the same thing. Stored before the loser is overwritten. */
export interface Conflict {
  readonly id: string
  readonly link: string
  readonly stream: string
  /** A field, or `wholeRecord` for a deletion against an edit. */
  readonly field: string
  readonly rule: RuleName
  /** Null: a person must decide, and nothing is written until then. */
  readonly winner: SideName | null
  /** A person decided, and not the rule. */
  readonly isDecided: boolean
  /** The values of both sides; for a whole record all fields, or null for the side that deleted it. */
  readonly a: JsonValue
  readonly b: JsonValue
  /** The value that they last agreed on, as each side writes it. */
  readonly baseA: JsonValue
  readonly baseB: JsonValue
  readonly modifiedAtMs: { readonly a: number | null; readonly b: number | null }
  /** The write that lets the winner win; null if no write is needed. */
  readonly write: string | null
  readonly foundAtMs: number
}

/** A review is the same as long as both values are. */
export function reviewHash(a: JsonValue | Values, b: JsonValue | Values): string {
  return canonicalJson([a, b])
}

export function withReview(link: Link, field: string, hash: string): Link {
  return { ...link, reviews: { ...link.reviews, [field]: { hash } } }
}

/** Without the reviews of fields that are no conflict any more. */
export function withoutReviews(link: Link, stillOpen: ReadonlySet<string>): Link {
  const open = Object.entries(link.reviews).filter(([field]) => stillOpen.has(field))
  if (open.length === Object.keys(link.reviews).length) return link
  return { ...link, reviews: Object.fromEntries(open) }
}
