import { entries, get, isDict } from '../value/dict.ts'
import { str } from '../value/text.ts'
import type { Dict, PlainDict, Value } from '../value/value.ts'

const MASK = '****'

/** Hides the secrets of a configuration in what a source gives out. */
export class SecretFilter {
  readonly #pattern: RegExp | null

  /** @param specification the connection specification: its fields marked `airbyte_secret` are secret */
  constructor(specification: Dict, config: Dict) {
    // Longer secrets first, so that one that contains another is hidden whole.
    const secrets = [...new Set(secretsOf(specification, config))]
      .filter((secret) => secret !== '')
      .toSorted((a, b) => b.length - a.length)
    this.#pattern = secrets.length === 0 ? null : new RegExp(secrets.map(escaped).join('|'), 'g')
  }

  text(text: string): string {
    return this.#pattern === null ? text : text.replace(this.#pattern, MASK)
  }

  /** The same records where they hold no secret: then nothing is copied. */
  records(records: readonly Dict[]): readonly Dict[] {
    if (this.#pattern === null) return records
    const hidden = records.map((record) => this.dict(record))
    return hidden.every((record, index) => record === records[index]) ? records : hidden
  }

  dict(dict: Dict): Dict {
    const hidden = this.value(dict)
    return isDict(hidden) ? hidden : dict
  }

  /** The value itself where it holds no secret. */
  value(value: Value): Value {
    const pattern = this.#pattern
    if (pattern === null || value === null) return value
    if (typeof value === 'string') return hide(pattern, value)
    if (typeof value !== 'object') return value
    if (Array.isArray(value)) {
      const hidden = value.map((item) => this.value(item))
      return hidden.every((item, index) => item === value[index]) ? value : hidden
    }
    if (value instanceof Map) {
      const hidden = new Map<Value, Value>()
      for (const [key, item] of value) hidden.set(this.value(key), this.value(item))
      return hidden
    }
    return isDict(value) ? this.#plain(value) : value
  }

  #plain(dict: PlainDict): Dict {
    let copy: PlainDict | null = null
    for (const key in dict) {
      const value = dict[key] ?? null
      const hidden = this.value(value)
      if (hidden === value) continue
      copy ??= { ...dict }
      copy[key] = hidden
    }
    return copy ?? dict
  }
}

/** TypeScript's library lacks RegExp.escape, which Node 24 has. */
function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

function hide(pattern: RegExp, text: string): string {
  pattern.lastIndex = 0
  if (!pattern.test(text)) return text
  pattern.lastIndex = 0
  return text.replace(pattern, MASK)
}

/** The values of the configuration at the paths that the specification marks as secret. */
function secretsOf(specification: Dict, config: Dict): string[] {
  const properties = get(specification, 'properties') ?? null
  return secretPaths(properties, []).flatMap((path) => {
    let value: Value | undefined = config
    for (const key of path) value = isDict(value) ? get(value, key) : undefined
    return value === undefined || value === null ? [] : [str(value)]
  })
}

function secretPaths(schema: Value, path: readonly string[]): string[][] {
  if (Array.isArray(schema)) return schema.flatMap((item) => secretPaths(item, path))
  if (!isDict(schema)) return []
  return entries(schema).flatMap(([key, value]) => {
    const name = str(key)
    if (name === 'airbyte_secret') return value === true ? [[...path]] : []
    return secretPaths(value, name === 'properties' || name === 'oneOf' ? path : [...path, name])
  })
}
