import type { SideName } from './link.ts'

/** Records of both sides that are not linked and have the same value of the match field. */
export interface MatchGroup {
  readonly a: readonly string[]
  readonly b: readonly string[]
}

/**
 * - `linked`: one record on each side.
 * - `only`: one side alone has such records. They are created on the other side if that is allowed.
 * - `ambiguous`: several could belong together: a person decides.
 */
export type MatchOutcome =
  | { readonly kind: 'linked'; readonly a: string; readonly b: string }
  | { readonly kind: 'only'; readonly side: SideName; readonly ids: readonly string[] }
  | { readonly kind: 'ambiguous'; readonly a: readonly string[]; readonly b: readonly string[] }

/**
 * The match of one value. An empty value matches nothing: two contacts without an address are not the same
 * person.
 */
export function matchGroup(value: string | null, { a, b }: MatchGroup): readonly MatchOutcome[] {
  if (value === null || value === '' || a.length === 0 || b.length === 0)
    return (['a', 'b'] as const)
      .map((side) => ({ kind: 'only' as const, side, ids: side === 'a' ? a : b }))
      .filter(({ ids }) => ids.length > 0)
  const [onlyA, onlyB] = [a[0], b[0]]
  if (a.length === 1 && b.length === 1 && onlyA !== undefined && onlyB !== undefined)
    return [{ kind: 'linked', a: onlyA, b: onlyB }]
  return [{ kind: 'ambiguous', a, b }]
}
