import { randomBytes } from 'node:crypto'
import type { WebhookSignature } from '../../../connectors/webhook-signature.ts'

/** 256 random bits in the form that the scheme wants. */
export function newSecret(form: WebhookSignature['secret']): string {
  const bytes = randomBytes(32)
  return form === 'whsec' ? `whsec_${bytes.toString('base64')}` : bytes.toString('base64url')
}
