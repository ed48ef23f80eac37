import { z } from 'zod'
import { pathSegment } from '../../action.ts'
import { stripeFields } from './outputs.ts'

/** Brackets would make another structure of the form. */
const metadataName = z
  .string()
  .max(40)
  .regex(/^[^[\]]+$/, 'a name of metadata must not be empty, and must not contain `[` or `]`')

/** https://docs.stripe.com/api/metadata. Stripe stores texts: a number is sent as one. */
export const metadata = z.record(metadataName, z.union([z.string().max(500), z.number()])).meta({
  description:
    'Up to 50 texts or numbers of your own by name; Stripe stores texts. An empty text removes the name.',
})

/** The metadata of an existing object. */
export const changedMetadata = z
  .union([z.literal(''), metadata])
  .exactOptional()
  .meta({
    description:
      'Up to 50 texts or numbers of your own by name; the other names stay. An empty text as a value removes its name; an empty text instead of the object removes all.',
  })

/** https://docs.stripe.com/expand */
export const expand = z.array(z.string().min(1).max(5000)).min(1).max(20).exactOptional().meta({
  description:
    'What the response contains in addition, or in place of ids: `latest_invoice.confirmation_secret`. In a list: `data.customer`.',
})

/** An object of Stripe: it has more fields than are declared. */
export function stripeObject(type: string): z.ZodType {
  return z.looseObject({ id: z.string(), object: z.literal(type), ...stripeFields[type] })
}

/** A page of a list: https://docs.stripe.com/api/pagination */
export function listOf(type: string): z.ZodType {
  return z.looseObject({
    object: z.literal('list'),
    data: z.array(stripeObject(type)),
    has_more: z.boolean(),
  })
}

/** Which page of a list, newest first. */
export const page = {
  limit: z.int().min(1).max(100).exactOptional().meta({ description: 'Default: 10.' }),
  starting_after: reference('the object before the page: the last one of the page before'),
  ending_before: reference('the object after the page'),
}

/** Seconds since 1970, for a list. */
export const timeRange = z
  .strictObject({
    gt: z.int().min(0).exactOptional(),
    gte: z.int().min(0).exactOptional(),
    lt: z.int().min(0).exactOptional(),
    lte: z.int().min(0).exactOptional(),
  })
  .meta({ description: 'After, from, before or until these seconds since 1970.' })

/** By the time of creation, for a list. */
export const createdFilter = timeRange
  .exactOptional()
  .meta({ description: 'Created after, from, before or until these seconds since 1970.' })

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
    country: z
      .string()
      .regex(/^(?:[A-Za-z]{2})?$/, 'must be two letters such as `DE`, or empty')
      .exactOptional()
      .meta({ description: 'Two letters, ISO 3166-1. An empty text empties it.' }),
  })
  .meta({ description: 'A postal address.' })

export const shipping = z
  .strictObject({
    name: z.string().max(5000),
    address,
    phone: z.string().max(5000).exactOptional(),
  })
  .meta({ description: 'Where goods are sent to.' })

/** Stripe takes up to 12 places. */
export const decimal = z
  .string()
  .regex(/^\d+(?:\.\d{1,12})?$/, 'must be a decimal number with at most 12 places')

export const taxRates = z.array(z.string().max(5000)).min(1).exactOptional().meta({
  description: 'Ids of tax rates.',
})

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

/** The settings of a trial that ends without a payment method. */
export const trialSettings = z
  .strictObject({
    end_behavior: z.strictObject({
      missing_payment_method: z.enum(['cancel', 'create_invoice', 'pause']),
    }),
  })
  .exactOptional()
