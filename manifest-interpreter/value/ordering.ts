import { compareCodePoints } from '../../lib/text/compare-code-points.ts'
import { compareTimes } from './time-arithmetic.ts'
import { equals } from './equality.ts'
import { textOf } from './hashable.ts'
import { numeric } from './number.ts'
import { typeError } from './python-error.ts'
import { isTime } from './time.ts'
import { typeName } from './type-name.ts'
import { PyObject, PySet, PyTuple, type Value } from './value.ts'

/** `<`, `<=`, `>` and `>=`: only between values of a kind. */
export type OrderOperator = '<' | '<=' | '>' | '>='

export function compare(operator: OrderOperator, left: Value, right: Value): boolean {
  const a = numeric(left)
  const b = numeric(right)
  // Across bigint and number, exactly. NaN is neither less nor greater.
  if (a !== undefined && b !== undefined) return ordered(operator, a, b)
  const text = textOf(left)
  const other = textOf(right)
  if (text !== undefined && other !== undefined) {
    return ordered(operator, compareCodePoints(text, other), 0)
  }
  if (isTime(left) && isTime(right)) {
    const order = compareTimes(left, right)
    if (order !== undefined) return ordered(operator, order, 0)
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    return ordered(operator, Buffer.compare(left, right), 0)
  }
  if (left instanceof PySet && right instanceof PySet) return compareSets(operator, left, right)
  return compareSequences(operator, left, right)
}

function ordered(operator: OrderOperator, a: number | bigint, b: number | bigint): boolean {
  switch (operator) {
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    case '>=':
      return a >= b
  }
}

function compareSequences(operator: OrderOperator, left: Value, right: Value): boolean {
  const both = sequences(left, right)
  if (both === undefined) {
    for (const value of [left, right]) {
      if (value instanceof PyObject && value.traits.orderError !== undefined) {
        throw value.traits.orderError()
      }
    }
    throw typeError(
      `'${operator}' not supported between instances of '${typeName(left)}' and '${typeName(right)}'`,
    )
  }
  const [a, b] = both
  for (const [i, item] of a.entries()) {
    const other = b[i]
    if (other === undefined) break
    if (item !== other && !equals(item, other)) return compare(operator, item, other)
  }
  return ordered(operator, a.length, b.length)
}

function sequences(
  left: Value,
  right: Value,
): readonly [readonly Value[], readonly Value[]] | undefined {
  if (Array.isArray(left) && Array.isArray(right)) return [left, right]
  if (left instanceof PyTuple && right instanceof PyTuple) return [left.items, right.items]
  return undefined
}

/** A set is less than another that holds all of it and more. */
function compareSets(operator: OrderOperator, left: PySet, right: PySet): boolean {
  if (operator === '>' || operator === '>=') {
    return compareSets(operator === '>' ? '<' : '<=', right, left)
  }
  if (operator === '<' && left.items.length >= right.items.length) return false
  return left.items.every((item) => right.items.some((other) => equals(item, other)))
}

/** `sorted(items, key, reverse)`: stable, also when reversed. */
export function sorted(
  items: readonly Value[],
  options: { readonly key?: (item: Value) => Value; readonly reverse?: boolean } = {},
): Value[] {
  const { key } = options
  const direction = options.reverse === true ? -1 : 1
  const keyed = items.map((item) => ({ item, key: key === undefined ? item : key(item) }))
  keyed.sort((a, b) => {
    if (compare('<', a.key, b.key)) return -direction
    return compare('<', b.key, a.key) ? direction : 0
  })
  return keyed.map(({ item }) => item)
}
