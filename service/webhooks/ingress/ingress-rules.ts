import type { WebhookHandshake } from '../../../connectors/connector.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import type { WebhookSignature } from '../../../connectors/webhook-signature.ts'
import type { StoredReceiver } from '../receivers/contract.ts'

/** How the deliveries of a receiver are signed and numbered: its own rules, or those of its connector. */
export interface IngressRules {
  readonly signature: WebhookSignature
  readonly windowMs: number
  /**
   * A place: a JSON pointer into the body, `form:` and the name of a field of a form, or `header:` and the
   * name of a header.
   */
  readonly eventId: string
  readonly eventType: string | null
  readonly handshakes: readonly WebhookHandshake[]
  /** Fields of the body that differ when an event is sent again. */
  readonly perDelivery: readonly string[]
  /**
   * The field of a form with the JSON of the event, if its sender may send forms; undefined: bodies are taken
   * as they come.
   */
  readonly formField?: string
}

/** Undefined if its connector does not have the webhook any more. */
export async function ingressRules({
  rules,
  type,
  webhook: name,
}: Pick<StoredReceiver, 'rules' | 'type' | 'webhook'>): Promise<IngressRules | undefined> {
  if (rules !== null) {
    const { signature, eventId, eventType, replayWindowSeconds } = rules
    const windowMs = replayWindowSeconds * 1000
    return { signature, eventId, eventType, windowMs, handshakes: [], perDelivery: [] }
  }
  if (type === null) return undefined
  const { descriptor } = await connectorOf(type)
  const webhook = descriptor.webhooks.find((some) => some.name === name)
  if (webhook === undefined) return undefined
  const { signature, replayWindowMs: windowMs, eventId, eventType } = webhook
  const { handshakes = [], perDelivery = [], formField } = webhook
  return {
    ...{ signature, windowMs, eventId, eventType, handshakes, perDelivery },
    ...(formField !== undefined && { formField }),
  }
}
