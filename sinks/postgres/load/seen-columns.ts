import type { SeenFacts } from './seen-facts.ts'

/** The facts about the rows of a transaction in the table's columns, by name: a merge depends on them. */
export class SeenColumns {
  /** Some row has NULL. */
  readonly nulls = new Set<string>()
  /** Some row has a value. */
  readonly values = new Set<string>()
  /** Some change record does not say what it is. */
  readonly missing = new Set<string>()
  /** Some row has an entry for `_airbyte_meta`. */
  hasChanges = false

  /**
   * @param facts of rows whose columns are these, in this order
   * @param isCdc fields that a record does not have keep their values
   */
  add(
    facts: SeenFacts,
    columns: readonly { readonly name: string; readonly isInTable: boolean }[],
    isCdc: boolean,
  ): void {
    const { nulls, values, missing, hasChanges } = facts
    columns.forEach(({ name, isInTable }, index) => {
      if (!isInTable) return
      if (nulls[index] === 1) this.nulls.add(name)
      if (values[index] === 1) this.values.add(name)
      if (isCdc && missing.has(index)) this.missing.add(name)
    })
    this.hasChanges ||= hasChanges
  }
}
