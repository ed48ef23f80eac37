import { z } from 'zod'
import {
  decimal,
  metadata,
  recurring,
  reference,
  statementDescriptor,
  taxBehavior,
} from './fields.ts'

/** In the smallest unit of a currency; a price may be free. */
export const unitAmount = z.int().min(0).exactOptional().meta({
  description: 'In the smallest unit of the currency.',
})

export const unitAmountDecimal = decimal.exactOptional().meta({
  description: 'In place of `unit_amount`, with up to 12 places.',
})

export const priceRecurring = recurring
  .extend({
    usage_type: z.enum(['licensed', 'metered']).exactOptional(),
    meter: reference('the meter that counts the usage: `metered` needs it'),
  })
  .refine(({ usage_type: type, meter }) => (type === 'metered') === (meter !== undefined), {
    message:
      'must be there if `usage_type` is `metered`, and only then: create the meter at Stripe',
    path: ['meter'],
  })

export const tiers = z
  .array(
    z.strictObject({
      up_to: z.union([z.int().min(1), z.literal('inf')]),
      unit_amount: unitAmount,
      unit_amount_decimal: unitAmountDecimal,
      flat_amount: z.int().min(0).exactOptional().meta({
        description: 'For the whole tier, in the smallest unit of the currency.',
      }),
      flat_amount_decimal: decimal.exactOptional(),
    }),
  )
  .min(1)
  .max(100)
  .exactOptional()
  .meta({ description: 'Each up to a quantity; that of the last one is `inf`.' })

/** The customer chooses the amount. */
export const customUnitAmount = z
  .strictObject({
    enabled: z.boolean(),
    minimum: unitAmount,
    maximum: unitAmount,
    preset: unitAmount,
  })
  .exactOptional()
  .meta({ description: 'For an amount that the customer chooses.' })

export const currencyOptions = z
  .record(
    z.string().regex(/^[a-z]{3}$/, 'must be three lower-case letters, such as `eur`'),
    z.strictObject({
      unit_amount: unitAmount,
      unit_amount_decimal: unitAmountDecimal,
      custom_unit_amount: customUnitAmount,
      tax_behavior: taxBehavior,
      tiers,
    }),
  )
  .exactOptional()
  .meta({ description: 'The price in further currencies, by their three letters.' })

export const transformQuantity = z
  .strictObject({ divide_by: z.int().min(1), round: z.enum(['down', 'up']) })
  .exactOptional()
  .meta({ description: 'How a quantity becomes what is charged: packages of several.' })

export const productData = z
  .strictObject({
    name: z.string().min(1).max(5000),
    id: z.string().min(1).max(5000).exactOptional().meta({ description: 'An id of your own.' }),
    active: z.boolean().exactOptional(),
    statement_descriptor: statementDescriptor,
    tax_code: z.string().max(5000).exactOptional(),
    unit_label: z.string().max(12).exactOptional(),
    metadata: metadata.exactOptional(),
  })
  .exactOptional()
  .meta({ description: 'A new product: this or `product`.' })
