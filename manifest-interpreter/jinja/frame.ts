import { StreamSlice } from '../value/stream-slice.ts'
import { PyObject, type Dict, type Value } from '../value/value.ts'
import type { BoundedRegex } from './bounded-regex.ts'
import { Budget } from './budget.ts'
import { unknownName, type Environment } from './environment.ts'
import type { FilterContext, CallArguments } from './filter.ts'
import { lookup } from './lookup.ts'
import { callNative, functionObject } from './native.ts'
import type { Operand } from './operand.ts'
import { verdict } from './tests.ts'

/** The input of a template, by name. Only own properties count. */
export type TemplateInput = Readonly<Record<string, Value | StreamSlice | undefined>>

/** The variables that a scope of the template has set. */
export interface Variables {
  readonly values: Map<string, Operand>
  readonly outer: Variables | undefined
}

/** `self`: the blocks of the template, which nothing here can call. */
const templateReference = new PyObject({
  type: 'TemplateReference',
  repr: () => '<TemplateReference None>',
})

/** One evaluation of a template. */
export class Frame implements FilterContext {
  readonly input: TemplateInput
  readonly parameters: Dict | undefined
  readonly #environment: Environment
  autoescape = false
  #variables: Variables | undefined
  #budget: Budget | undefined

  constructor(environment: Environment, input: TemplateInput, parameters: Dict | undefined) {
    this.#environment = environment
    this.input = input
    this.parameters = parameters
  }

  get budget(): Budget {
    this.#budget ??= new Budget(lookup)
    return this.#budget
  }

  get variables(): Variables | undefined {
    return this.#variables
  }

  /**
   * The value that the template set in this scope or around it, else the one of its input, else a function.
   */
  variable(name: string): Operand {
    for (let scope = this.#variables; scope !== undefined; scope = scope.outer) {
      if (scope.values.has(name)) return scope.values.get(name)
    }
    return this.outside(name)
  }

  outside(name: string): Operand {
    const value = this.fromInput(this.#environment.nameOf(name))
    if (value !== undefined) return value
    if (name === 'self') return templateReference
    const native = this.#environment.function(name)
    return native === undefined ? undefined : functionObject(name, native, this.budget)
  }

  fromInput(name: string): Operand {
    if (name === 'parameters' && this.parameters !== undefined) return this.parameters
    const value = Object.hasOwn(this.input, name) ? this.input[name] : undefined
    return value instanceof StreamSlice ? value.object : value
  }

  set(name: string, value: Operand): void {
    this.#variables ??= { values: new Map(), outer: undefined }
    this.#variables.values.set(name, value)
  }

  /** Runs with a scope of its own inside of the present one, or inside of `outer`. */
  scoped<Result>(run: () => Result, outer: Variables | undefined = this.#variables): Result {
    const before = this.#variables
    this.#variables = { values: new Map(), outer }
    try {
      return run()
    } finally {
      this.#variables = before
    }
  }

  /** Makes sure that what is set from here on is seen by macros that were defined before. */
  openScope(): void {
    this.#variables ??= { values: new Map(), outer: undefined }
  }

  regex(pattern: string): BoundedRegex {
    const startMs = performance.now()
    const regex = this.#environment.regex(pattern)
    this.budget.chargeTime(performance.now() - startMs)
    return regex
  }

  filter(name: string, call: CallArguments): Operand {
    const filter = this.#environment.filter(name)
    if (filter === undefined) throw unknownName('filter', name)
    return callNative<FilterContext>(filter, call, this)
  }

  test(name: string, call: CallArguments): boolean {
    const test = this.#environment.test(name)
    if (test === undefined) throw unknownName('test', name)
    return verdict(callNative<FilterContext>(test, call, this))
  }

  hasFilter(name: string): boolean {
    return this.#environment.filter(name) !== undefined
  }

  hasTest(name: string): boolean {
    return this.#environment.test(name) !== undefined
  }
}
