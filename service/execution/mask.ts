import {
  ConnectError,
  type ErrorBody,
  type JsonObject,
  type JsonValue,
} from '../../protocol/index.ts'
import { scrubber } from './scrubber.ts'

/** Shorter secrets cannot be told from ordinary words in a text. */
const minSecretLength = 4
const maxPassing = 100

/** Takes secrets out of whatever is shown. More become known as the work goes on. */
export class Mask {
  readonly #secrets = new Set<string>()
  readonly #passing: string[] = []
  /** Made when it is needed: secrets come more often than texts. */
  #scrub: ((text: string) => string) | undefined

  /** Short ones are left: they would blot out ordinary words. */
  add(secrets: Iterable<string>): void {
    for (const secret of secrets) {
      if (secret.length < minSecretLength || this.#secrets.has(secret)) continue
      this.#secrets.add(secret)
      this.#scrub = undefined
    }
  }

  /** A secret that soon gives way to others (a token that is signed for one request): only the last ones are known. */
  addPassing(secret: string): void {
    if (this.#secrets.has(secret) || this.#passing.includes(secret)) return
    this.#passing.push(secret)
    if (this.#passing.length > maxPassing) this.#passing.shift()
    this.#scrub = undefined
  }

  text(text: string): string {
    this.#scrub ??= scrubber([...this.#secrets, ...this.#passing])
    return this.#scrub(text)
  }

  /** The texts of a document, not the names of its properties. */
  json(value: JsonValue): JsonValue {
    if (typeof value === 'string') return this.text(value)
    if (isList(value)) return value.map((item) => this.json(item))
    return isObject(value) ? this.object(value) : value
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
  outcome<Outcome extends StreamOutcome>(outcome: Outcome): Outcome {
    const { error } = outcome
    return {
      ...outcome,
      warnings: outcome.warnings.map((warning) => this.text(warning)),
      ...(error !== undefined && { error: this.error(ConnectError.fromJSON(error)).toJSON() }),
    }
  }

  #cause(cause: unknown): Error | undefined {
    if (!(cause instanceof Error)) return undefined
    const masked = new Error(this.text(cause.message))
    masked.name = cause.name
    if (cause.stack !== undefined) masked.stack = this.text(cause.stack)
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

function textsOf(value: JsonValue): readonly string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap((item: JsonValue) => textsOf(item))
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
