import { z } from 'zod'
import { urlPath } from '../../action.ts'
import { expand, listOf, objectId, page, stripeObject } from './fields.ts'
import { stripeRequest } from './request.ts'
import { stripeAction } from './stripe-action.ts'

const paymentMethod = stripeObject('payment_method')
const id = objectId('payment method', 'pm')

export const getPaymentMethod = stripeAction({
  name: 'getPaymentMethod',
  title: 'Get a payment method',
  effect: 'read',
  idempotency: 'natural',
  dryRun: 'native',
  input: z.object({ id, expand }),
  output: paymentMethod,
  plan: ({ id, ...fields }, config) =>
    stripeRequest(config, 'GET', urlPath`/v1/payment_methods/${id}`, fields),
})

export const listPaymentMethods = stripeAction({
  name: 'listPaymentMethods',
  title: 'List the payment methods of a customer',
  effect: 'read',
  idempotency: 'natural',
  dryRun: 'native',
  input: z.object({
    customer: objectId('customer', 'cus'),
    type: z.string().min(1).exactOptional().meta({ description: 'Such as `card`. Default: all.' }),
    ...page,
    expand,
  }),
  output: listOf('payment_method'),
  plan: ({ customer, ...fields }, config) =>
    stripeRequest(config, 'GET', urlPath`/v1/customers/${customer}/payment_methods`, fields),
})

export const attachPaymentMethod = stripeAction({
  name: 'attachPaymentMethod',
  title: 'Attach a payment method to a customer',
  effect: 'update',
  idempotency: 'native_key',
  dryRun: 'native',
  input: z.object({
    id,
    customer: z.string().max(5000).meta({ description: 'Id of the customer.' }),
    expand,
  }),
  output: paymentMethod,
  plan: ({ id, ...fields }, config) =>
    stripeRequest(config, 'POST', urlPath`/v1/payment_methods/${id}/attach`, fields),
})

export const detachPaymentMethod = stripeAction({
  name: 'detachPaymentMethod',
  title: 'Detach a payment method from its customer: it cannot be used again',
  effect: 'update',
  idempotency: 'native_key',
  dryRun: 'native',
  requiresConfirmation: true,
  input: z.object({ id, expand }),
  output: paymentMethod,
  plan: ({ id, ...fields }, config) =>
    stripeRequest(config, 'POST', urlPath`/v1/payment_methods/${id}/detach`, fields),
})
