import { z } from 'zod'
import { isMasked, maskedProblem } from '../receivers/masked-target.ts'
import { freeObject, givenTime, name, timestamp } from '../../platform/fields.ts'
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
 * `event`: genuine. `test`: made by the service. `handshake`: a question of the vendor, to which the service
 * responded; it is not dispatched. `suspicious`: genuine, but its id is that of an event with another body;
 * it is not dispatched.
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

export const deliveryId = z
  .string()
  .regex(/^dlv_[0-9A-Z]{26}$/, 'is no id of a delivery: dlv_ and 26 letters and digits')

const short = z.string().min(1).max(1_000)

/** Which deliveries are listed, replayed or discarded. */
const filterFields = {
  receiver: name.exactOptional(),
  status: dispatchStatus.exactOptional().meta({
    description: 'Only those with this status at a target; `dead`: they were given up.',
  }),
  kind: deliveryKind.exactOptional(),
  eventType: short.exactOptional().meta({ description: 'As the sender names it: `charge.paid`.' }),
  eventId: short.exactOptional().meta({ description: 'As the sender names it.' }),
  target: short
    .refine((text) => !isMasked(text), maskedProblem)
    .exactOptional()
    .meta({ description: 'As the receiver has it: `job:NAME`; an address with its whole query.' }),
  since: givenTime.exactOptional().meta({
    description: 'Received from this time on, ISO 8601 with a zone: `2026-11-28T12:00:00Z`.',
  }),
  until: givenTime.exactOptional().meta({ description: 'Received before this time.' }),
}
export const deliveryFilterSchema = z.strictObject(filterFields)
/** In a query. */
export const deliveryFilterFields = {
  receiver: filterFields.receiver,
  status: filterFields.status,
  kind: filterFields.kind,
  event_type: filterFields.eventType,
  event_id: filterFields.eventId,
  target: filterFields.target,
  since: filterFields.since,
  until: filterFields.until,
}

export const deliverySelectionSchema = z
  .strictObject({
    ids: z
      .array(deliveryId)
      .min(1)
      .max(500)
      .exactOptional()
      .meta({ description: 'Only these deliveries.' }),
    ...filterFields,
    after: deliveryId
      .exactOptional()
      .meta({ description: 'The `next` of the response before, for the rest.' }),
  })
  .meta({ id: 'DeliverySelection' })
export const deliverySelectionDocument = snakeCaseSchema(deliverySelectionSchema)

export const changedDeliveriesDocument = z
  .object({
    count: z.int().meta({
      description: 'How many events were changed; an event counts once for each target.',
    }),
    next: z.string().nullable().meta({
      description:
        'A request handles at most 500 deliveries. If there are more: send it again with this as `after`.',
    }),
  })
  .meta({ id: 'ChangedDeliveries' })
