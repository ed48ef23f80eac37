import { entries, isDict } from './dict.ts'
import { textOf } from './hashable.ts'
import { isFloat, numeric } from './number.ts'
import { compare } from './ordering.ts'
import { limitError, typeError } from './python-error.ts'
import { floatText, str } from './text.ts'
import { typeName } from './type-name.ts'
import { PyTuple, type Value } from './value.ts'

export interface DumpOptions {
  /** Characters beyond ASCII as `\uXXXX`. Default: true, as in Python. */
  readonly ensureAscii?: boolean
  readonly sortKeys?: boolean
  /** Between items, and between a key and its value. Default: `, ` and `: `. */
  readonly separators?: readonly [string, string]
  /** Spaces of a level, or the text of one. */
  readonly indent?: number | string
}

const maxDepth = 900

/** As json.dumps. Throws Python's TypeError for values that JSON cannot hold: datetimes, sets, bytes. */
export function dumpJson(value: Value, options: DumpOptions = {}): string {
  return new Dumper(options).dump(value, 0)
}

class Dumper {
  readonly #options: DumpOptions
  readonly #item: string
  readonly #colon: string
  readonly #indent: string | undefined

  constructor(options: DumpOptions) {
    this.#options = options
    const { indent } = options
    this.#indent = typeof indent === 'number' ? ' '.repeat(Math.max(0, indent)) : indent
    this.#item = options.separators?.[0] ?? (indent === undefined ? ', ' : ',')
    this.#colon = options.separators?.[1] ?? ': '
  }

  dump(value: Value, depth: number): string {
    if (depth > maxDepth) throw limitError('The value is nested too deeply.')
    const text = textOf(value)
    if (text !== undefined) return this.#text(text)
    if (value === null) return 'null'
    if (typeof value === 'boolean') return value ? 'true' : 'false'
    if (numeric(value) !== undefined) return numberText(value)
    if (Array.isArray(value)) return this.#list(value, depth)
    if (value instanceof PyTuple) return this.#list(value.items, depth)
    if (isDict(value)) return this.#dict(entries(value), depth)
    throw typeError(`Object of type ${typeName(value)} is not JSON serializable`)
  }

  #text(text: string): string {
    const quoted = JSON.stringify(text)
    return this.#options.ensureAscii === false ? quoted : escapeNonAscii(quoted)
  }

  #list(items: readonly Value[], depth: number): string {
    if (items.length === 0) return '[]'
    return this.#enclosed(
      '[]',
      depth,
      items.map((item) => this.dump(item, depth + 1)),
    )
  }

  #dict(items: readonly (readonly [Value, Value])[], depth: number): string {
    if (items.length === 0) return '{}'
    const list = this.#options.sortKeys === true ? sortedByKey(items) : items
    const inside = list.map(
      ([key, item]) => this.#text(keyText(key)) + this.#colon + this.dump(item, depth + 1),
    )
    return this.#enclosed('{}', depth, inside)
  }

  #enclosed(brackets: string, depth: number, items: readonly string[]): string {
    const open = brackets.charAt(0)
    const close = brackets.charAt(1)
    if (this.#indent === undefined) return open + items.join(this.#item) + close
    const inner = `\n${this.#indent.repeat(depth + 1)}`
    const outer = `\n${this.#indent.repeat(depth)}`
    return open + inner + items.join(this.#item.trimEnd() + inner) + outer + close
  }
}

function sortedByKey(
  items: readonly (readonly [Value, Value])[],
): readonly (readonly [Value, Value])[] {
  const isBefore = (a: Value, b: Value): boolean => compare('<', a, b)
  return items.toSorted(([a], [b]) => {
    if (isBefore(a, b)) return -1
    return isBefore(b, a) ? 1 : 0
  })
}

function keyText(key: Value): string {
  const text = textOf(key)
  if (text !== undefined) return text
  if (key === null) return 'null'
  if (typeof key === 'boolean') return key ? 'true' : 'false'
  if (numeric(key) !== undefined) return numberText(key)
  throw typeError(`keys must be str, int, float, bool or None, not ${typeName(key)}`)
}

function numberText(value: Value): string {
  if (!isFloat(value)) return str(value)
  const number = Number(numeric(value))
  if (Number.isNaN(number)) return 'NaN'
  if (!Number.isFinite(number)) return number > 0 ? 'Infinity' : '-Infinity'
  return floatText(number)
}

function escapeNonAscii(quoted: string): string {
  return quoted.replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
