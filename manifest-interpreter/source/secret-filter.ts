import { stringifyExact } from '../../protocol/exact-json.ts'
import type { JsonObject } from '../../protocol/index.ts'
import { secretMask } from '../../protocol/secret-mask.ts'
import { SourceError } from '../source-error.ts'
import {
  expand,
  isObject,
  isSecret,
  itemOf,
  propertyOf,
  startWalk,
  type Schemas,
} from '../config/secret-schema.ts'
import { entries, isDict, textEntries } from '../value/dict.ts'
import { toRecordValue } from '../value/record-value.ts'
import { str } from '../value/text.ts'
import type { Dict, Value } from '../value/value.ts'

/** Lines of a secret (a key file) that are shorter say nothing alone. */
const SHORTEST_LINE = 16
/** Characters of a text for people: what an API says about an error may be a page. Cut only here, so that no half of a secret stays. */
const MAX_SHOWN = 3000
/** Tokens that were learned while a source runs: a new one with each request is possible, the last ones count. */
const MAX_LEARNED = 100

/**
 * Hides the secrets of a configuration in texts for people: errors, logs, statuses. Never in data: records, keys and states
 * stay what the API gave, or a read could not go on from its state.
 */
export class SecretFilter {
  readonly #specification: JsonObject
  readonly #configured = new Set<string>()
  readonly #learned = new Set<string>()
  /** Undefined while it has to be made again. */
  #pattern: RegExp | null | undefined

  /** @param specification the connection specification: its fields marked `airbyte_secret` are secret */
  constructor(specification: Dict, config: Dict) {
    const plain: unknown = JSON.parse(stringifyExact(toRecordValue(specification)))
    this.#specification = isObject(plain) ? plain : {}
    this.learnConfig(config)
  }

  /** The secrets of a configuration that changed: a refresh token that was exchanged. */
  learnConfig(config: Dict): void {
    for (const secret of secretsOf(this.#specification, config)) {
      for (const text of [secret, ...linesOf(secret)])
        if (isVisible(text)) this.#configured.add(text)
    }
    this.#pattern = undefined
  }

  /** A secret that is not part of the configuration: an access token. */
  learn(secret: string): void {
    if (!isVisible(secret) || this.knows(secret)) return
    const [oldest] = this.#learned
    if (oldest !== undefined && this.#learned.size >= MAX_LEARNED) this.#learned.delete(oldest)
    this.#learned.add(secret)
    this.#pattern = undefined
  }

  knows(secret: string): boolean {
    return this.#configured.has(secret) || this.#learned.has(secret)
  }

  text(text: string): string {
    this.#pattern ??= patternOf([...this.#configured, ...this.#learned])
    const masked = this.#pattern === null ? text : text.replace(this.#pattern, secretMask)
    return masked.length > MAX_SHOWN ? `${masked.slice(0, MAX_SHOWN)}…` : masked
  }

  /** The same error, with its texts and those of its causes masked. */
  error<Thrown>(error: Thrown): Thrown {
    for (let at: unknown = error; at instanceof Error; at = at.cause) {
      this.#maskField(at, 'message')
      this.#maskField(at, 'stack')
      if (at instanceof SourceError) this.#maskField(at, 'internalMessage')
    }
    return error
  }

  /** What a log line says: texts and errors, at any depth. */
  facts(facts: unknown): unknown {
    if (typeof facts === 'string') return this.text(facts)
    if (facts instanceof Error) return this.error(facts)
    if (Array.isArray(facts)) return facts.map((item) => this.facts(item))
    if (typeof facts !== 'object' || facts === null) return facts
    return Object.fromEntries(
      Object.entries(facts).map(([name, value]) => [name, this.facts(value)]),
    )
  }

  #maskField(error: Error, name: 'message' | 'stack' | 'internalMessage'): void {
    const value: unknown = Reflect.get(error, name)
    if (typeof value !== 'string') return
    const masked = this.text(value)
    if (masked !== value)
      Object.defineProperty(error, name, { value: masked, configurable: true, writable: true })
  }
}

/** Longer secrets first, so that one that contains another is hidden whole. */
function patternOf(secrets: readonly string[]): RegExp | null {
  if (secrets.length === 0) return null
  const sorted = secrets.toSorted((a, b) => b.length - a.length)
  return new RegExp(sorted.map(spellings).join('|'), 'gu')
}

/**
 * A secret as it may stand in a text: as it is, percent-encoded (in a path or a query), escaped as JSON does, without its
 * control characters, which URLs drop, and any mixture of these.
 */
function spellings(secret: string): string {
  return Array.from(secret, spellingsOfCharacter).join('')
}

function spellingsOfCharacter(char: string): string {
  const inJson = JSON.stringify(char).slice(1, -1)
  const forms = new Set([literal(char), literal(inJson), percentEncoded(char)])
  if (char === ' ') forms.add('\\+')
  const any = `(?:${[...forms].join('|')})`
  return /\p{Cc}/u.test(char) ? `${any}?` : any
}

/** TypeScript's library lacks RegExp.escape, which Node 24 has. */
function literal(text: string): string {
  return text.replace(
    /[^\p{L}\p{N}]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  )
}

/** Hexadecimal digits come in both cases. */
function percentEncoded(char: string): string {
  const bytes = Array.from(Buffer.from(char), (byte) => byte.toString(16).padStart(2, '0'))
  return bytes.map((byte) => `%${byte.replace(/[a-f]/g, bothCases)}`).join('')
}

function bothCases(letter: string): string {
  return `[${letter}${letter.toUpperCase()}]`
}

/** A text without a character that shows would match everywhere. */
function isVisible(text: string): boolean {
  return /[^\p{Cc}\s]/u.test(text)
}

function linesOf(secret: string): readonly string[] {
  const lines = secret.split(/[\r\n]+/)
  return lines.length < 2 ? [] : lines.filter((line) => line.length >= SHORTEST_LINE)
}

/** The values of the configuration in the places that the specification marks as secret. */
function secretsOf(specification: JsonObject, config: Dict): readonly string[] {
  const context = startWalk(specification)
  const walk = (value: Value, schemas: Schemas): readonly string[] => {
    if (isSecret(schemas)) return leavesOf(value)
    if (Array.isArray(value))
      return value.flatMap((item, index) => walk(item, itemOf(schemas, index, specification)))
    if (!isDict(value)) return []
    return textEntries(value).flatMap(([name, item]) =>
      walk(item, propertyOf(schemas, name, context)),
    )
  }
  return walk(config, expand(specification, specification))
}

function leavesOf(value: Value): readonly string[] {
  if (value === null || typeof value === 'boolean') return []
  if (Array.isArray(value)) return value.flatMap(leavesOf)
  if (isDict(value)) return entries(value).flatMap(([, item]) => leavesOf(item))
  return [str(value)]
}
