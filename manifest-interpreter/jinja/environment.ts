import { PythonError } from '../value/python-error.ts'
import type { Filter, Filters } from './filter.ts'
import { jinjaGlobals, type GlobalFunction } from './globals.ts'
import { mapFilters } from './map-filters.ts'
import { compileRegex } from './python-regex.ts'
import type { BoundedRegex } from './bounded-regex.ts'
import { sequenceFilters } from './sequence-filters.ts'
import { tests, type Test } from './tests.ts'
import { textFilters } from './text-filters.ts'
import { valueFilters } from './value-filters.ts'

/** Regular expressions of templates; some are made from records. */
const maxRegexes = 1_000

/** The filters, tests and functions that all templates can use. */
export class Environment {
  readonly #filters: Filters
  readonly #functions: ReadonlyMap<string, GlobalFunction>
  readonly #aliases: ReadonlyMap<string, string>
  readonly #regexes = new Map<string, BoundedRegex>()

  constructor(additions: {
    readonly filters: Filters
    readonly functions: ReadonlyMap<string, GlobalFunction>
    /** Other names of what is given to a template. */
    readonly aliases: ReadonlyMap<string, string>
  }) {
    this.#filters = new Map([
      ...sequenceFilters,
      ...mapFilters,
      ...textFilters,
      ...valueFilters,
      ...additions.filters,
    ])
    this.#functions = new Map([...jinjaGlobals, ...additions.functions])
    this.#aliases = additions.aliases
  }

  filter(name: string): Filter | undefined {
    return this.#filters.get(name)
  }

  test(name: string): Test | undefined {
    return tests.get(name)
  }

  function(name: string): GlobalFunction | undefined {
    return this.#functions.get(name)
  }

  /** The name under which a value is given. */
  nameOf(name: string): string {
    return this.#aliases.get(name) ?? name
  }

  regex(pattern: string): BoundedRegex {
    const known = this.#regexes.get(pattern)
    if (known !== undefined) return known
    const regex = compileRegex(pattern)
    if (this.#regexes.size >= maxRegexes) this.#regexes.clear()
    this.#regexes.set(pattern, regex)
    return regex
  }
}

export function unknownName(kind: 'filter' | 'test', name: string): PythonError {
  return new PythonError('TemplateSyntaxError', `No ${kind} named '${name}'.`)
}
