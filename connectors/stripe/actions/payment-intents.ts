import { z } from 'zod'
import { applicationFeeAmount, onBehalfOf, transferAmount, transferData } from './connect-fields.ts'
import {
  amount,
  changedMetadata,
  currency,
  expand,
  flag,
  metadata,
  objectId,
  reference,
  shipping,
  statementDescriptor,
  stripeObject,
} from './fields.ts'
import { stripeAction } from './stripe-action.ts'

const paymentIntent = stripeObject('payment_intent')
const id = objectId('payment intent', 'pi')

const futureUsage = z.enum(['on_session', 'off_session'])
const captureMethod = z.enum(['automatic', 'automatic_async', 'manual']).exactOptional()
const emptyText = z.literal('')
const methodTypes = z.array(z.string().max(5000)).min(1).exactOptional()
const transferGroup = z.string().max(5000).exactOptional().meta({
  description: 'A text of your own, for transfers that belong to this payment.',
})

const confirmationFields = {
  payment_method: reference('the payment method to charge'),
  return_url: z.string().max(2048).exactOptional().meta({
    description: 'Where the customer comes back to after an authentication elsewhere.',
  }),
  off_session: z
    .union([z.boolean(), z.enum(['one_off', 'recurring'])])
    .exactOptional()
    .meta({
      description:
        'Whether the customer is not there to authenticate: `one_off` for a single payment, `recurring` for one of a series.',
    }),
  error_on_requires_action: flag,
  receipt_email: z.string().max(800).exactOptional(),
  capture_method: captureMethod,
  shipping: shipping.exactOptional(),
}

export const createPaymentIntent = stripeAction({
  name: 'createPaymentIntent',
  title: 'Begin a payment, and with `confirm` charge it',
  effect: 'create',
  path: '/v1/payment_intents',
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
    payment_method_types: methodTypes,
    statement_descriptor: statementDescriptor,
    statement_descriptor_suffix: statementDescriptor,
    ...confirmationFields,
    setup_future_usage: futureUsage.exactOptional(),
    application_fee_amount: applicationFeeAmount,
    on_behalf_of: onBehalfOf,
    transfer_data: transferData,
    transfer_group: transferGroup,
    metadata: metadata.exactOptional(),
    expand,
  }),
  output: paymentIntent,
})

export const getPaymentIntent = stripeAction({
  name: 'getPaymentIntent',
  title: 'Get a payment intent',
  effect: 'read',
  path: '/v1/payment_intents/{id}',
  input: z.object({ id, expand }),
  output: paymentIntent,
})

export const updatePaymentIntent = stripeAction({
  name: 'updatePaymentIntent',
  title: 'Change fields of a payment intent that is not charged yet',
  effect: 'update',
  path: '/v1/payment_intents/{id}',
  input: z.object({
    id,
    amount: amount.exactOptional(),
    currency: currency.exactOptional(),
    customer: reference('the customer'),
    description: z.string().max(1000).exactOptional(),
    payment_method: reference('the payment method to charge'),
    payment_method_types: methodTypes,
    setup_future_usage: z.union([futureUsage, emptyText]).exactOptional(),
    receipt_email: z.string().max(800).exactOptional(),
    capture_method: captureMethod,
    shipping: shipping.exactOptional(),
    statement_descriptor: statementDescriptor,
    statement_descriptor_suffix: statementDescriptor,
    application_fee_amount: z.union([z.int().min(0), emptyText]).exactOptional(),
    transfer_data: transferAmount,
    transfer_group: transferGroup,
    metadata: changedMetadata,
    expand,
  }),
  output: paymentIntent,
})

export const confirmPaymentIntent = stripeAction({
  name: 'confirmPaymentIntent',
  title: 'Charge a payment intent',
  effect: 'update',
  path: '/v1/payment_intents/{id}/confirm',
  requiresConfirmation: true,
  input: z.object({
    id,
    ...confirmationFields,
    setup_future_usage: z.union([futureUsage, emptyText]).exactOptional(),
    expand,
  }),
  output: paymentIntent,
})

export const capturePaymentIntent = stripeAction({
  name: 'capturePaymentIntent',
  title: 'Take the money that a payment intent has reserved',
  effect: 'update',
  path: '/v1/payment_intents/{id}/capture',
  requiresConfirmation: true,
  input: z.object({
    id,
    amount_to_capture: amount.exactOptional(),
    final_capture: flag.meta({ description: 'Whether what is left is released.' }),
    application_fee_amount: applicationFeeAmount,
    transfer_data: transferAmount,
    statement_descriptor: statementDescriptor,
    statement_descriptor_suffix: statementDescriptor,
    metadata: changedMetadata,
    expand,
  }),
  output: paymentIntent,
})

export const cancelPaymentIntent = stripeAction({
  name: 'cancelPaymentIntent',
  title: 'Cancel a payment intent for good',
  effect: 'update',
  path: '/v1/payment_intents/{id}/cancel',
  requiresConfirmation: true,
  input: z.object({
    id,
    cancellation_reason: z
      .enum(['duplicate', 'fraudulent', 'requested_by_customer', 'abandoned'])
      .exactOptional(),
    expand,
  }),
  output: paymentIntent,
})
