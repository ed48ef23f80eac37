import { z } from 'zod'
import { onBehalfOf } from './connect-fields.ts'
import { expand, reference, stripeObject } from './fields.ts'
import { stripeAction } from './stripe-action.ts'

export const createBillingPortalSession = stripeAction({
  name: 'createBillingPortalSession',
  title: 'Create a page on which a customer manages their subscriptions',
  effect: 'create',
  path: '/v1/billing_portal/sessions',
  input: z.object({
    customer: z.string().max(5000).meta({ description: 'Id of the customer.' }),
    configuration: reference('the configuration of the portal'),
    return_url: z.string().max(5000).exactOptional(),
    on_behalf_of: onBehalfOf,
    expand,
  }),
  output: stripeObject('billing_portal.session'),
})
