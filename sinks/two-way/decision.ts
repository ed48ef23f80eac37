import type { StreamRules } from './conflict-rules.ts'
import type { Conflict } from './conflict.ts'
import type { LinkStep } from './link-table.ts'
import type { Link, PendingWrite, SideName } from './link.ts'
import type { FindLink } from './references.ts'
import type { SideRead, VersionOrder } from './side-change.ts'

/** A field that both sides have, by its shared name. */
export interface SharedField {
  readonly name: string
  /** It leads to a record of a linked stream. */
  readonly isReference?: true
  /** A record cannot be created without it: it waits until its reference can be written. */
  readonly isRequired?: true
}

/**
 * The consequence of a deletion for the record of the other side:
 *
 * - `propagate`: it is deleted too;
 * - `soft`: it is marked as deleted; a marked record counts as deleted when it is read;
 * - `unlink`: it stays, and is a record of its own from now on;
 * - `ignore`: it stays, and is not written as long as the other one is gone.
 */
export type DeletePolicy = 'propagate' | 'soft' | 'unlink' | 'ignore'

export interface SideFacts extends VersionOrder {
  /** For so long a read may be older than what the side already has. 0: never. */
  readonly lagMs: number
  /** Records that only the other side has may be created here. */
  readonly mayCreate: boolean
}

export interface DecideContext {
  readonly fields: readonly SharedField[]
  readonly rules: StreamRules
  readonly deletes: DeletePolicy
  readonly a: SideFacts
  readonly b: SideFacts
  readonly skewToleranceMs: number
  /** The loop breaker: a link that was written so often within the window is quarantined. */
  readonly loopLimit: { readonly writes: number; readonly windowMs: number }
  /** Conflicts of this link that a person has decided: by field, the side that wins. */
  readonly decided: Readonly<Record<string, SideName>>
  readonly nowMs: number
  /** A new id for a write or a conflict. */
  newId(): string
  /** The link that a reference leads to. */
  findLink: FindLink
}

export interface SideReads {
  readonly a: SideRead
  readonly b: SideRead
}

export interface Decision {
  readonly step: LinkStep
  /** Store it, with the conflicts, before the writes are sent: they are in it as pending. */
  readonly link: Link
  readonly writes: readonly { readonly side: SideName; readonly write: PendingWrite }[]
  readonly conflicts: readonly Conflict[]
  /** Sides to read before anything can be decided. */
  readonly reads: readonly SideName[]
  /** Fields that wait for the record that they refer to. Look at the link again when it may be there. */
  readonly deferred: readonly string[]
  /** Why something that should be written is not. */
  readonly notes: readonly DecisionNote[]
}

export type DecisionNote =
  'creation_not_allowed' | 'refused_before' | 'waits_for_result' | 'hidden' | 'quarantined'

/** The decision of a step that changes nothing. */
export function nothingToDo(step: LinkStep, link: Link): Decision {
  return { step, link, writes: [], conflicts: [], reads: [], deferred: [], notes: [] }
}
