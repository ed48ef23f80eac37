import { z } from 'zod'
import { onBehalfOf } from './connect-fields.ts'
import {
  amount,
  currency,
  expand,
  flag,
  metadata,
  objectId,
  reference,
  stripeObject,
} from './fields.ts'
import { stripeAction } from './stripe-action.ts'

const setupIntent = stripeObject('setup_intent')

export const createSetupIntent = stripeAction({
  name: 'createSetupIntent',
  title: 'Begin to store a payment method of a customer for later payments',
  effect: 'create',
  path: '/v1/setup_intents',
  input: z
    .object({
      customer: reference('the customer'),
      payment_method: reference('the payment method to store'),
      payment_method_types: z.array(z.string().max(5000)).min(1).exactOptional(),
      automatic_payment_methods: z
        .strictObject({
          enabled: z.boolean(),
          allow_redirects: z.enum(['always', 'never']).exactOptional(),
        })
        .exactOptional(),
      confirm: flag.meta({ description: 'Whether to store the payment method right away.' }),
      return_url: z.string().max(2048).exactOptional().meta({
        description:
          'Where the customer comes back to after an authentication elsewhere. Needs `confirm`.',
      }),
      usage: z.enum(['on_session', 'off_session']).exactOptional().meta({
        description: 'Whether the customer is there at later payments. Default: `off_session`.',
      }),
      single_use: z.strictObject({ amount, currency }).exactOptional(),
      attach_to_self: flag.meta({
        description: 'Whether the payment method is of the account itself.',
      }),
      on_behalf_of: onBehalfOf,
      description: z.string().max(1000).exactOptional(),
      metadata: metadata.exactOptional(),
      expand,
    })
    .refine(({ confirm, return_url: url }) => url === undefined || confirm === true, {
      message: 'needs `confirm`: true',
      path: ['return_url'],
    }),
  output: setupIntent,
})

export const getSetupIntent = stripeAction({
  name: 'getSetupIntent',
  title: 'Get a setup intent',
  effect: 'read',
  path: '/v1/setup_intents/{id}',
  input: z.object({ id: objectId('setup intent', 'seti'), expand }),
  output: setupIntent,
})
