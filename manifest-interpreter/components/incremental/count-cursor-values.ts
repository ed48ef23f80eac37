import { arithmetic } from '../../value/arithmetic.ts'
import { compare } from '../../value/ordering.ts'
import { truth } from '../../value/truth.ts'
import type { Value } from '../../value/value.ts'
import type { CursorValues } from './cursor-values.ts'

/** The values of an IncrementingCountCursor: what records have, as it is. */
export const countCursorValues: CursorValues<Value> = {
  parse: (value) => value,
  parseOfRecord: (value) => value,
  write: (value) => value,
  compare: (left, right) => {
    if (compare('<', left, right)) return -1
    return compare('>', left, right) ? 1 : 0
  },
  next: (value) => arithmetic('+', value, 1),
  isTruthy: truth,
  moment: () => null,
}
