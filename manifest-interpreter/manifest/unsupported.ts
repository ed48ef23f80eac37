import { field } from '../definition.ts'
import { entries, isDict, isPlainDict } from '../value/dict.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'

/** A stream that cannot be read, and why. */
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
  const missing = classesOf(stream).filter((name) => !hasReplacement(name))
  if (missing.length === 0) return undefined
  const [noun, verb] = missing.length === 1 ? ['component', 'is'] : ['components', 'are']
  return `It needs the ${noun} ${missing.join(', ')}, which ${verb} written in Python and cannot run here. Register a replacement, or leave the stream out.`
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
    // What parameters and schemas hold are no components.
    if (key !== '$parameters' && key !== 'schema') addClassesIn(value, found)
  }
  const classes = found.size === 0 ? none : [...found]
  known.set(definition, classes)
  return classes
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
