import { createHash } from 'node:crypto'
import type { ClaimedDispatch } from '../../deliveries/contract.ts'

/**
 * The id of an event for one of its targets: that of the delivery, and a hash of the target, because two
 * targets may be one program. The same for each attempt and each replay: by it a handler knows what it has
 * done already.
 */
export function dispatchId({ delivery, target }: ClaimedDispatch): string {
  const hash = createHash('sha256').update(target).digest('hex').slice(0, 8)
  // Standard Webhooks allows no dot in an id.
  return `${delivery.id}_${hash}`
}

/**
 * The JSON text that jobs and functions get. The vendor's JSON is inserted unchanged, so that numbers such as
 * `1.0`, the order of keys and escapes survive; a body that is not JSON is in base64.
 */
export function envelopeText(claimed: ClaimedDispatch): string {
  const { receiver, delivery, attempt, target } = claimed
  const facts = JSON.stringify({
    id: dispatchId(claimed),
    target,
    attempt,
    receiver: receiver.name,
    webhook: receiver.webhook,
    instance: receiver.instance,
    delivery_id: delivery.id,
    event_id: delivery.eventId,
    event_type: delivery.eventType,
    kind: delivery.kind,
    received_at: delivery.receivedAt,
  })
  const json = jsonText(delivery.body)
  const body =
    json === undefined
      ? `"body_encoding":"base64","body":"${delivery.body.toString('base64')}"`
      : `"body_encoding":"json","body":${json}`
  return `${facts.slice(0, -1)},${body}}`
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The body, if it is JSON in UTF-8. */
function jsonText(body: Buffer): string | undefined {
  try {
    const text = utf8.decode(body)
    JSON.parse(text)
    return text
  } catch {
    return undefined
  }
}
