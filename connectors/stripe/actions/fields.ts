import { z } from 'zod'

/** https://docs.stripe.com/api/metadata */
export const metadata = z.record(z.string().max(40), z.string().max(500)).meta({
  description: 'Up to 50 texts of your own by name. An empty text removes the name.',
})

/** An object of Stripe: it has more fields than these. */
export function stripeObject(type: string): z.ZodType {
  return z.looseObject({ id: z.string(), object: z.literal(type) })
}

export const deletedObject = z.looseObject({ id: z.string(), deleted: z.literal(true) })
