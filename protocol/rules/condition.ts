import type { ColumnKind } from '../columns.ts'

/** A column of a condition, with the kind that its values are compared as. */
export interface ConditionColumn {
  readonly name: string
  readonly kind: ColumnKind
}

/** How a condition compares a column with a value. */
export type ComparisonOperator = '=' | '<>' | '<' | '<=' | '>' | '>='

/**
 * A value of a condition: true or false for a boolean column, else its text. A number is plain decimal
 * digits, a date `YYYY-MM-DD`, a timestamp `YYYY-MM-DDTHH:MM:SS` with the fraction, in UTC and with a `Z`
 * for a column with a zone, a time `HH:MM:SS`.
 */
export type ConditionValue = string | boolean

/**
 * The parsed `where` of a stream, bound to its columns. Plain data: it crosses a thread.
 *
 * Its logic is that of SQL: a comparison with NULL is unknown, `not` leaves unknown as it is, and a record
 * passes only if the whole is true.
 */
export type Condition =
  | { readonly is: 'all' | 'any'; readonly parts: readonly Condition[] }
  | { readonly is: 'not'; readonly part: Condition }
  | { readonly is: 'null'; readonly column: ConditionColumn }
  | {
      readonly is: 'compared'
      readonly column: ConditionColumn
      readonly operator: ComparisonOperator
      readonly value: ConditionValue
    }
  | {
      readonly is: 'in'
      readonly column: ConditionColumn
      readonly values: readonly ConditionValue[]
    }
  | { readonly is: 'like'; readonly column: ConditionColumn; readonly pattern: string }

/** The columns that a condition looks at, each once. */
export function conditionColumns(condition: Condition): readonly ConditionColumn[] {
  const found = new Map<string, ConditionColumn>()
  const visit = (part: Condition): void => {
    if ('parts' in part) part.parts.forEach(visit)
    else if ('part' in part) visit(part.part)
    else found.set(part.column.name, part.column)
  }
  visit(condition)
  return [...found.values()]
}
