import { maskSecrets, SecretIndex } from '../../protocol/index.ts'

/** A part of a secret that is shorter may stand in any text. */
const minPart = 8

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

/** The lines of a private key, of which one alone may be shown; what is secret in a key file that is JSON. */
function partsOf(secret: string): readonly string[] {
  const texts = [secret, ...textsOfJson(secret)]
  const lines = texts.filter((text) => text.includes('\n')).flatMap((text) => text.split(/\r?\n/))
  const isPlain = (text: string): boolean => /^(?:-----.*|https?:\S*|\S+@\S+)$/.test(text)
  return [...texts.slice(1), ...lines].filter((part) => part.length >= minPart && !isPlain(part))
}

/** The long texts: short ones are names. */
function textsOfJson(secret: string): readonly string[] {
  if (!secret.trimStart().startsWith('{')) return []
  try {
    const document: unknown = JSON.parse(secret)
    const texts = Object.values(document ?? {}).filter((value) => typeof value === 'string')
    return texts.filter((text) => text.length >= 20)
  } catch {
    return [] // no JSON: it has no parts
  }
}
