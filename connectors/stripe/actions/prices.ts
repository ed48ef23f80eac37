import { z } from 'zod'
import {
  changedMetadata,
  currency,
  expand,
  flag,
  metadata,
  objectId,
  reference,
  stripeObject,
  taxBehavior,
} from './fields.ts'
import {
  currencyOptions,
  customUnitAmount,
  priceRecurring,
  productData,
  tiers,
  transformQuantity,
  unitAmount,
  unitAmountDecimal,
} from './price-fields.ts'
import { stripeAction } from './stripe-action.ts'

const price = stripeObject('price')
const id = objectId('price', 'price')

const priceFields = {
  active: flag.meta({ description: 'Whether it can be used for new purchases.' }),
  lookup_key: z.string().max(200).exactOptional(),
  transfer_lookup_key: flag.meta({
    description: 'Whether to take the lookup key from the price that has it.',
  }),
  nickname: z.string().max(5000).exactOptional(),
  tax_behavior: taxBehavior,
  currency_options: currencyOptions,
  metadata: metadata.exactOptional(),
  expand,
}

export const createPrice = stripeAction({
  name: 'createPrice',
  title: 'Create a price of a product',
  effect: 'create',
  path: '/v1/prices',
  input: z
    .object({
      currency,
      product: reference('the product: this or `product_data`'),
      product_data: productData,
      unit_amount: unitAmount,
      unit_amount_decimal: unitAmountDecimal,
      custom_unit_amount: customUnitAmount,
      billing_scheme: z.enum(['per_unit', 'tiered']).exactOptional(),
      tiers,
      tiers_mode: z.enum(['graduated', 'volume']).exactOptional().meta({
        description: 'Whether each tier counts for itself, or the last one for the whole quantity.',
      }),
      transform_quantity: transformQuantity,
      recurring: priceRecurring.exactOptional(),
      ...priceFields,
    })
    .refine(
      ({ product, product_data: data }) => (product === undefined) !== (data === undefined),
      'must have either `product` or `product_data`',
    )
    .refine(
      ({ billing_scheme: scheme, tiers, tiers_mode: mode }) =>
        scheme === 'tiered'
          ? tiers !== undefined && mode !== undefined
          : tiers === undefined && mode === undefined,
      'must have `tiers` and `tiers_mode` if `billing_scheme` is `tiered`, and only then',
    ),
  output: price,
})

export const getPrice = stripeAction({
  name: 'getPrice',
  title: 'Get a price',
  effect: 'read',
  path: '/v1/prices/{id}',
  input: z.object({ id, expand }),
  output: price,
})

export const updatePrice = stripeAction({
  name: 'updatePrice',
  title: 'Change fields of a price; its amount stays',
  effect: 'update',
  path: '/v1/prices/{id}',
  input: z.object({ id, ...priceFields, metadata: changedMetadata }),
  output: price,
})
