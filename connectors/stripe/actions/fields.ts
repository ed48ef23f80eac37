import { z } from 'zod'
import { pathSegment } from '../../action.ts'
import { stripeFields } from './outputs.ts'

/** https://docs.stripe.com/api/metadata */
export const metadata = z.record(z.string().max(40), z.string().max(500)).meta({
  description: 'Up to 50 texts of your own by name. An empty text removes the name.',
})

/** An object of Stripe: it has more fields than are declared. */
export function stripeObject(type: string): z.ZodType {
  return z.looseObject({ id: z.string(), object: z.literal(type), ...stripeFields[type] })
}

export const deletedObject = z.looseObject({ id: z.string(), deleted: z.literal(true) })

/** The id of the object that an action is about. */
export function objectId(name: string, prefix: string): typeof pathSegment {
  return pathSegment.meta({ description: `Id of the ${name}: \`${prefix}_…\`.` })
}

/** The id of another object. */
export function reference(name: string): z.ZodExactOptional<z.ZodString> {
  return z
    .string()
    .max(5000)
    .meta({ description: `Id of ${name}.` })
    .exactOptional()
}

export const currency = z
  .string()
  .regex(/^[a-z]{3}$/, 'must be three lower-case letters, such as `eur`')
  .meta({ description: 'Three letters, ISO 4217, in lower case.' })

/** Stripe's unit of money: https://docs.stripe.com/currencies#minor-units */
export const amount = z.int().min(1).meta({
  description: 'In the smallest unit of the currency: 1099 is 10.99 EUR, and 1099 JPY.',
})

export const time = z.int().min(0).meta({ description: 'Seconds since 1970.' })

export const description = z.string().max(5000).exactOptional()
export const flag = z.boolean().exactOptional()

export const statementDescriptor = z.string().max(22).exactOptional().meta({
  description: 'What the statement of the card or account says.',
})

export const address = z
  .strictObject({
    line1: z.string().max(5000).exactOptional(),
    line2: z.string().max(5000).exactOptional(),
    city: z.string().max(5000).exactOptional(),
    state: z.string().max(5000).exactOptional(),
    postal_code: z.string().max(5000).exactOptional(),
    country: z.string().length(2).exactOptional().meta({ description: 'Two letters, ISO 3166-1.' }),
  })
  .meta({ description: 'A postal address.' })

export const shipping = z
  .strictObject({
    name: z.string().max(5000),
    address,
    phone: z.string().max(5000).exactOptional(),
  })
  .meta({ description: 'Where goods are sent to.' })

/** One of the two. */
export const discounts = z
  .array(
    z.strictObject({
      coupon: reference('a coupon'),
      promotion_code: reference('a promotion code'),
    }),
  )
  .min(1)
  .exactOptional()

export const recurring = z
  .strictObject({
    interval: z.enum(['day', 'week', 'month', 'year']),
    interval_count: z.int().min(1).exactOptional(),
  })
  .meta({ description: 'How often it is charged. Left out for a one-time price.' })

export const taxBehavior = z.enum(['inclusive', 'exclusive', 'unspecified']).exactOptional()

export const collectionMethod = z.enum(['charge_automatically', 'send_invoice']).exactOptional()
