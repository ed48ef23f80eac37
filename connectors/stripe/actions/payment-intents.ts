import { z } from 'zod'
import { defineAction, urlPath } from '../../action.ts'
import {
  amount,
  currency,
  flag,
  metadata,
  objectId,
  reference,
  shipping,
  statementDescriptor,
  stripeObject,
} from './fields.ts'
import { stripeRequest } from './request.ts'

const paymentIntent = stripeObject('payment_intent')
const id = objectId('payment intent', 'pi')

const confirmationFields = {
  payment_method: reference('the payment method to charge'),
  return_url: z.string().max(2048).exactOptional().meta({
    description: 'Where the customer comes back to after an authentication elsewhere.',
  }),
  off_session: flag.meta({ description: 'Whether the customer is not there to authenticate.' }),
  error_on_requires_action: flag,
  setup_future_usage: z.enum(['on_session', 'off_session']).exactOptional(),
  receipt_email: z.string().max(800).exactOptional(),
  capture_method: z.enum(['automatic', 'automatic_async', 'manual']).exactOptional(),
  shipping: shipping.exactOptional(),
}

export const createPaymentIntent = defineAction({
  name: 'createPaymentIntent',
  title: 'Begin a payment, and with `confirm` charge it',
  effect: 'create',
  idempotency: 'native_key',
  dryRun: 'native',
  requiresConfirmation: true,
  input: z.object({
    amount,
    currency,
    customer: reference('the customer'),
    confirm: flag.meta({ description: 'Whether to charge the payment method right away.' }),
    description: z.string().max(1000).exactOptional(),
    automatic_payment_methods: z
      .strictObject({
        enabled: z.boolean(),
        allow_redirects: z.enum(['always', 'never']).exactOptional(),
      })
      .exactOptional(),
    payment_method_types: z.array(z.string()).min(1).exactOptional(),
    statement_descriptor: statementDescriptor,
    statement_descriptor_suffix: statementDescriptor,
    ...confirmationFields,
    metadata: metadata.exactOptional(),
  }),
  output: paymentIntent,
  plan: (input, config) => stripeRequest(config, 'POST', '/v1/payment_intents', input),
})

export const getPaymentIntent = defineAction({
  name: 'getPaymentIntent',
  title: 'Get a payment intent',
  effect: 'read',
  idempotency: 'natural',
  dryRun: 'native',
  input: z.object({ id }),
  output: paymentIntent,
  plan: (input, config) => stripeRequest(config, 'GET', urlPath`/v1/payment_intents/${input.id}`),
})

export const confirmPaymentIntent = defineAction({
  name: 'confirmPaymentIntent',
  title: 'Charge a payment intent',
  effect: 'update',
  idempotency: 'native_key',
  dryRun: 'native',
  requiresConfirmation: true,
  input: z.object({ id, ...confirmationFields }),
  output: paymentIntent,
  plan: ({ id, ...fields }, config) =>
    stripeRequest(config, 'POST', urlPath`/v1/payment_intents/${id}/confirm`, fields),
})

export const capturePaymentIntent = defineAction({
  name: 'capturePaymentIntent',
  title: 'Take the money that a payment intent has reserved',
  effect: 'update',
  idempotency: 'native_key',
  dryRun: 'native',
  requiresConfirmation: true,
  input: z.object({
    id,
    amount_to_capture: amount.exactOptional(),
    final_capture: flag.meta({ description: 'Whether what is left is released.' }),
    statement_descriptor: statementDescriptor,
    statement_descriptor_suffix: statementDescriptor,
    metadata: metadata.exactOptional(),
  }),
  output: paymentIntent,
  plan: ({ id, ...fields }, config) =>
    stripeRequest(config, 'POST', urlPath`/v1/payment_intents/${id}/capture`, fields),
})

export const cancelPaymentIntent = defineAction({
  name: 'cancelPaymentIntent',
  title: 'Cancel a payment intent for good',
  effect: 'update',
  idempotency: 'native_key',
  dryRun: 'native',
  requiresConfirmation: true,
  input: z.object({
    id,
    cancellation_reason: z
      .enum(['duplicate', 'fraudulent', 'requested_by_customer', 'abandoned'])
      .exactOptional(),
  }),
  output: paymentIntent,
  plan: ({ id, ...fields }, config) =>
    stripeRequest(config, 'POST', urlPath`/v1/payment_intents/${id}/cancel`, fields),
})
