import { z } from 'zod'
import { freeObject, name, timestamp } from '../../platform/fields.ts'
import { snakeCaseSchema, type Resource } from '../../platform/wire.ts'

export const dispatchStatus = z.enum(['pending', 'running', 'done', 'dead', 'discarded'])
export type DispatchStatus = z.output<typeof dispatchStatus>

/** An event on its way to one target. */
const dispatchedSchema = z
  .object({
    target: z.string(),
    status: dispatchStatus.meta({
      description: '`dead`: it was given up; `reactor connect deliveries dead` lists them.',
    }),
    attempts: z.int(),
    nextAttemptAt: timestamp.nullable(),
    endedAt: timestamp.nullable(),
    error: freeObject.nullable().meta({ description: 'Why the last attempt failed.' }),
  })
  .meta({ id: 'DispatchedEvent' })

/**
 * `event`: genuine. `test`: made by the service. `handshake`: a question of the vendor, which was answered and is not dispatched. `suspicious`:
 * genuine, but its id is that of an event with another body; it is not dispatched.
 */
export const deliveryKind = z.enum(['event', 'test', 'handshake', 'suspicious'])
export type DeliveryKind = z.output<typeof deliveryKind>

const fields = {
  id: z.string(),
  receiver: name,
  eventId: z.string(),
  eventType: z.string().nullable(),
  kind: deliveryKind,
  receivedAt: timestamp,
  bytes: z.int().meta({ description: 'Of the body.' }),
  dispatches: z.array(dispatchedSchema),
}
export const deliverySchema = z.object(fields).meta({ id: 'Delivery' })
export type Delivery = Resource<typeof deliverySchema>
export const deliveryDocument = snakeCaseSchema(deliverySchema)

export const deliveryPayloadSchema = z
  .object({
    ...fields,
    headers: z.record(z.string(), z.string()).meta({
      description: 'Without what proves who sent it: signatures, authorization, cookies.',
    }),
    body: z.string(),
    bodyEncoding: z.enum(['utf8', 'base64']),
  })
  .meta({ id: 'DeliveryPayload' })
export type DeliveryPayload = Resource<typeof deliveryPayloadSchema>
export const deliveryPayloadDocument = snakeCaseSchema(deliveryPayloadSchema)
