import { z } from 'zod'
import { applicationFeeAmount, onBehalfOf, transferData } from './connect-fields.ts'
import {
  changedMetadata,
  collectionMethod,
  currency,
  deletedObject,
  description,
  discounts,
  expand,
  flag,
  metadata,
  objectId,
  reference,
  statementDescriptor,
  stripeObject,
  taxBehavior,
  taxRates,
  time,
} from './fields.ts'
import { stripeAction } from './stripe-action.ts'

const invoice = stripeObject('invoice')
const id = objectId('invoice', 'in')

const invoiceFields = {
  auto_advance: flag.meta({
    description: 'Whether Stripe finalizes and collects it by itself after an hour.',
  }),
  automatic_tax: z.strictObject({ enabled: z.boolean() }).exactOptional(),
  collection_method: collectionMethod,
  days_until_due: z.int().min(0).exactOptional(),
  due_date: time.exactOptional(),
  default_payment_method: reference('the payment method to charge'),
  default_tax_rates: taxRates,
  description: z.string().max(1500).exactOptional(),
  discounts,
  footer: description,
  custom_fields: z
    .array(z.strictObject({ name: z.string().max(40), value: z.string().max(140) }))
    .min(1)
    .max(4)
    .exactOptional()
    .meta({ description: 'Fields of your own on the invoice.' }),
  number: z.string().max(26).exactOptional(),
  statement_descriptor: statementDescriptor,
  application_fee_amount: applicationFeeAmount,
  on_behalf_of: onBehalfOf,
  transfer_data: transferData,
  metadata: metadata.exactOptional(),
  expand,
}

export const createInvoice = stripeAction({
  name: 'createInvoice',
  title: 'Create a draft of an invoice',
  effect: 'create',
  path: '/v1/invoices',
  input: z.object({
    customer: z.string().max(5000).meta({ description: 'Id of the customer.' }),
    currency: currency.exactOptional(),
    pending_invoice_items_behavior: z.enum(['include', 'exclude']).exactOptional(),
    subscription: reference('the subscription'),
    ...invoiceFields,
  }),
  output: invoice,
})

export const updateInvoice = stripeAction({
  name: 'updateInvoice',
  title: 'Change fields of a draft of an invoice, and a few of a finalized one',
  effect: 'update',
  path: '/v1/invoices/{id}',
  input: z.object({ id, ...invoiceFields, metadata: changedMetadata }),
  output: invoice,
})

export const deleteInvoice = stripeAction({
  name: 'deleteInvoice',
  title: 'Delete a draft of an invoice for good',
  effect: 'delete',
  path: '/v1/invoices/{id}',
  input: z.object({ id }),
  output: deletedObject,
})

export const getInvoice = stripeAction({
  name: 'getInvoice',
  title: 'Get an invoice',
  effect: 'read',
  path: '/v1/invoices/{id}',
  input: z.object({ id, expand }),
  output: invoice,
})

export const createInvoiceItem = stripeAction({
  name: 'createInvoiceItem',
  title: 'Add an item to a draft of an invoice, or to the next invoice of a customer',
  effect: 'create',
  path: '/v1/invoiceitems',
  input: z.object({
    customer: z.string().max(5000).meta({ description: 'Id of the customer.' }),
    invoice: reference('the draft; left out for the next invoice'),
    subscription: reference('the subscription'),
    amount: z.int().exactOptional().meta({
      description: 'In the smallest unit of the currency. Below zero for a credit.',
    }),
    currency: currency.exactOptional(),
    description,
    discountable: flag,
    discounts,
    period: z.strictObject({ start: time, end: time }).exactOptional(),
    pricing: z.strictObject({ price: reference('the price') }).exactOptional(),
    quantity: z.int().min(0).exactOptional(),
    tax_behavior: taxBehavior,
    tax_rates: taxRates,
    metadata: metadata.exactOptional(),
    expand,
  }),
  output: stripeObject('invoiceitem'),
})

export const finalizeInvoice = stripeAction({
  name: 'finalizeInvoice',
  title: 'Finalize a draft of an invoice: it cannot be changed or deleted any more',
  effect: 'update',
  path: '/v1/invoices/{id}/finalize',
  requiresConfirmation: true,
  input: z.object({
    id,
    auto_advance: flag.meta({ description: 'Whether Stripe collects it by itself.' }),
    expand,
  }),
  output: invoice,
})

export const sendInvoice = stripeAction({
  name: 'sendInvoice',
  title: 'Send an invoice to the customer by e-mail',
  effect: 'update',
  path: '/v1/invoices/{id}/send',
  requiresConfirmation: true,
  input: z.object({ id, expand }),
  output: invoice,
})

export const payInvoice = stripeAction({
  name: 'payInvoice',
  title: 'Charge an invoice',
  effect: 'update',
  path: '/v1/invoices/{id}/pay',
  requiresConfirmation: true,
  input: z.object({
    id,
    payment_method: reference('the payment method to charge'),
    off_session: flag.meta({ description: 'Whether the customer is not there to authenticate.' }),
    paid_out_of_band: flag.meta({
      description: 'True: it was paid elsewhere, and nothing is charged.',
    }),
    forgive: flag.meta({ description: 'Whether a little that is missing is forgiven.' }),
    expand,
  }),
  output: invoice,
})

export const voidInvoice = stripeAction({
  name: 'voidInvoice',
  title: 'Void an invoice for good',
  effect: 'update',
  path: '/v1/invoices/{id}/void',
  requiresConfirmation: true,
  input: z.object({ id, expand }),
  output: invoice,
})
