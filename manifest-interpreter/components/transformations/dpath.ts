import { entries, get, has, isDict, remove, set } from '../../value/dict.ts'
import { isInt } from '../../value/number.ts'
import { typeError, valueError } from '../../value/python-error.ts'
import { typeName } from '../../value/type-name.ts'
import { PyFloat, PySet, PyTuple, type Value } from '../../value/value.ts'
import { requireDepth } from './copy-value.ts'
import { compilePattern, isPattern } from './glob-pattern.ts'
import { parseInteger } from './python-int.ts'

/**
 * Paths into values, as Python's dpath has them: a segment is a key, an index of a list (also as text, also
 * negative), a pattern (`*`, `?`, `[a-z]`), or `**` for any number of segments. Other than dpath, empty keys
 * are keys.
 */

/** The error that dpath would raise. */
export class DpathError extends Error {
  readonly kind: 'InvalidGlob' | 'PathNotFound'

  constructor(kind: DpathError['kind'], message: string) {
    super(message)
    this.name = 'DpathError'
    this.kind = kind
  }
}

interface Segment {
  /** Matches keys that are texts. */
  readonly matches: (key: string) => boolean
  /** The only key that matches; undefined for a pattern and for a key that is not text. */
  readonly literal: string | undefined
  /** The index of a list item, or a key that is an int. */
  readonly index: number | bigint | undefined
}

/** A path that may match in several places. */
export interface Glob {
  readonly segments: readonly Segment[]
  /** Where `**` is, -1 if it is not. */
  readonly deepAt: number
}

/** Lists do not grow beyond this. */
const maxListLength = 100_000

export function compileGlob(path: readonly Value[]): Glob {
  const deepAt = path.indexOf('**')
  if (deepAt >= 0 && path.includes('**', deepAt + 1))
    throw new DpathError('InvalidGlob', "Only one '**' is permitted in a path.")
  return { segments: path.map(compileSegment), deepAt }
}

function compileSegment(segment: Value): Segment {
  if (typeof segment === 'string') {
    const literal = isPattern(segment) ? undefined : segment
    const matches = literal === undefined ? compilePattern(segment) : same(segment)
    return { literal, matches, index: parseInteger(segment) }
  }
  return { literal: undefined, matches: () => false, index: indexOf(segment) }
}

function same(expected: string): (key: string) => boolean {
  return (key) => key === expected
}

/** `int(segment)` of what is not text. */
function indexOf(segment: Value): number | bigint | undefined {
  if (isInt(segment)) return segment
  if (typeof segment === 'boolean') return segment ? 1 : 0
  const size = segment instanceof PyFloat ? segment.value : segment
  return typeof size === 'number' && Number.isFinite(size) ? Math.trunc(size) : undefined
}

/** The values that match, in dpath's order. */
export function findAll(root: Value, glob: Glob): Value[] {
  const found: Value[] = []
  visitMatches(root, glob, (path) => found.push(path.value))
  return found
}

/** The value of the only match, undefined if there is none. Throws if there are several. */
export function find(root: Value, glob: Glob): Value | undefined {
  if (glob.segments.length === 0) return root
  const found = findAll(root, glob)
  if (found.length > 1) throw valueError('dpath.get() globs must match only one leaf')
  return found[0]
}

/**
 * Removes what matches and says how often. An item of a list that is not its last becomes null, so that the
 * others stay.
 */
export function removeMatches(root: Value, glob: Glob): number {
  if (removesOneKey(root, glob)) return 1
  const matched: Match[] = []
  visitMatches(root, glob, (place) => matched.push(place))
  return matched.filter((place) => removePlace(root, place)).length
}

/** The usual case, without a walk. */
function removesOneKey(root: Value, { segments, deepAt }: Glob): boolean {
  const [only] = segments
  if (segments.length !== 1 || deepAt >= 0 || only?.literal === undefined) return false
  return isDict(root) && !(root instanceof Map) && remove(root, only.literal)
}

/** Removes every leaf that is selected, wherever it is. */
export function removeLeaves(root: Value, isSelected: (leaf: Value) => boolean): number {
  const places: Match[] = []
  visitAll(root, noPath, (place) => places.push(place))
  let removed = 0
  for (const place of places) {
    if (!isLeaf(place.value) || !exists(root, place)) continue
    if (isSelected(place.value) && removePlace(root, place)) removed++
  }
  return removed
}

/** Replaces what matches and says how often. */
export function replaceMatches(root: Value, glob: Glob, value: Value): number {
  const matched: Match[] = []
  visitMatches(root, glob, (place) => matched.push(place))
  let replaced = 0
  for (const place of matched) {
    if (!exists(root, place)) continue
    assign(place.path.slice(0, -1).reduce(step, root), lastKey(place), value)
    replaced++
  }
  return replaced
}

/**
 * Sets the value at a path and makes the lists and dicts on the way that are missing. No segment is a
 * pattern.
 */
export function create(root: Value, path: readonly Value[], value: Value): void {
  let current = root
  for (const [i, segment] of path.slice(0, -1).entries()) {
    let next = child(current, itemKey(current, segment))
    if (next === undefined) {
      const following = path[i + 1]
      assign(current, creationKey(current, segment), isIndex(following) ? [] : {})
      next = child(current, itemKey(current, segment))
      if (next === undefined)
        throw typeError(`cannot set ${typeName(segment)} of ${typeName(current)}`)
    }
    if (isLeaf(next))
      throw new DpathError(
        'PathNotFound',
        `Cannot add to a value that is not an object or list, at ${place(path, i)}.`,
      )
    current = next
  }
  assign(current, itemKey(current, path.at(-1) ?? null), value)
}

function place(path: readonly Value[], last: number): string {
  return path
    .slice(0, last + 1)
    .map((segment) => (typeof segment === 'string' ? segment : typeName(segment)))
    .join('.')
}

interface Match {
  /** Keys and indexes from the root on. */
  readonly path: readonly Value[]
  readonly value: Value
}
const noPath: readonly Value[] = []

function lastKey({ path }: Match): Value {
  return path.at(-1) ?? null
}

/**
 * A shallower match comes first, save below `**`: as dpath walks, the children of a value before what is in
 * them.
 */
function visitMatches(root: Value, glob: Glob, visit: (place: Match) => void): void {
  if (glob.deepAt < 0) visitLevel(root, { glob, path: noPath, visit })
  else
    visitAll(root, noPath, (found) => {
      if (matchesDeep(found.path, glob)) visit(found)
    })
}

function visitLevel(
  container: Value,
  walk: {
    readonly glob: Glob
    readonly path: readonly Value[]
    readonly visit: (place: Match) => void
  },
): void {
  const { glob, path, visit } = walk
  const segment = glob.segments[path.length]
  if (segment === undefined) return
  for (const [key, value] of candidates(container, segment)) {
    const found = [...path, key]
    if (found.length === glob.segments.length) visit({ path: found, value })
    else visitLevel(value, { glob, path: found, visit })
  }
}

/** The children that match; found without a look at the others if the segment is one key. */
function candidates(container: Value, segment: Segment): readonly (readonly [Value, Value])[] {
  if (isLeaf(container)) return []
  if (segment.literal !== undefined && isDict(container) && !(container instanceof Map)) {
    const value = get(container, segment.literal)
    return value === undefined ? [] : [[segment.literal, value]]
  }
  const all = children(container)
  const length = isDict(container) ? 0 : all.length
  return all.filter(([key]) => matchesKey(segment, key, length))
}

function visitAll(root: Value, path: readonly Value[], visit: (place: Match) => void): void {
  if (isLeaf(root)) return
  requireDepth(path.length)
  const all = children(root)
  for (const [key, value] of all) visit({ path: [...path, key], value })
  for (const [key, value] of all) visitAll(value, [...path, key], visit)
}

/** Lengths of lists on the way are not known here: a negative index beside `**` does not match. */
function matchesDeep(path: readonly Value[], { segments, deepAt }: Glob): boolean {
  const after = segments.length - deepAt - 1
  if (path.length < deepAt + after) return false
  const head = path.slice(0, deepAt)
  const tail = after === 0 ? [] : path.slice(-after)
  return [...head, ...tail].every((key, i) => {
    const segment = segments[i < deepAt ? i : i + 1]
    return segment !== undefined && matchesKey(segment, key, 0)
  })
}

/** `length` of the list that an index counts in; 0 for keys of a dict. */
function matchesKey(segment: Segment, key: Value, length: number): boolean {
  if (typeof key === 'string') return segment.matches(key)
  if (!isInt(key)) return false
  if (segment.index === undefined) return segment.matches(String(key))
  return (
    BigInt(segment.index) === BigInt(key) || BigInt(segment.index) === BigInt(key) - BigInt(length)
  )
}

function children(container: Value): readonly (readonly [Value, Value])[] {
  if (isDict(container)) return entries(container)
  return (items(container) ?? []).map((item, i) => [i, item] as const)
}

function items(container: Value): readonly Value[] | undefined {
  if (Array.isArray(container)) return container
  return container instanceof PyTuple || container instanceof PySet ? container.items : undefined
}

function isLeaf(value: Value): boolean {
  return (
    typeof value !== 'object' ||
    value === null ||
    value instanceof PyFloat ||
    value instanceof Uint8Array
  )
}

function exists(root: Value, { path }: Match): boolean {
  let current: Value | undefined = root
  for (const key of path) {
    if (current === undefined || isLeaf(current)) return false
    current = child(current, key)
  }
  return current !== undefined
}

function step(container: Value, key: Value): Value {
  return child(container, key) ?? null
}

function removePlace(root: Value, found: Match): boolean {
  if (!exists(root, found)) return false
  const parent = found.path.slice(0, -1).reduce(step, root)
  const key = lastKey(found)
  if (isDict(parent)) remove(parent, key)
  else if (!Array.isArray(parent) || typeof key !== 'number')
    throw typeError(`'${typeName(parent)}' object doesn't support item deletion`)
  else if (key === parent.length - 1) parent.pop()
  else parent[key] = null
  return true
}

/** `container[key]`, undefined if Python raises. */
function child(container: Value, key: Value): Value | undefined {
  if (isDict(container)) return has(container, key) ? get(container, key) : undefined
  if (Array.isArray(container) || container instanceof PyTuple)
    return isInt(key) ? items(container)?.at(Number(key)) : undefined
  return undefined
}

/** An index that is text is a number for a list. */
function itemKey(container: Value, segment: Value): Value {
  const isList = Array.isArray(container) || container instanceof PyTuple
  return isList && typeof segment === 'string' && isIndex(segment)
    ? (parseInteger(segment) ?? segment)
    : segment
}

/** Where a missing part of a path is made: in a list, any int will do. */
function creationKey(container: Value, segment: Value): Value {
  if (!Array.isArray(container) || typeof segment !== 'string') return segment
  const index = parseInteger(segment)
  if (index === undefined) throw valueError('A position in a list must be a whole number.')
  return index
}

function isIndex(segment: Value | undefined): boolean {
  return typeof segment === 'string' ? /^\p{Nd}+$/u.test(segment) : isInt(segment)
}

/** `container[key] = value`; a list grows to the index, with nulls. */
function assign(container: Value, key: Value, value: Value): void {
  if (isDict(container)) {
    set(container, key, value)
    return
  }
  if (!Array.isArray(container) || !isInt(key))
    throw typeError(`cannot set ${typeName(key)} of ${typeName(container)}`)
  const index = Number(key) < 0 ? Number(key) + container.length : Number(key)
  if (index < 0) throw typeError('list assignment index out of range')
  if (index >= maxListLength)
    throw valueError(`Cannot add an item beyond position ${maxListLength} of a list.`)
  while (container.length < index) container.push(null)
  container[index] = value
}
