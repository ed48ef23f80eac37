import { isPublic, maskSecrets, SecretIndex, secretsInside } from '../../../protocol/index.ts'

/** A line of a secret that is shorter may stand in any text. */
const minLine = 8

/**
 * Replaces secrets in a text by the mask, also where they stand inside of JSON, HTML or a URL, however much of them is escaped
 * there, or in base64 with something around them (the header of HTTP's basic authentication), or broken over several lines.
 */
export function scrubber(secrets: readonly string[]): (text: string) => string {
  const index = new SecretIndex()
  for (const secret of secrets) addSecret(index, secret)
  return (text) => scrub(text, [index])
}

/** Takes what the indexes know out of a text. */
export function scrub(text: string, indexes: readonly SecretIndex[]): string {
  return maskSecrets(text, indexes)
}

/** With the parts of it that are secret themselves. */
export function addSecret(index: SecretIndex, secret: string): void {
  // What cannot be written as UTF-8 is replaced in it.
  for (const text of new Set([secret, secret.toWellFormed(), ...partsOf(secret)])) index.add(text)
}

/** The lines of a private key, of which one alone may be shown; what is secret in a key file that is JSON, and in a connection string. */
function partsOf(secret: string): readonly string[] {
  const inside = secretsInside(secret)
  const lines = [secret, ...inside]
    .filter((text) => text.includes('\n'))
    .flatMap((text) => text.split(/\r?\n/))
    .filter((line) => line.length >= minLine && !isPublic(line))
  return [...inside, ...lines]
}
