import { isJsonObject, type JsonObject, type JsonValue } from '../../../protocol/index.ts'
import type { Secrets } from './secret-fields.ts'

/** Shorter ones cannot be distinguished from ordinary words in a text. */
const minSecretLength = 4

/**
 * The texts that must never be shown: those in the secrets, unless they are also in the rest of the
 * configuration (user and password may be the same). A `scrubber` replaces them.
 */
export function secretTexts(config: JsonObject, secrets: Secrets): readonly string[] {
  const shown = new Set(textsIn(config))
  const hidden = new Set(Object.values(secrets).flatMap(textsIn))
  return [...hidden].filter((text) => text.length >= minSecretLength && !shown.has(text))
}

function textsIn(value: JsonValue): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value === 'number') return [String(value)]
  if (Array.isArray(value)) return value.flatMap(textsIn)
  return isJsonObject(value) ? Object.values(value).flatMap(textsIn) : []
}
