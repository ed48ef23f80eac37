import { z } from 'zod'
import { defineAction, urlPath } from '../../action.ts'
import {
  currency,
  discounts,
  flag,
  metadata,
  objectId,
  recurring,
  reference,
  stripeObject,
  time,
} from './fields.ts'
import { stripeRequest } from './request.ts'

const session = stripeObject('checkout.session')

const lineItem = z.strictObject({
  price: reference('the price: this or `price_data`'),
  price_data: z
    .strictObject({
      currency,
      unit_amount: z.int().min(0),
      product: reference('the product: this or `product_data`'),
      product_data: z
        .strictObject({
          name: z.string().min(1).max(5000),
          description: z.string().exactOptional(),
        })
        .exactOptional(),
      recurring: recurring.exactOptional(),
    })
    .exactOptional(),
  quantity: z.int().min(1).exactOptional(),
})

export const createCheckoutSession = defineAction({
  name: 'createCheckoutSession',
  title: 'Create a page on which a customer pays or subscribes',
  effect: 'create',
  idempotency: 'native_key',
  dryRun: 'native',
  input: z.object({
    mode: z.enum(['payment', 'setup', 'subscription']),
    line_items: z.array(lineItem).min(1).max(100).exactOptional(),
    success_url: z.string().max(5000).exactOptional(),
    cancel_url: z.string().max(5000).exactOptional(),
    return_url: z.string().max(5000).exactOptional(),
    ui_mode: z.enum(['hosted_page', 'embedded_page', 'elements']).exactOptional(),
    customer: reference('the customer'),
    customer_email: z.string().max(800).exactOptional(),
    customer_creation: z.enum(['always', 'if_required']).exactOptional(),
    client_reference_id: z.string().max(200).exactOptional(),
    allow_promotion_codes: flag,
    automatic_tax: z.strictObject({ enabled: z.boolean() }).exactOptional(),
    billing_address_collection: z.enum(['auto', 'required']).exactOptional(),
    currency: currency.exactOptional(),
    discounts,
    expires_at: time.exactOptional(),
    locale: z.string().max(10).exactOptional(),
    payment_method_collection: z.enum(['always', 'if_required']).exactOptional(),
    metadata: metadata.exactOptional(),
  }),
  output: session,
  plan: (input, config) => stripeRequest(config, 'POST', '/v1/checkout/sessions', input),
})

export const expireCheckoutSession = defineAction({
  name: 'expireCheckoutSession',
  title: 'Close an open checkout session, so that nobody can pay on it',
  effect: 'update',
  idempotency: 'native_key',
  dryRun: 'native',
  input: z.object({ id: objectId('checkout session', 'cs') }),
  output: session,
  plan: ({ id }, config) =>
    stripeRequest(config, 'POST', urlPath`/v1/checkout/sessions/${id}/expire`),
})
