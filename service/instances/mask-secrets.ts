import { ConnectError, type JsonObject, type JsonValue } from '../../protocol/index.ts'
import { isObject } from './secret-schema.ts'
import type { Secrets } from './secret-fields.ts'

/** Shorter ones cannot be told from ordinary words in a text. */
const MIN_SECRET_LENGTH = 4

/**
 * The texts that nothing may show: those in the secrets that do not stand in the rest of the configuration too (user and
 * password are the same). To be replaced by a `scrubber`.
 */
export function secretTexts(config: JsonObject, secrets: Secrets): readonly string[] {
  const shown = new Set(textsIn(config))
  const hidden = new Set(Object.values(secrets).flatMap(textsIn))
  return [...hidden].filter((text) => text.length >= MIN_SECRET_LENGTH && !shown.has(text))
}

/** The error without secrets in its details, and so in its message. */
export function maskedError(error: unknown, scrub: (text: string) => string): unknown {
  if (!(error instanceof ConnectError)) return error
  const details = Object.fromEntries(
    Object.entries(error.details).map(([name, value]) => [name, maskedDetail(value, scrub)]),
  )
  return new ConnectError(error.code, { details })
}

function maskedDetail(value: JsonValue, scrub: (text: string) => string): JsonValue {
  if (typeof value === 'string') return scrub(value)
  if (isList(value)) return value.map((item) => maskedDetail(item, scrub))
  if (!isObject(value)) return value
  const properties = Object.entries(value)
  return Object.fromEntries(properties.map(([name, item]) => [name, maskedDetail(item, scrub)]))
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}

function textsIn(value: JsonValue): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value === 'number') return [String(value)]
  if (Array.isArray(value)) return value.flatMap(textsIn)
  return isObject(value) ? Object.values(value).flatMap(textsIn) : []
}
