import type { JsonValue } from '../../protocol/index.ts'
import { ruleOf, type RuleName, type StreamRules } from './conflict-rules.ts'
import { sameValue, valueOf, type SideName, type Values } from './link.ts'

/** A side as it was read, beside what it last agreed on. Base null: the sides were never compared. */
export interface MergedSide {
  readonly values: Values
  readonly base: Values | null
  readonly modifiedAtMs: number | null
}

/**
 * The outcome for one field:
 *
 * - `agreed`: neither side has changed it;
 * - `converged`: both changed it to the same value;
 * - `take`: only side `from` changed it, or the other one is empty and nothing is known of earlier values;
 * - `conflict`: both changed it. `winner` is null if a person must decide.
 */
export type FieldOutcome =
  | { readonly kind: 'agreed' }
  | { readonly kind: 'converged' }
  | { readonly kind: 'take'; readonly from: SideName }
  | { readonly kind: 'conflict'; readonly rule: RuleName; readonly winner: SideName | null }

export interface MergeOptions {
  readonly rules: StreamRules
  /** Times that are less apart than this are taken as equal: clocks differ. Side a wins then. */
  readonly skewToleranceMs: number
}

export function mergeField(
  field: string,
  sides: { readonly a: MergedSide; readonly b: MergedSide },
  options: MergeOptions,
): FieldOutcome {
  const { a, b } = sides
  const [valueA, valueB] = [valueOf(a.values, field), valueOf(b.values, field)]
  if (a.base === null || b.base === null) return alignField(field, sides, options)
  const changedA = !sameValue(valueA, valueOf(a.base, field))
  const changedB = !sameValue(valueB, valueOf(b.base, field))
  if (!changedA && !changedB) return { kind: 'agreed' }
  if (sameValue(valueA, valueB)) return { kind: 'converged' }
  if (!changedB) return { kind: 'take', from: 'a' }
  if (!changedA) return { kind: 'take', from: 'b' }
  return conflictOf(field, sides, options)
}

/** Without a base, an empty value is not an edit; two different values are a conflict. */
function alignField(
  field: string,
  sides: { readonly a: MergedSide; readonly b: MergedSide },
  options: MergeOptions,
): FieldOutcome {
  const [valueA, valueB] = [valueOf(sides.a.values, field), valueOf(sides.b.values, field)]
  if (sameValue(valueA, valueB)) return { kind: 'converged' }
  if (isEmpty(valueB)) return { kind: 'take', from: 'a' }
  if (isEmpty(valueA)) return { kind: 'take', from: 'b' }
  return conflictOf(field, sides, options)
}

function isEmpty(value: JsonValue): boolean {
  return value === null || value === ''
}

function conflictOf(
  field: string,
  { a, b }: { readonly a: MergedSide; readonly b: MergedSide },
  { rules, skewToleranceMs }: MergeOptions,
): FieldOutcome {
  const rule = ruleOf(rules, field)
  const times = { a: a.modifiedAtMs, b: b.modifiedAtMs }
  return { kind: 'conflict', rule, winner: winnerOf(rule, times, skewToleranceMs) }
}

/** Null: a person must decide, also where `last_write_wins` has no times to compare. */
export function winnerOf(
  rule: RuleName,
  times: { readonly a: number | null; readonly b: number | null },
  skewToleranceMs: number,
): SideName | null {
  switch (rule) {
    case 'source_of_truth_a':
      return 'a'
    case 'source_of_truth_b':
      return 'b'
    case 'review':
      return null
    case 'last_write_wins':
      if (times.a === null || times.b === null) return null
      return times.b - times.a > skewToleranceMs ? 'b' : 'a'
  }
}
