import { z } from 'zod'
import { defineAction, urlPath } from '../../action.ts'
import {
  currency,
  flag,
  metadata,
  objectId,
  recurring,
  stripeObject,
  taxBehavior,
} from './fields.ts'
import { stripeRequest } from './request.ts'

const price = stripeObject('price')

const priceFields = {
  active: flag.meta({ description: 'Whether it can be used for new purchases.' }),
  lookup_key: z.string().max(200).exactOptional(),
  transfer_lookup_key: flag.meta({
    description: 'Whether to take the lookup key from the price that has it.',
  }),
  nickname: z.string().max(5000).exactOptional(),
  tax_behavior: taxBehavior,
  metadata: metadata.exactOptional(),
}

export const createPrice = defineAction({
  name: 'createPrice',
  title: 'Create a price of a product',
  effect: 'create',
  idempotency: 'native_key',
  dryRun: 'native',
  input: z.object({
    currency,
    product: z.string().max(5000).meta({ description: 'Id of the product.' }),
    unit_amount: z.int().min(0).exactOptional().meta({
      description: 'In the smallest unit of the currency.',
    }),
    unit_amount_decimal: z
      .string()
      .regex(/^\d+(?:\.\d{1,12})?$/, 'must be a decimal number with at most 12 places')
      .exactOptional()
      .meta({ description: 'In place of `unit_amount`, with up to 12 places.' }),
    recurring: recurring
      .extend({ usage_type: z.enum(['licensed', 'metered']).exactOptional() })
      .exactOptional(),
    ...priceFields,
  }),
  output: price,
  plan: (input, config) => stripeRequest(config, 'POST', '/v1/prices', input),
})

export const updatePrice = defineAction({
  name: 'updatePrice',
  title: 'Change fields of a price; its amount stays',
  effect: 'update',
  idempotency: 'native_key',
  dryRun: 'native',
  input: z.object({ id: objectId('price', 'price'), ...priceFields }),
  output: price,
  plan: ({ id, ...fields }, config) =>
    stripeRequest(config, 'POST', urlPath`/v1/prices/${id}`, fields),
})
