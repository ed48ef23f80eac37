import { z } from 'zod'
import { amount, reference } from './fields.ts'

/**
 * https://docs.stripe.com/connect/charges: the share of a payment that a platform takes, and the connected
 * account that gets the rest.
 */

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

/** The transfer of a payment. */
export const transferData = z
  .strictObject({
    destination,
    amount: amount.exactOptional().meta({
      description: 'In the smallest unit of the currency. Default: all of it.',
    }),
  })
  .exactOptional()

/** The transfer of an existing payment: the account stays. */
export const transferAmount = z.strictObject({ amount: amount.exactOptional() }).exactOptional()

/** The transfer of a subscription. */
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
