import {
  isJsonList,
  isJsonObject,
  isRawJson,
  ConnectError,
  maskBeginning,
  RecentSecrets,
  SecretIndex,
  shownCharacters,
  type ErrorBody,
  type JsonObject,
  type JsonValue,
} from '../index.ts'
import { secretMask } from './secret-mask.ts'
import { addSecret, scrub } from './scrubber.ts'

/** Shorter secrets cannot be distinguished from ordinary words in a text. */
const minSecretLength = 4
/** Tokens that are signed for one request. */
const recentPassing = 100
/**
 * Tokens that replace those of the configuration, at each request of some sources. After 4,000 of 40
 * characters one more, with a text after it, took 300 ms of processor time as a regular expression of all of
 * them, and takes 0.1 ms (November 2026).
 */
const recentChanged = 1_000

/** Removes secrets from all shown texts. More secrets become known during the work. */
export class Mask {
  readonly #known = new Set<string>()
  readonly #secrets = new SecretIndex()
  readonly #changed = new RecentSecrets(recentChanged, addSecret)
  readonly #passing = new RecentSecrets(recentPassing, addSecret)
  readonly #onFailure: (error: string) => void

  /**
   * @param onFailure gets the name of an error that was thrown while masking a text, which then becomes `***`
   */
  constructor(onFailure: (error: string) => void = () => undefined) {
    this.#onFailure = onFailure
  }

  /** Short ones are ignored: they would mask ordinary words. */
  add(secrets: Iterable<string>): void {
    for (const secret of secrets) {
      if (secret.length < minSecretLength || this.#known.has(secret)) continue
      this.#known.add(secret)
      addSecret(this.#secrets, secret)
    }
  }

  /** Secrets that replace others repeatedly: the last thousand are known. */
  addChanged(secrets: Iterable<string>): void {
    for (const secret of secrets)
      if (secret.length >= minSecretLength && !this.#known.has(secret)) this.#changed.add(secret)
  }

  /**
   * A secret that is soon replaced by others (a token that is signed for one request): only the last ones are
   * known.
   */
  addPassing(secret: string): void {
    if (!this.#known.has(secret) && !this.#changed.has(secret)) this.#passing.add(secret)
  }

  text(text: string): string {
    return this.#maskSafely(() => scrub(text, this.#indexes))
  }

  /** The beginning of a text from outside this program, which may be very long. */
  showBeginning(text: string, most = shownCharacters): string {
    return this.#maskSafely(() => maskBeginning(text, this.#indexes, most))
  }

  /** A document that somebody asked for: its whole texts, and the names of its properties. */
  whole(document: JsonValue): JsonValue {
    if (typeof document === 'string') return this.text(document)
    if (isJsonList(document)) return document.map((item) => this.whole(item))
    // A number with its digits is one value.
    if (!isJsonObject(document) || isRawJson(document)) return document
    const properties = Object.entries(document)
    return Object.fromEntries(properties.map(([name, item]) => [this.text(name), this.whole(item)]))
  }

  /** The beginnings of the texts of a document, not the names of its properties. */
  json(value: JsonValue): JsonValue {
    if (typeof value === 'string') return this.showBeginning(value)
    if (isJsonList(value)) return value.map((item) => this.json(item))
    return isJsonObject(value) && !isRawJson(value) ? this.object(value) : value
  }

  object(value: JsonObject): JsonObject {
    const properties = Object.entries(value)
    return Object.fromEntries(properties.map(([name, item]) => [name, this.json(item)]))
  }

  /** A thrown error. Its cause is kept only if nobody meant to throw it: the log of the service shows it. */
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

  /** Shows nothing of a text that could not be masked. */
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

/** The texts of a changed document that the previous one did not have. */
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
