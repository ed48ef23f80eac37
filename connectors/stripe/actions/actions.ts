import type { Action } from '../../action.ts'
import { createBillingPortalSession } from './billing-portal-sessions.ts'
import { createCheckoutSession, expireCheckoutSession } from './checkout-sessions.ts'
import { createCoupon, deleteCoupon } from './coupons.ts'
import { createCustomer, deleteCustomer, getCustomer, updateCustomer } from './customers.ts'
import {
  createInvoice,
  createInvoiceItem,
  finalizeInvoice,
  getInvoice,
  payInvoice,
  sendInvoice,
  voidInvoice,
} from './invoices.ts'
import {
  cancelPaymentIntent,
  capturePaymentIntent,
  confirmPaymentIntent,
  createPaymentIntent,
  getPaymentIntent,
} from './payment-intents.ts'
import { attachPaymentMethod, detachPaymentMethod } from './payment-methods.ts'
import { createPrice, updatePrice } from './prices.ts'
import { createProduct, updateProduct } from './products.ts'
import { createRefund } from './refunds.ts'
import {
  cancelSubscription,
  createSubscription,
  getSubscription,
  updateSubscription,
} from './subscriptions.ts'

/** In the order of the documentation. */
export const stripeActions: readonly Action[] = [
  createCustomer,
  getCustomer,
  updateCustomer,
  deleteCustomer,
  attachPaymentMethod,
  detachPaymentMethod,
  createPaymentIntent,
  getPaymentIntent,
  confirmPaymentIntent,
  capturePaymentIntent,
  cancelPaymentIntent,
  createRefund,
  createProduct,
  updateProduct,
  createPrice,
  updatePrice,
  createCoupon,
  deleteCoupon,
  createSubscription,
  getSubscription,
  updateSubscription,
  cancelSubscription,
  createInvoice,
  getInvoice,
  createInvoiceItem,
  finalizeInvoice,
  sendInvoice,
  payInvoice,
  voidInvoice,
  createCheckoutSession,
  expireCheckoutSession,
  createBillingPortalSession,
]
