import { formatPointer } from '../../lib/text/json-pointer.ts'
import { isPublic, maskSecrets, SecretIndex, secretsInside } from '../index.ts'

/** A shorter line of a secret may occur in any text. */
const minLine = 8

/**
 * Replaces secrets in a text by the mask, also inside JSON or a URL, however much of them is escaped there,
 * in base64 with other text around them (the header of HTTP's basic authentication), or broken over several
 * lines.
 */
export function scrubber(secrets: readonly string[]): (text: string) => string {
  const index = new SecretIndex()
  for (const secret of secrets) addSecret(index, secret)
  return (text) => scrub(text, [index])
}

/** Removes secrets that the indexes find from a text. */
export function scrub(text: string, indexes: readonly SecretIndex[]): string {
  return maskSecrets(text, indexes)
}

/** Adds a secret with the parts of it that are secret themselves. */
export function addSecret(index: SecretIndex, secret: string): void {
  // Characters that UTF-8 cannot encode are replaced. Errors name places by JSON pointers, and a secret may
  // be taken for a field's name.
  for (const text of new Set([secret, secret.toWellFormed(), ...partsOf(secret)]))
    for (const form of new Set([text, formatPointer([text]).slice(1)])) index.add(form)
}

/**
 * The lines of a private key, because one may be shown alone; and the secret parts of a JSON key file, or of
 * a connection string.
 */
function partsOf(secret: string): readonly string[] {
  const inside = secretsInside(secret)
  const lines = [secret, ...inside]
    .filter((text) => text.includes('\n'))
    .flatMap((text) => text.split(/\r?\n/))
    .filter((line) => line.length >= minLine && !isPublic(line))
  return [...inside, ...lines]
}
