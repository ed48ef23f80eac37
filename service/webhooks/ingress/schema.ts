import { z } from 'zod'
import { freeObject, name } from '../../platform/fields.ts'
import { snakeCaseSchema } from '../../platform/wire.ts'
import { deliveryKind } from '../deliveries/schema.ts'

export const testInputSchema = z
  .strictObject({
    body: freeObject.exactOptional().meta({
      description:
        'The event, a JSON object. Its id and type are put where the receiver expects them, unless they stand there. Default: nothing else.',
    }),
  })
  .meta({ id: 'ReceiverTest' })

/** A test delivery that has come in. */
export const testDeliverySchema = z
  .object({
    id: z.string().meta({ description: 'Of the delivery.' }),
    receiver: name,
    eventId: z.string().meta({
      description: '`reactor.connect.test:` and the id that stands in the delivery.',
    }),
    kind: deliveryKind,
    isRepeated: z.boolean().meta({
      description: 'The same test was stored before: its body had an id of its own.',
    }),
  })
  .meta({ id: 'TestDelivery' })
export const testDeliveryDocument = snakeCaseSchema(testDeliverySchema)
