import type { Logger } from 'pino'
import type { StreamRules } from '../../sinks/two-way/conflict-rules.ts'
import type { DecideContext, DeletePolicy } from '../../sinks/two-way/decision.ts'
import type { DeleteLimit } from '../../sinks/two-way/delete-guard.ts'
import type { SideName } from '../../sinks/two-way/link.ts'
import type { LinkStore } from './link-store.ts'
import type { Sides } from './pair-side.ts'

/** A stream that both sides have. */
export interface PairStream {
  readonly name: string
  readonly fields: readonly PairField[]
  readonly rules: StreamRules
  readonly deletes: DeletePolicy
  /** A field by which records that are not linked yet are recognized. Undefined: none is. */
  readonly matchField?: string
  /** Sides on which records are created that only the other one has. */
  readonly mayCreate: Readonly<Record<SideName, boolean>>
}

export interface PairField {
  readonly name: string
  /** The stream whose ids it holds. */
  readonly references?: string
  readonly isRequired?: true
}

export interface PairOptions extends Pick<DecideContext, 'skewToleranceMs' | 'loopLimit'> {
  readonly deleteLimit: DeleteLimit
  /** Deletions above the limit that a person has allowed: for this round only. */
  readonly allowsDeletes: boolean
}

export interface SyncContext {
  readonly sides: Sides
  readonly store: LinkStore
  readonly streams: readonly PairStream[]
  readonly options: PairOptions
  readonly logger: Logger
  readonly signal: AbortSignal
  now(): number
  newId(): string
  /** Called before writes are sent; throws if another run may be at work. Absent: there is no other. */
  assertAlone?(): Promise<void>
}

/** Numbers of one stream in a round. */
export interface StreamCounts {
  compared: number
  linked: number
  created: number
  updated: number
  deleted: number
  conflicts: number
  reviews: number
  ambiguous: number
  /** Only on one side, and not allowed to be created on the other. */
  unmatched: number
  refused: number
  quarantined: number
  heldDeletes: number
  /** The side had changed it in the meantime: it is decided again. */
  changed: number
  /** Writes whose result is not known yet. */
  unknown: number
}

export function noPairCounts(): StreamCounts {
  return {
    ...{ compared: 0, linked: 0, created: 0, updated: 0, deleted: 0, conflicts: 0, reviews: 0 },
    ...{ ambiguous: 0, unmatched: 0, refused: 0, quarantined: 0, heldDeletes: 0 },
    ...{ changed: 0, unknown: 0 },
  }
}

/** Links that are worked on at once: one read and one write of each side. */
export const batchSize = 500
