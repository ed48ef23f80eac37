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

/** Why a stream cannot be read, undefined where it can. Parents that it reads count. */
export function unsupportedReason(
  stream: PlainDict,
  hasReplacement: HasReplacement = () => false,
): string | undefined {
  const missing = [...new Set(customClasses(stream).filter((name) => !hasReplacement(name)))]
  if (missing.length === 0) return undefined
  const [noun, verb] = missing.length === 1 ? ['component', 'is'] : ['components', 'are']
  return `It needs the ${noun} ${missing.join(', ')}, which ${verb} written in Python and cannot run here. Register a replacement, or leave the stream out.`
}

/** The classes that a definition names, in order. */
function customClasses(definition: Dict): string[] {
  const own = isPlainDict(definition) ? customClass(definition) : undefined
  const inside = entries(definition).flatMap(([key, value]) => {
    // What parameters and schemas hold are no components.
    if (key === '$parameters' || key === 'schema') return []
    return classesIn(value)
  })
  return own === undefined ? inside : [own, ...inside]
}

function classesIn(value: Value): string[] {
  if (Array.isArray(value)) return value.flatMap(classesIn)
  return isDict(value) ? customClasses(value) : []
}

function customClass(definition: PlainDict): string | undefined {
  const type = field(definition, 'type')
  const name = field(definition, 'class_name')
  return typeof type === 'string' && type.startsWith('Custom') && typeof name === 'string'
    ? name
    : undefined
}
