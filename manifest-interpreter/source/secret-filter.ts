import { ConnectError } from '../../protocol/errors/connect-error.ts'
import { stringifyExact } from '../../protocol/exact-json.ts'
import { passedCharacters } from '../../protocol/cut-text.ts'
import { isJsonObject, type JsonObject } from '../../protocol/json.ts'
import { maskBeginning, maskSecrets } from '../../protocol/secrets/mask-secrets.ts'
import { RecentSecrets } from '../../protocol/secrets/recent-secrets.ts'
import { SecretIndex } from '../../protocol/secrets/secret-index.ts'
import { secretsInside } from '../../protocol/secrets/secrets-inside.ts'
import { SourceError } from '../source-error.ts'
import {
  expand,
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
/** A text of a login that is shorter is a name: `Bearer`. */
const SHORTEST_TEXT = 8
/** A shorter secret stands in any text: "rea***hed". */
const SHORTEST_SECRET = 4
/**
 * Tokens that were learned while a source runs, and values that replace a part of the configuration: the last
 * ones count.
 */
const MAX_LEARNED = 100
const MAX_CHANGED = 1_000

/**
 * Hides the secrets of a configuration in texts for people: errors, logs, statuses. Never in data: records,
 * keys and states stay what the API gave, or a read could not continue from its state.
 */
export class SecretFilter {
  readonly #specification: JsonObject
  readonly #configured = new Set<string>()
  readonly #index = new SecretIndex()
  readonly #changed = new RecentSecrets(MAX_CHANGED, addSecret)
  readonly #learned = new RecentSecrets(MAX_LEARNED, addSecret)

  /** @param specification the connection specification: its fields marked `airbyte_secret` are secret */
  constructor(specification: Dict, config: Dict) {
    const plain: unknown = JSON.parse(stringifyExact(toRecordValue(specification)))
    this.#specification = isJsonObject(plain) ? plain : {}
    for (const secret of secretsOf(this.#specification, config)) {
      if (this.#configured.has(secret)) continue
      this.#configured.add(secret)
      addSecret(this.#index, secret)
    }
  }

  /** The secrets of a configuration that changed: a refresh token that was exchanged. */
  learnConfig(config: Dict): void {
    for (const secret of secretsOf(this.#specification, config))
      if (!this.#configured.has(secret)) this.#changed.add(secret)
  }

  /** A secret that is not part of the configuration: an access token. */
  learn(secret: string): void {
    if (!this.knows(secret)) this.#learned.add(secret)
  }

  /** All texts of a login's response: there may be more tokens than the token that is used. */
  learnLogin(response: Value): void {
    const texts = leavesOf(response).filter((text) => text.length >= SHORTEST_TEXT)
    for (const text of texts.slice(0, MAX_CHANGED / 2))
      if (!this.knows(text)) this.#changed.add(text)
  }

  knows(secret: string): boolean {
    return this.#configured.has(secret) || this.#changed.has(secret) || this.#learned.has(secret)
  }

  text(text: string): string {
    return maskSecrets(text, this.#indexes)
  }

  /**
   * The beginning of a text for people: an API may say megabytes. It is more than is shown, so that others
   * can mask what they know.
   */
  beginning(text: string): string {
    return maskBeginning(text, this.#indexes, passedCharacters)
  }

  /** The same error, with its texts and those of its causes masked. */
  error<Thrown>(error: Thrown): Thrown {
    for (let current: unknown = error; current instanceof Error; current = current.cause) {
      // The stack begins with the message.
      this.#maskField(current, 'stack')
      if (current instanceof ConnectError) this.#maskDetails(current)
      else this.#maskField(current, 'message')
      if (current instanceof SourceError) this.#maskField(current, 'internalMessage')
    }
    return error
  }

  /** Masks the facts of a log line: texts and errors, at any depth. */
  facts(facts: unknown): unknown {
    if (typeof facts === 'string') return this.beginning(facts)
    if (facts instanceof Error) return this.error(facts)
    if (Array.isArray(facts)) return facts.map((item) => this.facts(item))
    if (typeof facts !== 'object' || facts === null) return facts
    return Object.fromEntries(
      Object.entries(facts).map(([name, value]) => [name, this.facts(value)]),
    )
  }

  get #indexes(): readonly SecretIndex[] {
    return [this.#index, ...this.#changed.indexes, ...this.#learned.indexes]
  }

  /** Its message is a sentence of ours around the details. */
  #maskDetails(error: ConnectError): void {
    const details = this.facts(error.details)
    if (!isJsonObject(details)) return
    Object.defineProperty(error, 'details', { value: details })
    const { message } = new ConnectError(error.code, { details })
    Object.defineProperty(error, 'message', { value: message, configurable: true, writable: true })
  }

  #maskField(error: Error, name: 'message' | 'stack' | 'internalMessage'): void {
    const value: unknown = Reflect.get(error, name)
    if (typeof value !== 'string') return
    const masked = this.beginning(value)
    if (masked !== value)
      Object.defineProperty(error, name, { value: masked, configurable: true, writable: true })
  }
}

/**
 * A secret, the secret values inside of it, the lines of both, and all without the control characters that
 * URLs drop.
 */
function addSecret(index: SecretIndex, secret: string): void {
  const texts = [secret, ...secretsInside(secret)]
  for (const text of new Set([...texts, ...texts.flatMap(linesOf)])) {
    const forms = [text, text.replace(/[\t\r\n]/g, ''), text.replace(/\p{Cc}/gu, '')]
    for (const form of new Set(forms)) if (isFound(form)) index.add(form)
  }
}

/** A short text, or one without a character that shows, would match everywhere. */
function isFound(text: string): boolean {
  return text.length >= SHORTEST_SECRET && /[^\p{Cc}\s]/u.test(text)
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
