import { z } from 'zod'
import {
  collectionFields,
  customFields,
  lineItems,
  paymentIntentData,
  setupIntentData,
  subscriptionData,
} from './checkout-session-fields.ts'
import {
  currency,
  discounts,
  expand,
  flag,
  metadata,
  objectId,
  reference,
  stripeObject,
  time,
} from './fields.ts'
import { stripeAction } from './stripe-action.ts'

const session = stripeObject('checkout.session')

const id = objectId('checkout session', 'cs')

export const createCheckoutSession = stripeAction({
  name: 'createCheckoutSession',
  title: 'Create a page on which a customer pays or subscribes',
  effect: 'create',
  path: '/v1/checkout/sessions',
  input: z.object({
    mode: z.enum(['payment', 'setup', 'subscription']),
    line_items: lineItems,
    subscription_data: subscriptionData,
    payment_intent_data: paymentIntentData,
    setup_intent_data: setupIntentData,
    payment_method_types: z.array(z.string().max(5000)).min(1).exactOptional().meta({
      description: 'Such as `card`. Default: those that the Dashboard allows.',
    }),
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
    submit_type: z.enum(['auto', 'book', 'donate', 'pay', 'subscribe']).exactOptional(),
    invoice_creation: z.strictObject({ enabled: z.boolean() }).exactOptional().meta({
      description: 'Whether mode `payment` makes an invoice too.',
    }),
    custom_fields: customFields,
    ...collectionFields,
    metadata: metadata.exactOptional(),
    expand,
  }),
  output: session,
})

export const getCheckoutSession = stripeAction({
  name: 'getCheckoutSession',
  title: 'Get a checkout session, for example to see whether it was paid',
  effect: 'read',
  path: '/v1/checkout/sessions/{id}',
  input: z.object({ id, expand }),
  output: session,
})

export const expireCheckoutSession = stripeAction({
  name: 'expireCheckoutSession',
  title: 'Close an open checkout session, so that nobody can pay on it',
  effect: 'update',
  path: '/v1/checkout/sessions/{id}/expire',
  input: z.object({ id, expand }),
  output: session,
})
