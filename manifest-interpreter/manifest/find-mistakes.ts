import { mistypedName, nearestName } from '../../lib/text/near-names.ts'
import { list, optionalText } from '../definition.ts'
import type { TemplateCompiler } from '../interpolation/template-compiler.ts'
import { entries, get, isDict, isPlainDict } from '../value/dict.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'
import { str } from '../value/text.ts'
import { language } from './definitions/language.ts'
import { streamMistakes, type StreamMistake } from './stream-mistakes.ts'
import type { Manifest } from './load-manifest.ts'

/** What is wrong in a manifest that is valid, and loads, as far as its text shows it. */
export interface Mistake extends StreamMistake {
  /** The stream that it concerns; null for the manifest as a whole. */
  readonly stream: string | null
}

/** The version of the language that is interpreted. */
const supportedVersion = [7, 39] as const

/** Finds them all; each once a stream. */
export function findMistakes(
  { definition, check }: Manifest,
  templates: TemplateCompiler,
): readonly Mistake[] {
  const streams = list(definition, 'streams')
    .filter(isPlainDict)
    .flatMap((stream) =>
      get(stream, 'type') === 'ConditionalStreams'
        ? list(stream, 'streams').filter(isPlainDict)
        : [stream],
    )
  const names = streams.map((stream) => optionalText(stream, 'name') ?? '')
  const isDynamic = list(definition, 'dynamic_streams').length > 0
  return [
    ...versionMistakes(definition),
    ...duplicateNames(names),
    ...(isDynamic
      ? []
      : [...noStreams(names), ...emptyCheck(check), ...checkMistakes(check, names)]),
    ...streams.flatMap((definition, index) => {
      const stream = names[index] ?? null
      return [
        ...new Walk(templates, stream).mistakes(definition),
        ...streamMistakes(definition).map((mistake) => ({ ...mistake, stream })),
      ]
    }),
  ]
}

function versionMistakes(definition: PlainDict): readonly Mistake[] {
  const version = optionalText(definition, 'version') ?? ''
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [ownMajor, ownMinor] = supportedVersion
  if (major < ownMajor || (major === ownMajor && minor <= ownMinor)) return []
  const message = `The manifest has version ${version}, but this interpreter supports ${supportedVersion.join('.')}: newer components and fields do nothing.`
  return [{ severity: 'warning', stream: null, path: 'version', message }]
}

function duplicateNames(names: readonly string[]): readonly Mistake[] {
  const doubled = new Set(names.filter((name, index) => names.indexOf(name) !== index))
  return [...doubled].map((stream) => ({
    severity: 'warning' as const,
    stream,
    path: 'name',
    message: 'Several streams have this name, and only one of them can be read. Rename the others.',
  }))
}

function noStreams(names: readonly string[]): readonly Mistake[] {
  if (names.length > 0) return []
  const message = 'The manifest has no streams, so that there is nothing to read. Add one.'
  return [{ severity: 'error', stream: null, path: 'streams', message }]
}

/** Such a check succeeds, whatever the configuration is; without any of the fields it fails. */
function emptyCheck(check: PlainDict): readonly Mistake[] {
  if (get(check, 'type') !== 'CheckStream') return []
  const fields = ['stream_names', 'dynamic_streams_check_configs']
  if (fields.some((name) => list(check, name).length > 0)) return []
  const severity = fields.some((name) => get(check, name) !== undefined) ? 'warning' : 'error'
  const message =
    'The check looks at no stream, so that it finds nothing. Name one in stream_names.'
  return [{ severity, stream: null, path: 'check.stream_names', message }]
}

function checkMistakes(check: PlainDict, names: readonly string[]): readonly Mistake[] {
  return list(check, 'stream_names').flatMap((name): readonly Mistake[] => {
    if (typeof name !== 'string' || names.includes(name)) return []
    const message = `There is no stream "${name}".${meant(nearestName(name, names))}`
    return [{ severity: 'error', stream: null, path: 'check.stream_names', message }]
  })
}

function meant(name: string | undefined): string {
  return name === undefined ? '' : ` Did you mean "${name}"?`
}

/** What holds data, or is written for people: no templates, no components. */
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

/** Looks at a stream from the top down. */
class Walk {
  readonly #templates: TemplateCompiler
  readonly #stream: string | null
  /** Equal mistakes of components that stand in several places are one. */
  readonly #found = new Map<string, Mistake>()
  /** Definitions are shared: each is looked at once. */
  readonly #seen = new Set<Value>()

  constructor(templates: TemplateCompiler, stream: string | null) {
    this.#templates = templates
    this.#stream = stream
  }

  mistakes(stream: PlainDict): readonly Mistake[] {
    this.#look(stream, '')
    return [...this.#found.values()]
  }

  #look(value: Value, path: string): void {
    if (typeof value === 'string') {
      this.#lookAtText(value, path)
      return
    }
    if (typeof value !== 'object' || value === null || this.#seen.has(value)) return
    this.#seen.add(value)
    if (Array.isArray(value))
      for (const [position, item] of value.entries()) this.#look(item, `${path}[${position}]`)
    else if (isDict(value)) this.#lookAtDict(value, path)
  }

  #lookAtDict(dict: Dict, path: string): void {
    if (isPlainDict(dict)) this.#lookAtComponent(dict, path)
    const passedDown = get(dict, '$parameters')
    for (const [key, value] of entries(dict)) {
      const name = str(key)
      const isPassedDown =
        passedDown !== undefined && isDict(passedDown) && get(passedDown, name) === value
      if (!dataFields.has(name) && !isPassedDown)
        this.#look(value, path === '' ? name : `${path}.${name}`)
    }
  }

  #lookAtText(text: string, path: string): void {
    if (!/\{[{%]/.test(text)) return
    const problem = this.#templates.problemOf(text)
    if (problem !== undefined) this.#add('error', path, `${problem} Correct the template.`)
  }

  #lookAtComponent(component: PlainDict, path: string): void {
    const type = get(component, 'type')
    if (typeof type !== 'string' || type.startsWith('Custom')) return
    this.#lookForUnknownFields(component, type, path)
    if (type === 'HttpRequester' && lacksUrl(component))
      this.#add('error', path, 'The requester has no URL. Add "url_base", or "url".')
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
          `${type} has no field "${name}", which does nothing.${meant(near)}`,
        )
    }
  }

  #add(severity: Mistake['severity'], path: string, message: string): void {
    const key = `${message}\n${path.split('.').at(-1) ?? ''}`
    if (!this.#found.has(key))
      this.#found.set(key, { severity, stream: this.#stream, path, message })
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
