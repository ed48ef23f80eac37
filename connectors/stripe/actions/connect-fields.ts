import { z } from 'zod'
import { amount, reference } from './fields.ts'

/** https://docs.stripe.com/connect/charges: what a platform takes of a payment, and which connected account gets the rest. */

export const applicationFeeAmount = z.int().min(0).exactOptional().meta({
  description:
    'What the platform keeps of a payment for a connected account, in the smallest unit of the currency.',
})

export const applicationFeePercent = z
  .number()
  .min(0)
  .max(100)
  .exactOptional()
  .meta({ description: 'What the platform keeps of each invoice, in percent.' })

export const onBehalfOf = reference('the connected account in whose name it is charged')

const destination = z
  .string()
  .max(5000)
  .meta({ description: 'Id of the connected account that gets the money.' })

/** Of a payment. */
export const transferData = z
  .strictObject({
    destination,
    amount: amount.exactOptional().meta({
      description: 'In the smallest unit of the currency. Default: all of it.',
    }),
  })
  .exactOptional()

/** Of a payment that exists: the account stays. */
export const transferAmount = z.strictObject({ amount: amount.exactOptional() }).exactOptional()

/** Of a subscription. */
export const transferShare = z
  .strictObject({
    destination,
    amount_percent: z
      .number()
      .min(0)
      .max(100)
      .exactOptional()
      .meta({ description: 'How much of each invoice. Default: all of it.' }),
  })
  .exactOptional()
