import { own, type RecordData } from '../json.ts'
import type { ComparisonOperator, Condition, ConditionColumn, ConditionValue } from './condition.ts'
import { compareHeld, heldValue, type HeldValue } from './held-value.ts'
import { matchesLike, parseLike } from './like-pattern.ts'

/** SQL's third truth value is null: unknown. */
type Truth = boolean | null
type Test = (record: RecordData) => Truth

/** A function that says whether a record fulfils the condition; false if that is unknown. */
export function conditionTest(condition: Condition): (record: RecordData) => boolean {
  const test = testOf(condition)
  return (record) => test(record) === true
}

function testOf(condition: Condition): Test {
  switch (condition.is) {
    case 'all':
      return joined(condition.parts.map(testOf), false)
    case 'any':
      return joined(condition.parts.map(testOf), true)
    case 'not': {
      const test = testOf(condition.part)
      return (record) => {
        const truth = test(record)
        return truth === null ? null : !truth
      }
    }
    case 'null': {
      const { name, kind } = condition.column
      if (kind === 'json') return (record) => (own(record, name) ?? null) === null
      return (record) => heldValue(kind, own(record, name)) === null
    }
    case 'compared': {
      const { column, operator } = condition
      const right = valueOf(column, condition.value)
      const accepts = accepted[operator]
      return held(column, (left) => accepts(compareHeld(column.kind, left, right)))
    }
    case 'in': {
      const { column } = condition
      const values = condition.values.map((value) => valueOf(column, value))
      return held(column, (left) =>
        values.some((value) => compareHeld(column.kind, left, value) === 0),
      )
    }
    case 'like': {
      const parts = parseLike(condition.pattern) ?? []
      return held(condition.column, (left) => matchesLike(parts, String(left)))
    }
  }
}

/** `and` ends at the first false, `or` at the first true; one that is unknown makes the rest unknown. */
function joined(tests: readonly Test[], end: boolean): Test {
  return (record) => {
    let truth: Truth = !end
    for (const test of tests) {
      const part = test(record)
      if (part === end) return end
      if (part === null) truth = null
    }
    return truth
  }
}

function held({ name, kind }: ConditionColumn, test: (value: HeldValue) => boolean): Test {
  return (record) => {
    const value = heldValue(kind, own(record, name))
    return value === null ? null : test(value)
  }
}

const accepted: Readonly<Record<ComparisonOperator, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '<>': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
}

/**
 * A value of the condition in the form of the column's values. The parser has checked that the column can
 * hold it.
 */
function valueOf({ kind }: ConditionColumn, value: ConditionValue): HeldValue {
  if (typeof value === 'boolean') return value
  if (kind === 'double') return Number(value)
  if (kind !== 'integer' && kind !== 'number') return heldValue(kind, value) ?? value
  const number = Number(value)
  return Number.isSafeInteger(number) && String(number) === value ? number : value
}
