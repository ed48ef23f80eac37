import { z } from 'zod'
import { applicationFeePercent, onBehalfOf, transferShare } from './connect-fields.ts'
import {
  changedMetadata,
  collectionMethod,
  currency,
  discounts,
  expand,
  flag,
  metadata,
  objectId,
  reference,
  stripeObject,
  taxRates,
  time,
  trialSettings,
} from './fields.ts'
import { stripeAction } from './stripe-action.ts'

const subscription = stripeObject('subscription')
const id = objectId('subscription', 'sub')

const item = {
  price: reference('the price'),
  quantity: z.int().min(0).exactOptional(),
  tax_rates: taxRates,
  discounts,
  metadata: metadata.exactOptional(),
}

const trialEnd = z.union([z.literal('now'), time]).exactOptional()
const cancelAt = z.union([time, z.enum(['min_period_end', 'max_period_end', 'max_billed_until'])])

const paymentSettings = z
  .strictObject({
    payment_method_types: z.array(z.string().max(5000)).min(1).exactOptional(),
    save_default_payment_method: z.enum(['off', 'on_subscription']).exactOptional().meta({
      description:
        'Whether the payment method that pays the first invoice becomes that of the subscription.',
    }),
    payment_method_options: z
      .strictObject({
        card: z
          .strictObject({
            request_three_d_secure: z.enum(['any', 'automatic', 'challenge']).exactOptional(),
            mandate_options: z
              .strictObject({
                amount: z.int().min(0).exactOptional(),
                amount_type: z.enum(['fixed', 'maximum']).exactOptional(),
                description: z.string().max(200).exactOptional(),
              })
              .exactOptional(),
          })
          .exactOptional(),
      })
      .exactOptional(),
  })
  .exactOptional()

const subscriptionFields = {
  automatic_tax: z.strictObject({ enabled: z.boolean() }).exactOptional(),
  cancel_at_period_end: flag,
  collection_method: collectionMethod,
  days_until_due: z.int().min(0).exactOptional(),
  default_payment_method: reference('the payment method to charge'),
  default_tax_rates: taxRates,
  description: z.string().max(500).exactOptional(),
  discounts,
  off_session: flag.meta({ description: 'Whether the customer is not there to authenticate.' }),
  payment_behavior: z
    .enum([
      'allow_incomplete',
      'default_incomplete',
      'error_if_incomplete',
      'pending_if_incomplete',
    ])
    .exactOptional()
    .meta({ description: 'What happens if the first payment fails.' }),
  proration_behavior: z.enum(['create_prorations', 'always_invoice', 'none']).exactOptional(),
  trial_end: trialEnd,
  trial_settings: trialSettings,
  payment_settings: paymentSettings,
  application_fee_percent: applicationFeePercent,
  on_behalf_of: onBehalfOf,
  transfer_data: transferShare,
  metadata: metadata.exactOptional(),
  expand,
}

export const createSubscription = stripeAction({
  name: 'createSubscription',
  title: 'Subscribe a customer to prices, and charge the first period',
  effect: 'create',
  path: '/v1/subscriptions',
  requiresConfirmation: true,
  input: z.object({
    customer: z.string().max(5000).meta({ description: 'Id of the customer.' }),
    items: z.array(z.strictObject(item)).min(1).max(20),
    currency: currency.exactOptional(),
    backdate_start_date: time.exactOptional(),
    billing_cycle_anchor: time.exactOptional(),
    trial_period_days: z.int().min(0).exactOptional(),
    cancel_at: cancelAt.exactOptional(),
    ...subscriptionFields,
  }),
  output: subscription,
})

export const getSubscription = stripeAction({
  name: 'getSubscription',
  title: 'Get a subscription',
  effect: 'read',
  path: '/v1/subscriptions/{id}',
  input: z.object({ id, expand }),
  output: subscription,
})

export const updateSubscription = stripeAction({
  name: 'updateSubscription',
  title: 'Change a subscription: prices, quantities, and when it ends',
  effect: 'update',
  path: '/v1/subscriptions/{id}',
  requiresConfirmation: true,
  input: z.object({
    id,
    items: z
      .array(
        z.strictObject({
          id: reference('the item to change; left out for a new one'),
          deleted: flag,
          ...item,
        }),
      )
      .min(1)
      .exactOptional(),
    billing_cycle_anchor: z.enum(['now', 'unchanged']).exactOptional(),
    proration_date: time.exactOptional(),
    cancel_at: z
      .union([z.literal(''), cancelAt])
      .exactOptional()
      .meta({ description: 'When it ends. An empty text: it does not end any more.' }),
    ...subscriptionFields,
    metadata: changedMetadata,
  }),
  output: subscription,
})

export const cancelSubscription = stripeAction({
  name: 'cancelSubscription',
  title: 'Cancel a subscription at once, for good',
  effect: 'delete',
  path: '/v1/subscriptions/{id}',
  input: z.object({
    id,
    invoice_now: flag.meta({ description: 'Whether what is not invoiced yet is invoiced now.' }),
    prorate: flag.meta({ description: 'Whether the unused time is credited.' }),
    cancellation_details: z
      .strictObject({
        comment: z.string().max(5000).exactOptional(),
        feedback: z
          .enum([
            'customer_service',
            'low_quality',
            'missing_features',
            'other',
            'switched_service',
            'too_complex',
            'too_expensive',
            'unused',
          ])
          .exactOptional(),
      })
      .exactOptional(),
    expand,
  }),
  output: subscription,
})
