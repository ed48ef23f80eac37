import { z } from 'zod'
import { expand, listOf, objectId, page, stripeObject } from './fields.ts'
import { stripeAction } from './stripe-action.ts'

const paymentMethod = stripeObject('payment_method')
const id = objectId('payment method', 'pm')

export const getPaymentMethod = stripeAction({
  name: 'getPaymentMethod',
  title: 'Get a payment method',
  effect: 'read',
  path: '/v1/payment_methods/{id}',
  input: z.object({ id, expand }),
  output: paymentMethod,
})

export const listPaymentMethods = stripeAction({
  name: 'listPaymentMethods',
  title: 'List the payment methods of a customer',
  effect: 'read',
  path: '/v1/customers/{customer}/payment_methods',
  input: z.object({
    customer: objectId('customer', 'cus'),
    type: z.string().min(1).exactOptional().meta({ description: 'Such as `card`. Default: all.' }),
    ...page,
    expand,
  }),
  output: listOf('payment_method'),
})

export const attachPaymentMethod = stripeAction({
  name: 'attachPaymentMethod',
  title: 'Attach a payment method to a customer',
  effect: 'update',
  path: '/v1/payment_methods/{id}/attach',
  input: z.object({
    id,
    customer: z.string().max(5000).meta({ description: 'Id of the customer.' }),
    expand,
  }),
  output: paymentMethod,
})

export const detachPaymentMethod = stripeAction({
  name: 'detachPaymentMethod',
  title: 'Detach a payment method from its customer: it cannot be used again',
  effect: 'update',
  path: '/v1/payment_methods/{id}/detach',
  requiresConfirmation: true,
  input: z.object({ id, expand }),
  output: paymentMethod,
})
