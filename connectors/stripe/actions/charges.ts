import { z } from 'zod'
import { expand, objectId, stripeObject } from './fields.ts'
import { stripeAction } from './stripe-action.ts'

export const getCharge = stripeAction({
  name: 'getCharge',
  title: 'Get a charge',
  effect: 'read',
  path: '/v1/charges/{id}',
  input: z.object({ id: objectId('charge', 'ch'), expand }),
  output: stripeObject('charge'),
})
