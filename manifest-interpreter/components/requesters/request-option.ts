import type { Builder } from '../../component.ts'
import { field, invalidComponent, list, text } from '../../definition.ts'
import { get, isDict, set } from '../../value/dict.ts'
import { typeError, valueError } from '../../value/python-error.ts'
import { repr, str } from '../../value/text.ts'
import { truth } from '../../value/truth.ts'
import type { Dict, PlainDict, Value } from '../../value/value.ts'
import { combineMappings } from './combine-mappings.ts'

export type InjectInto = 'request_parameter' | 'header' | 'body_data' | 'body_json'

/** Where a value is put on a request: a page token, a cursor's bound, a partition, a key of an API. */
export interface RequestOption {
  readonly injectInto: InjectInto
  /** Sets the value in place, in the dict of its part of the request. */
  inject(target: Dict, value: Value): void
}

/**
 * @param parameters what its names see as `parameters`: the reference gives those of the component around it
 * to the options of cursors and API keys, and to all others an empty dict
 */
export function compileRequestOption(
  definition: PlainDict,
  builder: Builder,
  parameters: Dict = {},
): RequestOption {
  const injectInto = injectIntoOf(text(definition, 'inject_into'))
  const problem = requestOptionProblem(definition)
  if (problem !== undefined) throw valueError(problem)
  const name = field(definition, 'field_name')
  const path = list(definition, 'field_path')
  const segments = path.length > 0 ? path : [name ?? null]
  const compiled = segments.map((segment) => builder.templates.string(segment, { parameters }))
  const evaluate = (): string[] =>
    compiled.map((template) => str(template({ config: builder.config })))
  let names: string[] | undefined
  return {
    injectInto,
    inject: (target, value) => {
      names ??= evaluate()
      injectAt(target, names, value)
    },
  }
}

/**
 * The problem for which the reference refuses a RequestOption, in its words and with the fix; undefined if
 * there is none.
 */
export function requestOptionProblem(definition: PlainDict): string | undefined {
  // An empty name counts as absent.
  const name = orNull(field(definition, 'field_name'))
  const path = orNull(field(definition, 'field_path'))
  if (name === null && path === null)
    return 'RequestOption requires either a field_name or field_path. Add field_name.'
  if (name !== null && path !== null)
    return `Only one of field_name or field_path can be provided to RequestOption. Remove field_path (${repr(path)}), which may also come from $parameters, or field_name (${repr(name)}).`
  if (path !== null && field(definition, 'inject_into') !== 'body_json')
    return `Nested field injection is only supported for body JSON injection. Please use a top-level field_name for other injection types: replace field_path (${repr(path)}) by field_name.`
  return undefined
}

function orNull(value: Value | undefined): Value {
  return value !== undefined && truth(value) ? value : null
}

/** A component may not put two of its options in the same place. */
export function requireDistinctOptions(options: readonly (RequestOption | undefined)[]): void {
  const parts = new Map<InjectInto, Dict[]>()
  for (const [index, option] of options.entries()) {
    if (option === undefined) continue
    const target: Dict = {}
    option.inject(target, `dummy_value_${index}`)
    parts.set(option.injectInto, [...(parts.get(option.injectInto) ?? []), target])
  }
  for (const [part, dicts] of parts) combineMappings(dicts, { nested: part === 'body_json' })
}

/** The dict of one part of a request with what the options add to it. */
export function injectAll(
  part: InjectInto,
  options: readonly (readonly [option: RequestOption | undefined, value: Value | undefined])[],
): Dict {
  const target: Dict = {}
  for (const [option, value] of options)
    if (option?.injectInto === part && value !== undefined) option.inject(target, value)
  return target
}

function injectAt(target: Dict, path: readonly string[], value: Value): void {
  let current = target
  for (const name of path.slice(0, -1)) {
    let next = get(current, name)
    if (next === undefined) {
      next = {}
      set(current, name, next)
    }
    if (!isDict(next)) throw typeError(`There is a value at "${name}" of the request's body.`)
    current = next
  }
  set(current, path.at(-1) ?? '', value)
}

function injectIntoOf(part: string): InjectInto {
  switch (part) {
    case 'request_parameter':
    case 'header':
    case 'body_data':
    case 'body_json':
      return part
    default:
      throw invalidComponent(
        'inject_into of a RequestOption',
        `"${part}" is not a part of a request. Use request_parameter, header, body_data or body_json.`,
      )
  }
}
