import { z } from 'zod'
import type { KeyedRecord } from '../../../engine/log/kafka/keyed-producer.ts'
import type { ReadRecord } from '../../../engine/log/kafka/group-reader.ts'
import type { NewDelivery } from '../deliveries/contract.ts'

/** The facts beside the body, as the header `delivery` of the message has them. */
const factsSchema = z.object({
  id: z.string(),
  event_id: z.string(),
  event_type: z.string().nullable(),
  kind: z.enum(['event', 'test', 'handshake']),
  received_at_ms: z.number(),
  body_hash: z.string().regex(/^[0-9a-f]{64}$/),
  headers: z.record(z.string(), z.string()),
  dispatches: z.array(z.object({ target: z.string(), order_key: z.string().nullable() })),
})

/** A delivery as a message: the key is the id of the receiver, the value the body as it came. */
export function recordOf(delivery: NewDelivery): KeyedRecord {
  const facts: z.input<typeof factsSchema> = {
    id: delivery.id,
    event_id: delivery.eventId,
    event_type: delivery.eventType,
    kind: delivery.kind,
    received_at_ms: delivery.receivedAtMs,
    body_hash: delivery.bodyHash.toString('hex'),
    headers: delivery.headers,
    dispatches: delivery.dispatches.map(({ target, orderKey }) => ({
      target,
      order_key: orderKey,
    })),
  }
  return {
    key: delivery.receiverId,
    value: delivery.body,
    headers: { delivery: JSON.stringify(facts) },
  }
}

/** Undefined for a message that is none: others may write to the topic. */
export function deliveryOf({ key, value, headers }: ReadRecord): NewDelivery | undefined {
  const facts = factsSchema.safeParse(parsed(headers.delivery))
  if (!facts.success) return undefined
  const { data } = facts
  return {
    id: data.id,
    receiverId: key,
    eventId: data.event_id,
    eventType: data.event_type,
    kind: data.kind,
    receivedAtMs: data.received_at_ms,
    headers: data.headers,
    body: value,
    bodyHash: Buffer.from(data.body_hash, 'hex'),
    dispatches: data.dispatches.map(({ target, order_key: orderKey }) => ({ target, orderKey })),
  }
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}
