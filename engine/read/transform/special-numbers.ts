import type { Column, RecordData } from '../../../protocol/index.ts'

const specialNumbers: ReadonlyMap<unknown, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])

/** JSON has no NaN and no infinity: a function gets them as text, and returns them so. In a column of numbers they are numbers again. */
export class SpecialNumbers {
  readonly #columns: readonly string[]

  constructor(columns: readonly Column[]) {
    this.#columns = columns
      .filter(({ kind }) => kind === 'double' || kind === 'number')
      .map(({ name }) => name)
  }

  /** The same record if it has none. */
  restore(record: RecordData): RecordData {
    const found = this.#columns.flatMap((name) => {
      const value = Object.hasOwn(record, name) ? record[name] : undefined
      const special = specialNumbers.get(value)
      return special === undefined ? [] : [[name, special] as const]
    })
    return found.length === 0 ? record : Object.fromEntries([...Object.entries(record), ...found])
  }
}
