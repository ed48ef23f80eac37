import { z } from 'zod'
import { urlPath } from '../../action.ts'
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
import { stripeRequest } from './request.ts'
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
  idempotency: 'native_key',
  dryRun: 'native',
  input: z.object({
    name: z.string().min(1).max(5000),
    id: z.string().min(1).max(5000).exactOptional().meta({ description: 'An id of your own.' }),
    ...productFields,
  }),
  output: product,
  plan: (input, config) => stripeRequest(config, 'POST', '/v1/products', input),
})

export const getProduct = stripeAction({
  name: 'getProduct',
  title: 'Get a product',
  effect: 'read',
  idempotency: 'natural',
  dryRun: 'native',
  input: z.object({ id, expand }),
  output: product,
  plan: ({ id, ...fields }, config) =>
    stripeRequest(config, 'GET', urlPath`/v1/products/${id}`, fields),
})

export const updateProduct = stripeAction({
  name: 'updateProduct',
  title: 'Change fields of a product',
  effect: 'update',
  idempotency: 'native_key',
  dryRun: 'native',
  input: z.object({
    id,
    name: z.string().min(1).max(5000).exactOptional(),
    default_price: reference('the price to sell it at'),
    ...productFields,
    metadata: changedMetadata,
  }),
  output: product,
  plan: ({ id, ...fields }, config) =>
    stripeRequest(config, 'POST', urlPath`/v1/products/${id}`, fields),
})
