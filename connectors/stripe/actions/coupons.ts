import { z } from 'zod'
import { pathSegment } from '../../action.ts'
import { amount, currency, deletedObject, expand, metadata, stripeObject, time } from './fields.ts'
import { stripeAction } from './stripe-action.ts'

export const createCoupon = stripeAction({
  name: 'createCoupon',
  title: 'Create a coupon',
  effect: 'create',
  path: '/v1/coupons',
  input: z.object({
    id: pathSegment.exactOptional().meta({ description: 'An id of your own.' }),
    name: z.string().max(40).exactOptional(),
    duration: z.enum(['forever', 'once', 'repeating']).exactOptional(),
    duration_in_months: z.int().min(1).exactOptional(),
    percent_off: z.number().gt(0).max(100).exactOptional().meta({
      description: 'This, or `amount_off` and `currency`.',
    }),
    amount_off: amount.exactOptional(),
    currency: currency.exactOptional(),
    applies_to: z.strictObject({ products: z.array(z.string()).min(1) }).exactOptional(),
    max_redemptions: z.int().min(1).exactOptional(),
    redeem_by: time.exactOptional(),
    metadata: metadata.exactOptional(),
    expand,
  }),
  output: stripeObject('coupon'),
})

export const deleteCoupon = stripeAction({
  name: 'deleteCoupon',
  title: 'Delete a coupon; customers who have it keep their discount',
  effect: 'delete',
  path: '/v1/coupons/{id}',
  input: z.object({ id: pathSegment.meta({ description: 'Id of the coupon.' }) }),
  output: deletedObject,
})
