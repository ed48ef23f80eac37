import { field, list, optionalComponent, optionalText } from '../definition.ts'
import { entries, isDict, isPlainDict } from '../value/dict.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'
import type { Manifest } from './load-manifest.ts'

/** A stream that cannot be read, or a dynamic stream that cannot make any, and why. */
export interface UnsupportedStream {
  readonly name: string
  readonly reason: string
}

/** Whether a class of Python has a replacement here, by its full name, as `source_x.components.Y`. */
export type HasReplacement = (className: string) => boolean

/** Why a stream cannot be read, undefined if it can. Parents that it reads count. */
export function unsupportedReason(
  stream: PlainDict,
  hasReplacement: HasReplacement = () => false,
): string | undefined {
  const needed = neededClasses(stream, hasReplacement)
  return needed && `${needed} Register a replacement, or leave the stream out.`
}

/**
 * Why no stream can be read at all: the rules for the configuration need Python. Undefined if they do not.
 */
export function unsupportedRules(
  { spec }: Manifest,
  hasReplacement: HasReplacement = () => false,
): string | undefined {
  const rules = spec && optionalComponent(spec, 'config_normalization_rules')
  const needed = rules && neededClasses(rules, hasReplacement)
  return (
    needed &&
    `${needed} It changes or checks the configuration, so that no stream can be read. Register a replacement, or remove it from config_normalization_rules.`
  )
}

/** The dynamic streams that cannot make any streams: their resolver or their template needs Python. */
export function unsupportedDynamicStreams(
  { definition }: Manifest,
  hasReplacement: HasReplacement = () => false,
): readonly UnsupportedStream[] {
  return list(definition, 'dynamic_streams').flatMap((stream, index): UnsupportedStream[] => {
    if (!isPlainDict(stream)) return []
    const reason = unsupportedReason(stream, hasReplacement)
    return reason === undefined ? [] : [{ name: dynamicStreamName(stream, index), reason }]
  })
}

/** A dynamic stream may have no name. */
export function dynamicStreamName(dynamicStream: PlainDict, index: number): string {
  return optionalText(dynamicStream, 'name') ?? `dynamic_stream_${index}`
}

function neededClasses(definition: Dict, hasReplacement: HasReplacement): string | undefined {
  const missing = classesOf(definition).filter((name) => !hasReplacement(name))
  if (missing.length === 0) return undefined
  const [noun, verb] = missing.length === 1 ? ['component', 'is'] : ['components', 'are']
  return `It needs the ${noun} ${missing.join(', ')}, which ${verb} written in Python and cannot run here.`
}

const none: readonly string[] = []
/** Definitions never change, and streams share many. */
const known = new WeakMap<Dict, readonly string[]>()

/** The classes that a definition names, each once, in order. */
function classesOf(definition: Dict): readonly string[] {
  const before = known.get(definition)
  if (before !== undefined) return before
  const found = new Set<string>()
  const own = isPlainDict(definition) ? customClass(definition) : undefined
  if (own !== undefined) found.add(own)
  for (const [key, value] of entries(definition)) {
    if (!isPassedOver(key)) addClassesIn(value, found)
  }
  const classes = found.size === 0 ? none : [...found]
  known.set(definition, classes)
  return classes
}

/**
 * Parameters and schemas hold no components. A state migration is asked only for states of older versions of
 * a connector (`migrateState`): the stream can be read without it.
 */
function isPassedOver(key: Value): boolean {
  return key === '$parameters' || key === 'schema' || key === 'state_migrations'
}

function addClassesIn(value: Value, found: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) addClassesIn(item, found)
  else if (isDict(value)) for (const name of classesOf(value)) found.add(name)
}

function customClass(definition: PlainDict): string | undefined {
  const type = field(definition, 'type')
  const name = field(definition, 'class_name')
  return typeof type === 'string' && type.startsWith('Custom') && typeof name === 'string'
    ? name
    : undefined
}
