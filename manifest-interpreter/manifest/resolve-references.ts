import { entries, get, isDict, merged } from '../value/dict.ts'
import type { Dict, Value } from '../value/value.ts'
import { manifestError } from './manifest-error.ts'
import { mapValues } from './map-values.ts'

/** Holds values of a configuration, in which a text like "#/a" is no reference. */
const untouchedField = 'config_overrides'
const prefix = '#/'
/** References inside of what references name. Python's stack ends at about as many. */
const maxDepth = 500
/**
 * Values of a manifest, with its references expanded and without the values that an object's own entries
 * replace. Of 518 public manifests the largest, Google Ads, has 460,000 (2026-12).
 */
const maxValues = 2_000_000
/**
 * Values that are looked at and entries that are copied to resolve the references, each reference once: a
 * bound of the work.
 */
const maxSteps = 4_000_000

/**
 * Replaces references. A text that begins with "#/" becomes the value that it names. `$ref` in an object adds
 * the entries of the object that it names; the object's own entries win. A value that is named twice is one
 * object in the result.
 * @throws {ManifestError} for a reference that names nothing, or itself
 */
export function resolveReferences(manifest: Dict): Dict {
  const resolved = new Resolver(manifest).evaluate(manifest, 0)
  if (!isDict(resolved)) {
    throw manifestError('', 'Its "$ref" names no object. Remove it: a manifest is an object.')
  }
  return resolved
}

class Resolver {
  readonly #manifest: Dict
  readonly #resolved = new Map<string, Value>()
  /** References that are being followed. */
  readonly #open = new Set<string>()
  /** How many values each result stands for, itself included. */
  readonly #sizes = new WeakMap<object, number>()
  #steps = 0

  constructor(manifest: Dict) {
    this.#manifest = manifest
  }

  evaluate(node: Value, depth: number): Value {
    this.#countSteps(1)
    if (typeof node === 'string') return node.startsWith(prefix) ? this.#follow(node, depth) : node
    if (depth > maxDepth) {
      throw manifestError('', `It nests more than ${maxDepth} levels, references included.`)
    }
    if (Array.isArray(node)) {
      const items = node.map((item) => this.evaluate(item, depth + 1))
      return this.#sized(items, items)
    }
    return isDict(node) ? this.#dict(node, depth) : node
  }

  #countSteps(steps: number): void {
    this.#steps += steps
    if (this.#steps > maxSteps) throw tooLarge()
  }

  /** The sizes of the parts are known by now: a result is never walked. */
  #sized<Result extends object>(result: Result, parts: Iterable<Value>): Result {
    let size = 1
    for (const part of parts)
      size += typeof part === 'object' && part !== null ? (this.#sizes.get(part) ?? 1) : 1
    if (size > maxValues) throw tooLarge()
    this.#sizes.set(result, size)
    return result
  }

  #dict(node: Dict, depth: number): Value {
    const own = mapValues(node, (value, key) => {
      if (key === '$ref') return undefined
      return key === untouchedField ? value : this.evaluate(value, depth + 1)
    })
    const reference = get(node, '$ref')
    if (reference === undefined) return this.#sizedDict(own)
    const named = this.evaluate(reference, depth + 1)
    return isDict(named) ? this.#sizedDict(merged(named, own)) : named
  }

  #sizedDict(dict: Dict): Dict {
    const values = entries(dict).map(([, value]) => value)
    this.#countSteps(values.length)
    return this.#sized(dict, values)
  }

  #follow(reference: string, depth: number): Value {
    const known = this.#resolved.get(reference)
    if (known !== undefined) return known
    if (this.#open.has(reference)) {
      const chain = [...this.#open, reference].join(' -> ')
      throw manifestError('', `Circular reference found: ${reference}. Break the chain ${chain}.`)
    }
    this.#open.add(reference)
    const value = this.evaluate(lookUp(this.#manifest, reference), depth + 1)
    this.#open.delete(reference)
    this.#resolved.set(reference, value)
    return value
  }
}

function tooLarge(): Error {
  return manifestError(
    '',
    `Its references expand to more than ${maxValues.toLocaleString('en')} values. Repeat less.`,
  )
}

/**
 * The value that a reference names. A key may itself hold "/": the whole rest of the path is tried as a key
 * before its first part. A part that is a number is an index, or a key that is a number.
 */
function lookUp(manifest: Dict, reference: string): Value {
  const path = (/^[^\n]*/.exec(reference.slice(prefix.length)) ?? [''])[0]
  let node: Value = manifest
  let rest = path
  while (rest !== '') {
    const whole: Value | undefined = isDict(node) ? get(node, rest) : undefined
    if (whole !== undefined) return whole
    const [head = '', ...others] = rest.split('/')
    rest = others.join('/')
    const part = entryOf(node, head)
    if (part === undefined) {
      throw manifestError(
        '',
        `Undefined reference ${reference}: there is no "${head}" in its path. Define it, or correct the reference.`,
      )
    }
    node = part
  }
  return node
}

function entryOf(node: Value, part: string): Value | undefined {
  const index = /^\s*[-+]?\d+(?:_\d+)*\s*$/.test(part)
    ? Number(part.replaceAll('_', ''))
    : undefined
  if (Array.isArray(node)) return index === undefined ? undefined : node.at(index)
  return isDict(node) ? get(node, index ?? part) : undefined
}
