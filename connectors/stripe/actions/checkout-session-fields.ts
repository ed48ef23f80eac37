import { z } from 'zod'
import {
  applicationFeeAmount,
  applicationFeePercent,
  onBehalfOf,
  transferData,
  transferShare,
} from './connect-fields.ts'
import {
  currency,
  flag,
  metadata,
  recurring,
  reference,
  shipping,
  statementDescriptor,
  taxBehavior,
  taxRates,
  time,
  trialSettings,
} from './fields.ts'
import { unitAmount, unitAmountDecimal } from './price-fields.ts'

const productData = z
  .strictObject({
    name: z.string().min(1).max(5000),
    description: z.string().max(40_000).exactOptional(),
    images: z.array(z.string()).min(1).max(8).exactOptional().meta({ description: 'URLs.' }),
    tax_code: z.string().max(5000).exactOptional(),
    unit_label: z.string().max(12).exactOptional(),
    metadata: metadata.exactOptional(),
  })
  .exactOptional()

const priceData = z
  .strictObject({
    currency,
    unit_amount: unitAmount,
    unit_amount_decimal: unitAmountDecimal,
    product: reference('the product: this or `product_data`'),
    product_data: productData,
    recurring: recurring.exactOptional(),
    tax_behavior: taxBehavior,
  })
  .refine(
    ({ unit_amount: amount, unit_amount_decimal: decimal }) =>
      (amount === undefined) !== (decimal === undefined),
    'must have either `unit_amount` or `unit_amount_decimal`',
  )

export const lineItems = z
  .array(
    z.strictObject({
      price: reference('the price: this or `price_data`'),
      price_data: priceData.exactOptional(),
      quantity: z.int().min(1).exactOptional(),
      adjustable_quantity: z
        .strictObject({
          enabled: z.boolean(),
          minimum: z.int().min(0).exactOptional(),
          maximum: z.int().min(1).max(999_999).exactOptional(),
        })
        .exactOptional()
        .meta({ description: 'Whether the customer may change the quantity.' }),
      tax_rates: taxRates,
      metadata: metadata.exactOptional(),
    }),
  )
  .min(1)
  .max(100)
  .exactOptional()

export const subscriptionData = z
  .strictObject({
    description: z.string().max(500).exactOptional(),
    trial_period_days: z.int().min(1).exactOptional(),
    trial_end: time.exactOptional(),
    trial_settings: trialSettings,
    billing_cycle_anchor: time.exactOptional(),
    proration_behavior: z.enum(['create_prorations', 'none']).exactOptional(),
    default_tax_rates: taxRates,
    application_fee_percent: applicationFeePercent,
    on_behalf_of: onBehalfOf,
    transfer_data: transferShare,
    metadata: metadata.exactOptional(),
  })
  .exactOptional()
  .meta({ description: 'Of the subscription that mode `subscription` creates.' })

export const paymentIntentData = z
  .strictObject({
    description: z.string().max(1000).exactOptional(),
    capture_method: z.enum(['automatic', 'automatic_async', 'manual']).exactOptional(),
    setup_future_usage: z.enum(['on_session', 'off_session']).exactOptional(),
    receipt_email: z.string().max(800).exactOptional(),
    shipping: shipping.exactOptional(),
    statement_descriptor: statementDescriptor,
    statement_descriptor_suffix: statementDescriptor,
    application_fee_amount: applicationFeeAmount,
    on_behalf_of: onBehalfOf,
    transfer_data: transferData,
    transfer_group: z.string().max(5000).exactOptional(),
    metadata: metadata.exactOptional(),
  })
  .exactOptional()
  .meta({ description: 'Of the payment intent that mode `payment` creates.' })

export const setupIntentData = z
  .strictObject({
    description: z.string().max(1000).exactOptional(),
    on_behalf_of: onBehalfOf,
    metadata: metadata.exactOptional(),
  })
  .exactOptional()
  .meta({ description: 'Of the setup intent that mode `setup` creates.' })

const textLimits = {
  default_value: z.string().max(255).exactOptional(),
  minimum_length: z.int().min(0).exactOptional(),
  maximum_length: z.int().min(1).exactOptional(),
}

export const customFields = z
  .array(
    z.strictObject({
      key: z.string().min(1).max(200),
      label: z.strictObject({ type: z.literal('custom'), custom: z.string().min(1).max(50) }),
      type: z.enum(['dropdown', 'numeric', 'text']),
      optional: flag,
      dropdown: z
        .strictObject({
          options: z
            .array(
              z.strictObject({
                label: z.string().min(1).max(100),
                value: z.string().min(1).max(100),
              }),
            )
            .min(1)
            .max(200),
          default_value: z.string().max(100).exactOptional(),
        })
        .exactOptional(),
      numeric: z.strictObject(textLimits).exactOptional(),
      text: z.strictObject(textLimits).exactOptional(),
    }),
  )
  .min(1)
  .max(3)
  .exactOptional()
  .meta({ description: 'What else the customer is asked for.' })

const autoOrNever = z.enum(['auto', 'never']).exactOptional()

/** The data that the page requests from the customer. */
export const collectionFields = {
  shipping_address_collection: z
    .strictObject({
      allowed_countries: z
        .array(z.string().regex(/^[A-Z]{2}$/, 'must be two capital letters, such as `DE`'))
        .min(1),
    })
    .exactOptional(),
  shipping_options: z
    .array(z.strictObject({ shipping_rate: reference('the shipping rate') }))
    .min(1)
    .max(5)
    .exactOptional(),
  phone_number_collection: z.strictObject({ enabled: z.boolean() }).exactOptional(),
  tax_id_collection: z
    .strictObject({
      enabled: z.boolean(),
      required: z.enum(['if_supported', 'never']).exactOptional(),
    })
    .exactOptional(),
  consent_collection: z
    .strictObject({
      promotions: z.enum(['auto', 'none']).exactOptional(),
      terms_of_service: z.enum(['none', 'required']).exactOptional(),
    })
    .exactOptional(),
  customer_update: z
    .strictObject({ address: autoOrNever, name: autoOrNever, shipping: autoOrNever })
    .exactOptional()
    .meta({ description: 'Which fields of the customer the page may change.' }),
}
