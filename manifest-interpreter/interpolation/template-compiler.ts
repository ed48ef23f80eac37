import { Environment } from '../jinja/environment.ts'
import type { TemplateInput } from '../jinja/frame.ts'
import { keysRead } from '../jinja/keys-read.ts'
import { parseTemplate } from '../jinja/parse-template.ts'
import { compileTemplate, type Template } from '../jinja/template.ts'
import { dictOf, entries, isDict } from '../value/dict.ts'
import { requireHashable } from '../value/hashable.ts'
import { truth } from '../value/truth.ts'
import { typeName } from '../value/type-name.ts'
import type { Dict, Value } from '../value/value.ts'
import { airbyteFilters } from './airbyte-filters.ts'
import { airbyteMacros, type MacroSource } from './airbyte-macros.ts'
import { isFalse } from './false-values.ts'
import { compileInterpolation, type DefaultValue } from './interpolation.ts'
import type { PythonType } from './python-type.ts'
import { TemplateError } from './template-error.ts'

/**
 * The variables that a template sees: `config`, `record`, `response`, `headers`, `stream_slice`,
 * `next_page_token` and so on. Only own properties count; a property that is undefined is not there.
 * `stream_interval` and `stream_partition` are other names of `stream_slice` and need not be given.
 */
export type Scope = TemplateInput
/** A compiled template. Throws a TemplateError. */
export type Evaluate<Result = Value> = (scope: Scope) => Result

export interface TemplateOptions {
  /** The component's `$parameters`. */
  readonly parameters?: Dict
  /** Evaluated if the result is empty or undefined: a template, too. */
  readonly default?: Value
  /** A result of another type stays the text that was rendered. */
  readonly validTypes?: readonly PythonType[]
}

/** More templates than a manifest has: those made at run time do not pile up. */
const maxCached = 20_000

/**
 * Compiles templates, each text once. An error in a template shows when it is evaluated, as in the reference:
 * a stream that never uses it can be read.
 */
export class TemplateCompiler {
  readonly #environment: Environment
  readonly #templates = new Map<string, Template>()

  constructor(source: MacroSource) {
    this.#environment = new Environment({
      filters: airbyteFilters,
      functions: airbyteMacros(source),
      aliases: new Map([
        ['stream_interval', 'stream_slice'],
        ['stream_partition', 'stream_slice'],
      ]),
    })
  }

  /** JinjaInterpolation.eval: the rendered text, taken as a Python literal if it is one. */
  jinja(template: Value, options: TemplateOptions = {}): Evaluate {
    if (typeof template !== 'string') return () => this.#notText(template)
    return this.#interpolation(template, options)
  }

  /**
   * InterpolatedString: an empty result is the default, or empty; an undefined one without a default is an
   * error.
   */
  string(template: Value, options: TemplateOptions = {}): Evaluate {
    if (typeof template !== 'string') return () => this.#notText(template)
    const otherwise = truth(options.default) ? options.default : undefined
    const value = this.#interpolation(template, { ...options, default: otherwise ?? template })
    // Once the result is the template itself, the reference takes it for plain text and evaluates it no more.
    let isPlain = false
    return (scope) => {
      if (isPlain) return template
      const result = value(scope)
      isPlain = result === template
      return result
    }
  }

  /** InterpolatedBoolean: false for a value that is empty, zero, undefined or spells false. */
  boolean(condition: Value, options: Pick<TemplateOptions, 'parameters'> = {}): Evaluate<boolean> {
    if (typeof condition === 'boolean') return () => condition
    if (typeof condition !== 'string') return () => this.#notText(condition)
    const value = this.#interpolation(condition, { ...options, default: 'False' })
    return (scope) => !isFalse(value(scope))
  }

  /** InterpolatedMapping: keys stay text; values that are no text are passed on. */
  mapping(mapping: Dict, options: TemplateOptions = {}): Evaluate<Dict> {
    const { validTypes, parameters } = options
    const ofValues = { ...(parameters && { parameters }), ...(validTypes && { validTypes }) }
    const ofKeys = { ...(parameters && { parameters }), validTypes: ['str'] as const }
    const compiled = entries(mapping).map(
      ([key, value]) =>
        [
          this.jinja(key, ofKeys),
          typeof value === 'string' ? this.jinja(value, ofValues) : () => value,
        ] as const,
    )
    return (scope) => dictOf(compiled.map(([key, value]) => [key(scope), value(scope)] as const))
  }

  /** InterpolatedNestedMapping: keys and values at any depth; entries whose value is None are left out. */
  nested(template: Value, options: Pick<TemplateOptions, 'parameters'> = {}): Evaluate {
    if (typeof template === 'string') return this.jinja(template, options)
    if (Array.isArray(template)) {
      const items = template.map((item) => this.nested(item, options))
      return (scope) => items.map((item) => item(scope))
    }
    if (!isDict(template)) return () => template
    const compiled = entries(template).map(
      ([key, value]) => [this.nested(key, options), this.nested(value, options)] as const,
    )
    return (scope) =>
      nestedDict(compiled.map(([key, value]) => [key(scope), value(scope)] as const))
  }

  /**
   * The problem of a template, whatever it is evaluated with; undefined if there is none.
   * @param functions that the component of the template has beside those of all
   */
  problemOf(text: string, functions: ReadonlySet<string> = new Set()): string | undefined {
    const { problem, unknownFunctions } = this.#template(text)
    if (problem !== undefined) return sentence(problem.message)
    const name = unknownFunctions.find((unknown) => !functions.has(unknown))
    if (name === undefined || text.includes('stream_state')) return undefined
    return `There is no function "${name}".`
  }

  /** The keys of a variable that a template looks at; undefined if it may look at others, or is none. */
  keysRead(text: string, variable: string): ReadonlySet<string> | undefined {
    if (!text.includes(variable) || this.#template(text).problem !== undefined) return undefined
    return keysRead(parseTemplate(text), variable)
  }

  #interpolation(template: string, options: TemplateOptions): Evaluate {
    return compileInterpolation({
      template: this.#template(template),
      otherwise: this.#otherwise(template, options.default),
      parameters: options.parameters,
      validTypes: options.validTypes,
    })
  }

  #otherwise(template: string, value: Value | undefined): DefaultValue {
    if (value === template) return { kind: 'itself' }
    if (typeof value !== 'string') return { kind: 'value', value: value ?? null }
    return { kind: 'template', template: this.#template(value) }
  }

  #template(text: string): Template {
    const known = this.#templates.get(text)
    if (known !== undefined) return known
    const template = compileTemplate(text, this.#environment)
    if (this.#templates.size >= maxCached) this.#templates.clear()
    this.#templates.set(text, template)
    return template
  }

  #notText(template: Value): never {
    throw new TemplateError(`a ${typeName(template)}`, {
      kind: 'TypeError',
      message: `A text is expected, not ${typeName(template)}.`,
    })
  }
}

function sentence(text: string): string {
  const whole = /[.!?]$/.test(text) ? text : `${text}.`
  return whole.charAt(0).toUpperCase() + whole.slice(1)
}

/** The last of equal keys wins, even if it is None. */
function nestedDict(items: readonly (readonly [Value, Value])[]): Dict {
  for (const [key] of items) requireHashable(key)
  return dictOf(entries(dictOf(items)).filter(([, value]) => value !== null))
}
