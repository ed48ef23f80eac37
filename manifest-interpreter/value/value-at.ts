import { entries, get, isDict } from './dict.ts'
import { typeError, valueError } from './python-error.ts'
import type { Value } from './value.ts'

/**
 * The value at a path, as `dpath.get` finds it: a text is split at slashes, each part is a key, an index or a glob pattern.
 * Undefined where there is none; throws where a pattern fits several.
 */
export function valueAt(tree: Value, path: Value | readonly Value[]): Value | undefined {
  const parts = partsOf(path)
  if (parts.length === 0) return tree
  if (parts.every(isPlain)) return direct(tree, parts)
  const found: Value[] = []
  collect(tree, parts, found)
  if (found.length > 1)
    throw valueError(`The path ${parts.join('/')} must lead to one value, not to several.`)
  return found[0]
}

function partsOf(path: Value | readonly Value[]): readonly Value[] {
  if (typeof path === 'string')
    return path === '' || path === '/' ? [] : path.replace(/^\/+/, '').split('/')
  if (Array.isArray(path)) return path
  throw typeError('A path must be a text or a list of keys.')
}

const isPlain = (part: Value): boolean => typeof part !== 'string' || !/[*?[]/.test(part)

function direct(tree: Value, parts: readonly Value[]): Value | undefined {
  let value: Value | undefined = tree
  for (const part of parts) {
    if (value === undefined) return undefined
    value = child(value, part)
  }
  return value
}

function child(value: Value, part: Value): Value | undefined {
  if (Array.isArray(value)) {
    const index = indexOf(part)
    return index === undefined ? undefined : value.at(index)
  }
  return isDict(value) && typeof part === 'string' ? get(value, part) : undefined
}

function indexOf(part: Value): number | undefined {
  if (typeof part === 'number' && Number.isInteger(part)) return part
  return typeof part === 'string' && /^\s*[+-]?\d+\s*$/.test(part) ? Number(part) : undefined
}

function collect(value: Value, parts: readonly Value[], found: Value[]): void {
  const [part, ...rest] = parts
  if (part === undefined) {
    found.push(value)
    return
  }
  if (part === '**') {
    if (rest.length > 0) collect(value, rest, found)
    for (const [, nested] of children(value)) {
      if (rest.length === 0) found.push(nested)
      collect(nested, parts, found)
    }
    return
  }
  if (isPlain(part)) {
    const nested = child(value, part)
    if (nested !== undefined) collect(nested, rest, found)
    return
  }
  const pattern = globPattern(String(part))
  for (const [key, nested] of children(value)) if (pattern.test(key)) collect(nested, rest, found)
}

function children(value: Value): (readonly [key: string, value: Value])[] {
  if (Array.isArray(value)) return value.map((nested, index) => [String(index), nested])
  return isDict(value) ? entries(value).map(([key, nested]) => [String(key), nested]) : []
}

/** A pattern of Python's fnmatch. */
function globPattern(glob: string): RegExp {
  let source = ''
  for (let at = 0; at < glob.length; at += 1) {
    const character = glob.charAt(at)
    const end = character === '[' ? glob.indexOf(']', at + (/^\[!?\]/.test(glob.slice(at)) ? 3 : 1)) : -1
    if (character === '*') source += '[^]*'
    else if (character === '?') source += '[^]'
    else if (end > 0) {
      const set = glob.slice(at + 1, end).replaceAll(/[\\\]^]/g, String.raw`\$&`)
      source += `[${set.replace(/^!/, '^')}]`
      at = end
    } else source += character.replaceAll(/[$()*+./?[\\\]^{|}]/g, String.raw`\$&`)
  }
  return new RegExp(`^${source}$`, 'u')
}
