import {
  isJsonList,
  isJsonObject,
  ConnectError,
  maskBeginning,
  RecentSecrets,
  SecretIndex,
  shownCharacters,
  type ErrorBody,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import { secretMask } from '../../../protocol/secrets/secret-mask.ts'
import { addSecret, scrub } from './scrubber.ts'

/** Shorter secrets cannot be told from ordinary words in a text. */
const minSecretLength = 4
/** Tokens that are signed for one request. */
const recentPassing = 100
/**
 * Tokens that replace those of the configuration, at each request of some sources. After 4,000 of 40 characters one more, with a
 * text after it, took 300 ms of processor time as a regular expression of all of them, and takes 0.1 ms (November 2026).
 */
const recentChanged = 1_000

/** Takes secrets out of whatever is shown. More become known as the work goes on. */
export class Mask {
  readonly #known = new Set<string>()
  readonly #secrets = new SecretIndex()
  readonly #changed = new RecentSecrets(recentChanged, addSecret)
  readonly #passing = new RecentSecrets(recentPassing, addSecret)
  readonly #onFailure: (error: string) => void

  /** @param onFailure is told the name of an error that was thrown by the masking of a text, which is `***` then */
  constructor(onFailure: (error: string) => void = () => undefined) {
    this.#onFailure = onFailure
  }

  /** Short ones are left: they would blot out ordinary words. */
  add(secrets: Iterable<string>): void {
    for (const secret of secrets) {
      if (secret.length < minSecretLength || this.#known.has(secret)) continue
      this.#known.add(secret)
      addSecret(this.#secrets, secret)
    }
  }

  /** Secrets that replace others, again and again: the last thousand are known. */
  addChanged(secrets: Iterable<string>): void {
    for (const secret of secrets)
      if (secret.length >= minSecretLength && !this.#known.has(secret)) this.#changed.add(secret)
  }

  /** A secret that soon gives way to others (a token that is signed for one request): only the last ones are known. */
  addPassing(secret: string): void {
    if (!this.#known.has(secret) && !this.#changed.has(secret)) this.#passing.add(secret)
  }

  text(text: string): string {
    return this.#maskSafely(() => scrub(text, this.#indexes))
  }

  /** The beginning of a text that somebody else wrote, who may have written very much. */
  showBeginning(text: string): string {
    return this.#maskSafely(() => maskBeginning(text, this.#indexes, shownCharacters))
  }

  /** The beginnings of the texts of a document, not the names of its properties. */
  json(value: JsonValue): JsonValue {
    if (typeof value === 'string') return this.showBeginning(value)
    if (isJsonList(value)) return value.map((item) => this.json(item))
    return isJsonObject(value) ? this.object(value) : value
  }

  object(value: JsonObject): JsonObject {
    const properties = Object.entries(value)
    return Object.fromEntries(properties.map(([name, item]) => [name, this.json(item)]))
  }

  /** Whatever was thrown. A cause is kept only of an error that nobody meant to throw: the log of the service shows it. */
  error(thrown: unknown): ConnectError {
    const error = ConnectError.from(thrown)
    const details = this.object(error.details)
    const cause = error.code === 'unexpected' ? this.#cause(error.cause) : undefined
    return new ConnectError(error.code, { details, ...(cause !== undefined && { cause }) })
  }

  /** The warnings and the error of a stream. */
  maskOutcome<Outcome extends StreamOutcome>(outcome: Outcome): Outcome {
    const { error } = outcome
    return {
      ...outcome,
      warnings: outcome.warnings.map((warning) => this.showBeginning(warning)),
      ...(error !== undefined && { error: this.error(ConnectError.fromJSON(error)).toJSON() }),
    }
  }

  get #indexes(): readonly SecretIndex[] {
    return [this.#secrets, ...this.#changed.indexes, ...this.#passing.indexes]
  }

  /** Nothing of a text that could not be masked is shown. */
  #maskSafely(work: () => string): string {
    try {
      return work()
    } catch (error) {
      this.#onFailure(error instanceof Error ? error.name : typeof error)
      return secretMask
    }
  }

  #cause(cause: unknown): Error | undefined {
    if (!(cause instanceof Error)) return undefined
    const masked = new Error(this.showBeginning(cause.message))
    masked.name = cause.name
    if (cause.stack !== undefined) masked.stack = this.showBeginning(cause.stack)
    return masked
  }
}

interface StreamOutcome {
  readonly warnings: readonly string[]
  readonly error?: ErrorBody
}

/** The texts of a changed document that the one before did not have. */
export function newTexts(changed: JsonValue, before: JsonValue): readonly string[] {
  const known = new Set(textsOf(before))
  return textsOf(changed).filter((text) => !known.has(text))
}

/** All texts of a document. */
export function textsOf(value: JsonValue): readonly string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap((item: JsonValue) => textsOf(item))
}
