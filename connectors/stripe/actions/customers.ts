import { z } from 'zod'
import {
  address,
  changedMetadata,
  createdFilter,
  deletedObject,
  description,
  expand,
  listOf,
  metadata,
  objectId,
  page,
  reference,
  shipping,
  stripeObject,
} from './fields.ts'
import { stripeAction } from './stripe-action.ts'

const customerFields = {
  email: z.string().max(512).exactOptional(),
  name: z.string().max(256).exactOptional(),
  phone: z.string().max(20).exactOptional(),
  description,
  address: address.exactOptional(),
  shipping: shipping.exactOptional(),
  preferred_locales: z.array(z.string()).min(1).exactOptional(),
  tax_exempt: z.enum(['none', 'exempt', 'reverse']).exactOptional(),
  metadata: metadata.exactOptional(),
  expand,
}

const customer = stripeObject('customer')
const id = objectId('customer', 'cus')

export const createCustomer = stripeAction({
  name: 'createCustomer',
  title: 'Create a customer',
  effect: 'create',
  path: '/v1/customers',
  input: z.object({ ...customerFields, payment_method: reference('a payment method to attach') }),
  output: customer,
})

export const getCustomer = stripeAction({
  name: 'getCustomer',
  title: 'Get a customer',
  effect: 'read',
  path: '/v1/customers/{id}',
  input: z.object({ id, expand }),
  output: customer,
})

const email = z.string().min(1).max(512)

export const listCustomers = stripeAction({
  name: 'listCustomers',
  title: 'List customers, by their e-mail address or all of them',
  effect: 'read',
  path: '/v1/customers',
  input: z.object({
    email: email.exactOptional().meta({ description: 'Exactly this one, in the same case.' }),
    created: createdFilter,
    ...page,
    expand,
  }),
  output: listOf('customer'),
})

export const searchCustomers = stripeAction({
  name: 'searchCustomers',
  title: 'Search customers; those of the last minute may be missing',
  effect: 'read',
  path: '/v1/customers/search',
  input: z.object({
    query: z.string().min(1).max(5000).meta({
      description:
        'In the search language of Stripe: `email:"ada@example.com"`, `metadata["order"]:"6735"`.',
    }),
    limit: page.limit,
    page: z.string().max(5000).exactOptional().meta({
      description: 'The `next_page` of the page before.',
    }),
    expand,
  }),
  output: z.looseObject({
    object: z.literal('search_result'),
    data: z.array(z.looseObject({ id: z.string(), object: z.literal('customer') })),
    has_more: z.boolean(),
  }),
})

export const updateCustomer = stripeAction({
  name: 'updateCustomer',
  title: 'Change fields of a customer',
  effect: 'update',
  path: '/v1/customers/{id}',
  input: z.object({
    id,
    ...customerFields,
    metadata: changedMetadata,
    invoice_settings: z
      .strictObject({ default_payment_method: reference('the payment method for invoices') })
      .exactOptional(),
  }),
  output: customer,
})

export const deleteCustomer = stripeAction({
  name: 'deleteCustomer',
  title: 'Delete a customer for good, and cancel their subscriptions',
  effect: 'delete',
  path: '/v1/customers/{id}',
  input: z.object({ id }),
  output: deletedObject,
})
