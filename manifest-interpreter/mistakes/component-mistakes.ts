import { mistypedName } from '../../lib/text/near-names.ts'
import { optionalText, list, optionalComponent } from '../definition.ts'
import type { TemplateCompiler } from '../interpolation/template-compiler.ts'
import { entries, get, isDict, isPlainDict } from '../value/dict.ts'
import { str } from '../value/text.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'
import { language } from '../manifest/definitions/language.ts'
import { didYouMean } from '../manifest/did-you-mean.ts'
import { durationMistakes } from './duration-mistakes.ts'
import type { StreamMistake } from './stream-mistakes.ts'
import { isReadWithDefault } from './config-keys.ts'
import { sliceKeys, unknownSliceKeys } from './slice-keys.ts'
import { equals } from '../value/equality.ts'
import { requestOptionProblem } from '../components/requesters/request-option.ts'

/** Fields that hold data or text for people: no templates, no components. */
const dataFields = new Set(['schema', '$parameters', 'description', 'config_overrides'])
/** Fields that every component may have. */
const commonFields = [
  'type',
  'name',
  '$parameters',
  '$ref',
  'description',
  '$$comment',
  'definitions',
]
const timeFormats = new Set(['datetime_format', 'cursor_datetime_formats'])

/** Functions that templates of one type of component have beside those of all. */
const ownFunctions: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['JwtAuthenticator', new Set(['json_loads'])],
])
const noFunctions: ReadonlySet<string> = new Set()

/** The context of a value. */
interface ValueContext {
  readonly functions: ReadonlySet<string>
  /** The keys that the slices of the stream have; undefined if the text of the manifest does not say. */
  readonly sliceKeys: ReadonlySet<string> | undefined
}

interface WalkOptions {
  readonly templates: TemplateCompiler
  /** The fields that the configuration has; undefined if the manifest does not say. */
  readonly configKeys: ReadonlySet<string> | undefined
}

/** Looks at a stream, or at another component, from the top down. */
export class ComponentWalk {
  readonly #options: WalkOptions
  #looksAtComponents = true
  /** Equal mistakes of components that stand in several places are one. */
  readonly #found = new Map<string, StreamMistake>()
  /** Definitions are shared: each is looked at once. */
  readonly #seen = new Set<Value>()

  constructor(options: WalkOptions) {
    this.#options = options
  }

  mistakes(component: PlainDict, path = ''): readonly StreamMistake[] {
    this.#look(component, path, { functions: noFunctions, sliceKeys: undefined })
    return [...this.#found.values()]
  }

  /** For components of which a part is filled in later. */
  mistakesOfTemplates(component: PlainDict): readonly StreamMistake[] {
    this.#looksAtComponents = false
    return this.mistakes(component)
  }

  #look(value: Value, path: string, surroundings: ValueContext): void {
    if (typeof value === 'string') {
      this.#lookAtText(value, path, surroundings)
      return
    }
    if (typeof value !== 'object' || value === null || this.#seen.has(value)) return
    this.#seen.add(value)
    if (Array.isArray(value))
      for (const [position, item] of value.entries())
        this.#look(item, `${path}[${position}]`, surroundings)
    else if (isDict(value)) this.#lookAtDict(value, path, surroundings)
  }

  #lookAtDict(dict: Dict, path: string, surroundings: ValueContext): void {
    if (isPlainDict(dict) && this.#looksAtComponents) this.#lookAtComponent(dict, path)
    const inside = isPlainDict(dict) ? this.#inside(dict, surroundings) : surroundings
    const passedDown = get(dict, '$parameters')
    for (const [key, value] of entries(dict)) {
      const name = str(key)
      const isPassedDown =
        passedDown !== undefined && isDict(passedDown) && get(passedDown, name) === value
      if (!dataFields.has(name) && !isPassedDown)
        this.#look(value, path === '' ? name : `${path}.${name}`, inside)
    }
  }

  #inside(dict: PlainDict, surroundings: ValueContext): ValueContext {
    const type = get(dict, 'type')
    if (typeof type !== 'string') return surroundings
    const functions = ownFunctions.get(type) ?? surroundings.functions
    // Written in Python: it may ask its requester for anything.
    if (type.startsWith('Custom')) return { functions, sliceKeys: undefined }
    if (type !== 'DeclarativeStream' || !this.#looksAtComponents)
      return { ...surroundings, functions }
    return { functions, sliceKeys: sliceKeys(dict) }
  }

  #lookAtText(text: string, path: string, { functions, sliceKeys: known }: ValueContext): void {
    if (!/\{[{%]/.test(text)) return
    const { templates, configKeys } = this.#options
    const problem = templates.problemOf(text, functions)
    if (problem !== undefined) {
      this.#add('error', path, `${problem} Correct the template.`)
      return
    }
    if (configKeys !== undefined) this.#lookAtConfigKeys(text, path, configKeys)
    for (const { variable, key } of unknownSliceKeys(text, templates, known))
      this.#add(
        'warning',
        path,
        `The template reads "${key}" of ${variable}, but the stream has no partition router that sets it: the value is empty. Add a partition_router, or correct the name.`,
      )
  }

  #lookAtConfigKeys(text: string, path: string, declared: ReadonlySet<string>): void {
    for (const key of this.#options.templates.keysRead(text, 'config') ?? []) {
      // Airbyte's own keys begin so.
      if (declared.has(key) || key.startsWith('__')) continue
      const near = mistypedName(key, [...declared])
      if (near === undefined && isReadWithDefault(text)) continue
      const advice =
        near === undefined ? ' Declare it there, or correct the name.' : didYouMean(near)
      const message = `The template reads config['${key}'], but "spec" declares no such field.${advice}`
      this.#add('warning', path, message)
    }
  }

  #lookAtComponent(component: PlainDict, path: string): void {
    const type = get(component, 'type')
    for (const { field, message } of durationMistakes(component, path))
      this.#add('error', path === '' ? field : `${path}.${field}`, message)
    if (typeof type !== 'string' || type.startsWith('Custom')) return
    this.#lookForUnknownFields(component, type, path)
    if (type === 'HttpRequester' && lacksUrl(component))
      this.#add('error', path, 'The requester has no URL. Add "url_base", or "url".')
    const options =
      type === 'RequestOption' ? requestOptionMistakes(component) : paginatorMistakes(component)
    for (const message of options) this.#add('error', path, message)
    this.#lookAtFormats(component, path)
  }

  #lookAtFormats(component: PlainDict, path: string): void {
    for (const name of timeFormats) {
      const formats = get(component, name) ?? null
      for (const format of Array.isArray(formats) ? formats : [formats])
        if (typeof format === 'string' && format !== '' && !/[%{]/.test(format))
          this.#add(
            'error',
            `${path}.${name}`,
            `"${format}" has no directive, and no time has this form. Use those of strftime, like %Y-%m-%d.`,
          )
    }
  }

  #lookForUnknownFields(component: PlainDict, type: string, path: string): void {
    const definition = language.get(type)
    if (definition?.kind !== 'typed' || definition.shape.fields.size === 0) return
    const known = [...definition.shape.fields.keys()]
    const parameters = get(component, '$parameters')
    for (const name of Object.keys(component)) {
      const isPassedDown =
        parameters !== undefined && isDict(parameters) && get(parameters, name) !== undefined
      if (isPassedDown || known.includes(name) || commonFields.includes(name)) continue
      const near = mistypedName(
        name,
        known.filter((field) => get(component, field) === undefined),
      )
      if (near !== undefined)
        this.#add(
          'warning',
          path === '' ? name : `${path}.${name}`,
          `${type} has no field "${name}", which does nothing.${didYouMean(near)}`,
        )
    }
  }

  #add(severity: StreamMistake['severity'], path: string, message: string): void {
    const key = `${message}\n${path.split('.').at(-1) ?? ''}`
    if (!this.#found.has(key)) this.#found.set(key, { severity, path, message })
  }
}

/** A path that is a template may be a whole URL. */
function lacksUrl(component: PlainDict): boolean {
  if (hasText(component, 'url_base') || hasText(component, 'url')) return false
  return !(optionalText(component, 'path') ?? '').includes('{{')
}

function hasText(component: PlainDict, name: string): boolean {
  const value = get(component, name)
  return typeof value === 'string' && value.trim() !== ''
}

/** Why a RequestOption can never be used, as its stream is built. */
function requestOptionMistakes(option: PlainDict): readonly string[] {
  const problem = requestOptionProblem(option)
  return problem === undefined ? [] : [problem]
}

/** A paginator whose token and page size go to one place fails before its first request. */
function paginatorMistakes(paginator: PlainDict): readonly string[] {
  if (get(paginator, 'type') !== 'DefaultPaginator') return []
  const [size, token] = [
    optionalComponent(paginator, 'page_size_option'),
    optionalComponent(paginator, 'page_token_option'),
  ]
  if (size === undefined || token === undefined || get(token, 'type') !== 'RequestOption') return []
  if (get(size, 'inject_into') !== get(token, 'inject_into')) return []
  const [sizePath, tokenPath] = [pathOf(size), pathOf(token)]
  if (!equals([...sizePath], [...tokenPath])) return []
  const name = sizePath.map(str).join('.')
  return [
    `The page size and the page token both set "${name}" of the ${partName(size)}. Correct field_name of page_size_option or of page_token_option.`,
  ]
}

function pathOf(option: PlainDict): readonly Value[] {
  const path = list(option, 'field_path')
  return path.length > 0 ? path : [get(option, 'field_name') ?? null]
}

function partName(option: PlainDict): string {
  const part = get(option, 'inject_into')
  return typeof part === 'string' ? part.replaceAll('_', ' ') : 'request'
}
