import { get } from '../../value/dict.ts'
import { isInt } from '../../value/number.ts'
import { str } from '../../value/text.ts'
import type { Value } from '../../value/value.ts'
import { isOfType } from './types.ts'
import type { Violation } from './violation.ts'

/**
 * The most useful violation for a user: the one highest up in the value, the alternatives of anyOf and oneOf
 * last. Among alternatives it is the deepest violation, since the others are not what was meant. Undefined if
 * there is none.
 */
export function bestMatch(violations: readonly Violation[]): Violation | undefined {
  let [best] = violations
  for (const other of violations) {
    if (best !== undefined && compareRelevance(other, best) > 0) best = other
  }
  while (best !== undefined && best.context.length > 0) {
    const [least, next] = best.context.toSorted(compareRelevance)
    if (least === undefined || (next !== undefined && compareRelevance(least, next) === 0)) break
    // The path of a violation in an alternative starts at the place of the alternatives.
    best = { ...least, path: [...best.path, ...least.path] }
  }
  return best
}

function compareRelevance(left: Violation, right: Violation): number {
  return (
    right.path.length - left.path.length ||
    comparePaths(left.path, right.path) ||
    Number(!isWeak(left)) - Number(!isWeak(right)) ||
    Number(!matchesType(left)) - Number(!matchesType(right))
  )
}

function isWeak({ keyword }: Violation): boolean {
  return keyword === 'anyOf' || keyword === 'oneOf'
}

function matchesType({ schema, instance }: Violation): boolean {
  const type = get(schema, 'type')
  if (type === undefined) return false
  return Array.isArray(type)
    ? type.some((name) => isOfType(instance, name))
    : isOfType(instance, type)
}

function comparePaths(left: readonly Value[], right: readonly Value[]): number {
  for (const [i, key] of left.entries()) {
    const order = compareKeys(key, right[i] ?? null)
    if (order !== 0) return order
  }
  return 0
}

function compareKeys(left: Value, right: Value): number {
  if (isInt(left) && isInt(right)) return Number(left) - Number(right)
  const [a, b] = [str(left), str(right)]
  if (a === b) return 0
  return a < b ? -1 : 1
}
