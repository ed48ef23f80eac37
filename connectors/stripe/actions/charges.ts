import { z } from 'zod'
import { urlPath } from '../../action.ts'
import { expand, objectId, stripeObject } from './fields.ts'
import { stripeRequest } from './request.ts'
import { stripeAction } from './stripe-action.ts'

export const getCharge = stripeAction({
  name: 'getCharge',
  title: 'Get a charge',
  effect: 'read',
  idempotency: 'natural',
  dryRun: 'native',
  input: z.object({ id: objectId('charge', 'ch'), expand }),
  output: stripeObject('charge'),
  plan: ({ id, ...fields }, config) =>
    stripeRequest(config, 'GET', urlPath`/v1/charges/${id}`, fields),
})
