import { z } from 'zod'
import { defineAction, pathSegment, urlPath } from '../../action.ts'
import { deletedObject, metadata, stripeObject } from './fields.ts'
import { stripeRequest } from './request.ts'

const address = z
  .strictObject({
    line1: z.string().exactOptional(),
    line2: z.string().exactOptional(),
    city: z.string().exactOptional(),
    state: z.string().exactOptional(),
    postal_code: z.string().exactOptional(),
    country: z.string().length(2).exactOptional().meta({ description: 'Two letters, ISO 3166-1.' }),
  })
  .meta({ description: 'A postal address.' })

const customerFields = {
  email: z.string().max(512).exactOptional(),
  name: z.string().max(256).exactOptional(),
  phone: z.string().max(20).exactOptional(),
  description: z.string().exactOptional(),
  address: address.exactOptional(),
  payment_method: z
    .string()
    .exactOptional()
    .meta({ description: 'Id of a payment method to attach.' }),
  metadata: metadata.exactOptional(),
}

const customer = stripeObject('customer')
const id = pathSegment.meta({ description: 'Id of the customer: `cus_…`.' })

export const createCustomer = defineAction({
  name: 'createCustomer',
  title: 'Create a customer',
  effect: 'create',
  idempotency: 'native_key',
  dryRun: 'native',
  input: z.object(customerFields),
  output: customer,
  plan: (input, config) => stripeRequest(config, 'POST', '/v1/customers', input),
})

export const updateCustomer = defineAction({
  name: 'updateCustomer',
  title: 'Change fields of a customer',
  effect: 'update',
  idempotency: 'native_key',
  dryRun: 'native',
  input: z.object({ id, ...customerFields }),
  output: customer,
  plan: ({ id, ...fields }, config) =>
    stripeRequest(config, 'POST', urlPath`/v1/customers/${id}`, fields),
})

export const deleteCustomer = defineAction({
  name: 'deleteCustomer',
  title: 'Delete a customer for good, and cancel their subscriptions',
  effect: 'delete',
  idempotency: 'natural',
  dryRun: 'native',
  input: z.object({ id }),
  output: deletedObject,
  plan: ({ id }, config) => stripeRequest(config, 'DELETE', urlPath`/v1/customers/${id}`),
})
