import { z } from 'zod'
import { defineAction, urlPath } from '../../action.ts'
import { objectId, stripeObject } from './fields.ts'
import { stripeRequest } from './request.ts'

const paymentMethod = stripeObject('payment_method')
const id = objectId('payment method', 'pm')

export const attachPaymentMethod = defineAction({
  name: 'attachPaymentMethod',
  title: 'Attach a payment method to a customer',
  effect: 'update',
  idempotency: 'native_key',
  dryRun: 'native',
  input: z.object({
    id,
    customer: z.string().max(5000).meta({ description: 'Id of the customer.' }),
  }),
  output: paymentMethod,
  plan: ({ id, ...fields }, config) =>
    stripeRequest(config, 'POST', urlPath`/v1/payment_methods/${id}/attach`, fields),
})

export const detachPaymentMethod = defineAction({
  name: 'detachPaymentMethod',
  title: 'Detach a payment method from its customer: it cannot be used again',
  effect: 'update',
  idempotency: 'native_key',
  dryRun: 'native',
  requiresConfirmation: true,
  input: z.object({ id }),
  output: paymentMethod,
  plan: ({ id }, config) =>
    stripeRequest(config, 'POST', urlPath`/v1/payment_methods/${id}/detach`),
})
