import type { WebhookSignature } from '../../../connectors/webhook-signature.ts'
import { hmacOf, keyOf } from './hmac.ts'

export interface SignOptions {
  readonly secret: string
  readonly nowMs: number
  /** The id of the delivery. */
  readonly id: string
}

/**
 * The headers with which a vendor would send the body. If the time stands in the body, it has to be there.
 * Throws if the secret has not the form that the scheme wants.
 */
export function signedHeaders(
  signature: WebhookSignature,
  body: Uint8Array,
  { secret, nowMs, id }: SignOptions,
): Readonly<Record<string, string>> {
  const key = keyOf(signature, secret)
  if (key === undefined) throw new TypeError('the secret has another form than the scheme wants')
  const { header, form, prefix, timestamp: time, idHeader } = signature
  const timestamp = String(time?.unit === 'ms' ? nowMs : Math.floor(nowMs / 1000))
  const hmac = hmacOf(signature, { key, body, facts: { timestamp, id } })
  const [place, name = ''] = time?.from.split(':') ?? []
  const pairs = place === 'pair' ? `${name}=${timestamp},` : ''
  return {
    ...(place === 'header' && { [name]: timestamp }),
    ...(idHeader !== null && { [idHeader]: id }),
    [header]: form === 'pairs' ? `${pairs}${prefix}=${hmac}` : `${prefix}${hmac}`,
  }
}
