import { z } from 'zod'
import type { Action } from '../../action.ts'
import {
  collectionMethod,
  createdFilter,
  currency,
  expand,
  flag,
  listOf,
  page,
  reference,
  timeRange,
} from './fields.ts'
import { stripeAction } from './stripe-action.ts'

const customer = reference('the customer')
const isActive = flag.meta({ description: 'True: only active ones; false: only archived ones.' })

interface ObjectList {
  readonly name: string
  readonly title: string
  readonly path: `/v1/${string}`
  /** The `object` of its items. */
  readonly object: string
  /** The fields that narrow it, beside the page and the time of creation. */
  readonly filters: z.ZodRawShape
}

function listAction({ name, title, path, object, filters }: ObjectList): Action {
  return stripeAction({
    name,
    title,
    effect: 'read',
    path,
    input: z.object({ ...filters, created: createdFilter, ...page, expand }),
    output: listOf(object),
  })
}

export const listPaymentIntents = listAction({
  name: 'listPaymentIntents',
  title: 'List payment intents, those of a customer or all of them',
  path: '/v1/payment_intents',
  object: 'payment_intent',
  filters: { customer },
})

export const listCharges = listAction({
  name: 'listCharges',
  title: 'List charges, those of a customer or a payment intent, or all of them',
  path: '/v1/charges',
  object: 'charge',
  filters: {
    customer,
    payment_intent: reference('the payment intent'),
    transfer_group: z.string().max(5000).exactOptional(),
  },
})

export const listRefunds = listAction({
  name: 'listRefunds',
  title: 'List refunds, those of a charge or a payment intent, or all of them',
  path: '/v1/refunds',
  object: 'refund',
  filters: {
    charge: reference('the charge'),
    payment_intent: reference('the payment intent'),
  },
})

export const listDisputes = listAction({
  name: 'listDisputes',
  title: 'List disputes, those of a charge or a payment intent, or all of them',
  path: '/v1/disputes',
  object: 'dispute',
  filters: {
    charge: reference('the charge'),
    payment_intent: reference('the payment intent'),
  },
})

export const listProducts = listAction({
  name: 'listProducts',
  title: 'List products',
  path: '/v1/products',
  object: 'product',
  filters: {
    active: isActive,
    ids: z.array(z.string().max(5000)).min(1).max(100).exactOptional().meta({
      description: 'Only products with these ids. Not together with a place in the list.',
    }),
    shippable: flag,
    url: z.string().max(5000).exactOptional(),
  },
})

export const listPrices = listAction({
  name: 'listPrices',
  title: 'List prices, those of a product or all of them',
  path: '/v1/prices',
  object: 'price',
  filters: {
    active: isActive,
    currency: currency.exactOptional(),
    lookup_keys: z.array(z.string().max(5000)).min(1).max(10).exactOptional().meta({
      description: 'Only prices with these lookup keys.',
    }),
    product: reference('the product'),
    recurring: z
      .strictObject({
        interval: z.enum(['day', 'week', 'month', 'year']).exactOptional(),
        meter: reference('the meter'),
        usage_type: z.enum(['licensed', 'metered']).exactOptional(),
      })
      .exactOptional(),
    type: z.enum(['one_time', 'recurring']).exactOptional(),
  },
})

export const listSubscriptions = listAction({
  name: 'listSubscriptions',
  title: 'List subscriptions, those of a customer or a price, or all that are not canceled',
  path: '/v1/subscriptions',
  object: 'subscription',
  filters: {
    customer,
    price: reference('the price'),
    collection_method: collectionMethod,
    current_period_end: timeRange.exactOptional(),
    current_period_start: timeRange.exactOptional(),
    status: z
      .enum([
        'active',
        'all',
        'canceled',
        'ended',
        'incomplete',
        'incomplete_expired',
        'past_due',
        'paused',
        'trialing',
        'unpaid',
      ])
      .exactOptional()
      .meta({ description: 'Default: all that are not canceled. `all` has these, too.' }),
  },
})

export const listInvoices = listAction({
  name: 'listInvoices',
  title: 'List invoices, those of a customer or a subscription, or all of them',
  path: '/v1/invoices',
  object: 'invoice',
  filters: {
    customer,
    subscription: reference('the subscription'),
    collection_method: collectionMethod,
    due_date: timeRange.exactOptional(),
    status: z.enum(['draft', 'open', 'paid', 'uncollectible', 'void']).exactOptional(),
  },
})

export const listCreditNotes = listAction({
  name: 'listCreditNotes',
  title: 'List credit notes, those of a customer or an invoice, or all of them',
  path: '/v1/credit_notes',
  object: 'credit_note',
  filters: { customer, invoice: reference('the invoice') },
})
