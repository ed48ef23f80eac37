import { createHmac } from 'node:crypto'
import type { WebhookSignature } from '../../../connectors/webhook-signature.ts'

/** What is signed beside the body. */
export interface SignedFacts {
  /** As it is written in the request. */
  readonly timestamp: string
  readonly id: string
}

/** The signature of a body, encoded, without its prefix. */
export function hmacOf(
  { algorithm, encoding, signed }: WebhookSignature,
  {
    key,
    body,
    facts,
  }: { readonly key: Uint8Array; readonly body: Uint8Array; readonly facts: SignedFacts },
): string {
  const [before = '', after = ''] = signed.split('{body}').map((text) => filled(text, facts))
  return createHmac(algorithm, key).update(before).update(body).update(after).digest(encoding)
}

function filled(text: string, { timestamp, id }: SignedFacts): string {
  return text.replaceAll(/\{(timestamp|id)\}/g, (_, name) => (name === 'id' ? id : timestamp))
}

const standardPrefix = 'whsec_'

/** The key that a secret stands for; undefined if the secret has not the form that the scheme wants. */
export function keyOf(
  { secret: form }: Pick<WebhookSignature, 'secret'>,
  secret: string,
): Uint8Array | undefined {
  if (form === 'text') return secret === '' ? undefined : Buffer.from(secret, 'utf8')
  if (!secret.startsWith(standardPrefix)) return undefined
  const text = secret.slice(standardPrefix.length)
  const bytes = Buffer.from(text, 'base64')
  const isCanonical = bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '')
  return isCanonical && bytes.length >= 16 ? bytes : undefined
}
