import { scrubber } from '../instances/scrubber.ts'
import type { JsonValue } from '../../protocol/index.ts'

/** Takes the secrets of a run out of what it shows. More become known as the run goes on. */
export class Mask {
  readonly #secrets = new Set<string>()
  #scrub = scrubber([])

  /** Short ones cannot be told from ordinary words, and are left. */
  add(secrets: Iterable<string>): void {
    for (const secret of secrets) if (secret.length >= 4) this.#secrets.add(secret)
    this.#scrub = scrubber([...this.#secrets])
  }

  text(text: string): string {
    return this.#scrub(text)
  }

  /** The texts of a document, not the names of its properties. */
  json(value: JsonValue): JsonValue {
    if (typeof value === 'string') return this.text(value)
    if (isList(value)) return value.map((item) => this.json(item))
    if (typeof value !== 'object' || value === null) return value
    const properties = Object.entries(value)
    return Object.fromEntries(properties.map(([name, item]) => [name, this.json(item)]))
  }
}

/** The texts of a changed document that the one before did not have. */
export function newTexts(changed: JsonValue, before: JsonValue): readonly string[] {
  const known = new Set(textsOf(before))
  return textsOf(changed).filter((text) => !known.has(text))
}

function textsOf(value: JsonValue): readonly string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap((item: JsonValue) => textsOf(item))
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}
