import { z } from 'zod'
import {
  changedMetadata,
  expand,
  flag,
  metadata,
  objectId,
  reference,
  statementDescriptor,
  stripeObject,
} from './fields.ts'
import { stripeAction } from './stripe-action.ts'

const product = stripeObject('product')
const id = objectId('product', 'prod')

const productFields = {
  active: flag.meta({ description: 'Whether it can be bought.' }),
  description: z.string().max(40_000).exactOptional(),
  images: z.array(z.string()).min(1).max(8).exactOptional().meta({ description: 'URLs.' }),
  shippable: flag,
  statement_descriptor: statementDescriptor,
  tax_code: z.string().exactOptional(),
  unit_label: z.string().max(12).exactOptional(),
  url: z.string().max(5000).exactOptional(),
  metadata: metadata.exactOptional(),
  expand,
}

export const createProduct = stripeAction({
  name: 'createProduct',
  title: 'Create a product',
  effect: 'create',
  path: '/v1/products',
  input: z.object({
    name: z.string().min(1).max(5000),
    id: z.string().min(1).max(5000).exactOptional().meta({ description: 'An id of your own.' }),
    ...productFields,
  }),
  output: product,
})

export const getProduct = stripeAction({
  name: 'getProduct',
  title: 'Get a product',
  effect: 'read',
  path: '/v1/products/{id}',
  input: z.object({ id, expand }),
  output: product,
})

export const updateProduct = stripeAction({
  name: 'updateProduct',
  title: 'Change fields of a product',
  effect: 'update',
  path: '/v1/products/{id}',
  input: z.object({
    id,
    name: z.string().min(1).max(5000).exactOptional(),
    default_price: reference('the price to sell it at'),
    ...productFields,
    metadata: changedMetadata,
  }),
  output: product,
})
