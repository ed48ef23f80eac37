import { z } from 'zod'
import { amount, expand, flag, metadata, objectId, reference, stripeObject } from './fields.ts'
import { stripeAction } from './stripe-action.ts'

const refund = stripeObject('refund')

export const createRefund = stripeAction({
  name: 'createRefund',
  title: 'Give money of a charge or a payment intent back',
  effect: 'create',
  path: '/v1/refunds',
  requiresConfirmation: true,
  input: z
    .object({
      charge: reference('the charge: this or `payment_intent`'),
      payment_intent: reference('the payment intent: this or `charge`'),
      amount: amount
        .exactOptional()
        .meta({ description: 'In the smallest unit of the currency. Default: all that is left.' }),
      reason: z.enum(['duplicate', 'fraudulent', 'requested_by_customer']).exactOptional(),
      refund_application_fee: flag,
      reverse_transfer: flag,
      metadata: metadata.exactOptional(),
      expand,
    })
    .refine(
      ({ charge, payment_intent: intent }) => (charge === undefined) !== (intent === undefined),
      'must have either `charge` or `payment_intent`',
    ),
  output: refund,
})

export const getRefund = stripeAction({
  name: 'getRefund',
  title: 'Get a refund',
  effect: 'read',
  path: '/v1/refunds/{id}',
  input: z.object({ id: objectId('refund', 're'), expand }),
  output: refund,
})
