import { index } from '../../value/number.ts'
import { valueError } from '../../value/python-error.ts'
import { typeName } from '../../value/type-name.ts'
import type { Value } from '../../value/value.ts'

/** The token after `last`; a page without one was the first. */
export function nextCount(
  last: Value,
  { first, step }: { readonly first: number; readonly step: number },
): number {
  if (last === null) return first + step
  const count = index(last)
  if (count === undefined)
    throw valueError(`The last page token must be a whole number, not ${typeName(last)}.`)
  return count + step
}
