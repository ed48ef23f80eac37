import type { Keywords } from '../value/value.ts'
import type { BoundedRegex } from './bounded-regex.ts'
import type { Budget } from './budget.ts'
import type { Native } from './native.ts'
import type { Operand } from './operand.ts'

/** The context of filters and tests, besides their arguments. */
export interface FilterContext {
  readonly budget: Budget
  readonly autoescape: boolean
  /** Compiles a regular expression of Python, each once. */
  regex(pattern: string): BoundedRegex
  /** Applies another filter or test by its name. Throws if there is none. */
  filter(name: string, call: CallArguments): Operand
  test(name: string, call: CallArguments): boolean
  hasFilter(name: string): boolean
  hasTest(name: string): boolean
}
export interface CallArguments {
  /** The value that is filtered or tested, then the arguments. */
  readonly args: readonly Operand[]
  readonly keywords: Keywords
}

/** A filter: the value comes as its first argument. */
export type Filter = Native<FilterContext>
export type Filters = ReadonlyMap<string, Filter>

export function filterTable(table: Readonly<Record<string, Filter>>): Filters {
  return new Map(Object.entries(table))
}
