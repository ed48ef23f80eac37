import { get, isDict } from '../../value/dict.ts'
import { compileGlob, find, findAll } from '../transformations/dpath.ts'
import { isPattern } from '../transformations/glob-pattern.ts'
import type { Builder } from '../../component.ts'
import type { Dict, Value } from '../../value/value.ts'

/** Where in a decoded value the records are. */
export interface FieldPath {
  /** The keys, if the path only consists of keys of objects; null for a path with patterns or indexes. */
  readonly keys: readonly string[] | null
  /**
   * Returns the value at the path: with `*` a list of all matches, else the only match. Undefined if there is
   * none; throws if a pattern matches in several places.
   */
  find(body: Value): Value | undefined
}

export interface CompiledFieldPath extends FieldPath {
  /**
   * True if `keys` is not null. Also false for a template that fails: the error is reported with the first
   * value.
   */
  isFixed(): boolean
}

/**
 * The segments are templates that see the configuration only, so they are evaluated once, with the first
 * value.
 */
export function compileFieldPath(
  segments: readonly Value[],
  { builder, parameters }: { readonly builder: Builder; readonly parameters: Dict },
): CompiledFieldPath {
  const { config } = builder
  const templates = segments.map((segment) => builder.templates.string(segment, { parameters }))
  let compiled: FieldPath | undefined
  const path = () => (compiled ??= fieldPath(templates.map((template) => template({ config }))))
  return {
    get keys() {
      return path().keys
    },
    find: (body) => path().find(body),
    isFixed() {
      try {
        return path().keys !== null
      } catch {
        return false
      }
    },
  }
}

export function fieldPath(path: readonly Value[]): FieldPath {
  const keys = path.filter((segment) => typeof segment === 'string' && !isPattern(segment))
  if (keys.length === path.length) {
    const texts = keys.map(String)
    return { keys: texts, find: keysFinder(texts, path) }
  }
  const glob = compileGlob(path)
  const finds = path.includes('*') ? findAll : find
  return { keys: null, find: (body) => finds(body, glob) }
}

/** The usual path: one look-up for each key. If there is a list on the way, a key may be an index of it. */
function keysFinder(
  keys: readonly string[],
  path: readonly Value[],
): (body: Value) => Value | undefined {
  const glob = compileGlob(path)
  return (body) => {
    let value: Value | undefined = body
    for (const key of keys) {
      if (!isDict(value)) return find(body, glob)
      value = get(value, key)
      if (value === undefined) return undefined
    }
    return value
  }
}
