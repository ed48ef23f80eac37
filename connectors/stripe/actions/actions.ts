import type { Action } from '../../action.ts'
import { createBillingPortalSession } from './billing-portal-sessions.ts'
import { getCharge } from './charges.ts'
import {
  createCheckoutSession,
  expireCheckoutSession,
  getCheckoutSession,
} from './checkout-sessions.ts'
import { createCoupon, deleteCoupon } from './coupons.ts'
import {
  createCustomer,
  deleteCustomer,
  getCustomer,
  listCustomers,
  searchCustomers,
  updateCustomer,
} from './customers.ts'
import {
  createInvoice,
  createInvoiceItem,
  deleteInvoice,
  finalizeInvoice,
  getInvoice,
  payInvoice,
  sendInvoice,
  updateInvoice,
  voidInvoice,
} from './invoices.ts'
import {
  listCharges,
  listCreditNotes,
  listDisputes,
  listInvoices,
  listPaymentIntents,
  listPrices,
  listProducts,
  listRefunds,
  listSubscriptions,
} from './lists.ts'
import {
  cancelPaymentIntent,
  capturePaymentIntent,
  confirmPaymentIntent,
  createPaymentIntent,
  getPaymentIntent,
  updatePaymentIntent,
} from './payment-intents.ts'
import {
  attachPaymentMethod,
  detachPaymentMethod,
  getPaymentMethod,
  listPaymentMethods,
} from './payment-methods.ts'
import { createPrice, getPrice, updatePrice } from './prices.ts'
import { createProduct, getProduct, updateProduct } from './products.ts'
import { createRefund, getRefund } from './refunds.ts'
import { createSetupIntent, getSetupIntent } from './setup-intents.ts'
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
  listCustomers,
  searchCustomers,
  updateCustomer,
  deleteCustomer,
  getPaymentMethod,
  listPaymentMethods,
  attachPaymentMethod,
  detachPaymentMethod,
  createPaymentIntent,
  getPaymentIntent,
  listPaymentIntents,
  updatePaymentIntent,
  confirmPaymentIntent,
  capturePaymentIntent,
  cancelPaymentIntent,
  createSetupIntent,
  getSetupIntent,
  getCharge,
  listCharges,
  createRefund,
  getRefund,
  listRefunds,
  listDisputes,
  createProduct,
  getProduct,
  listProducts,
  updateProduct,
  createPrice,
  getPrice,
  listPrices,
  updatePrice,
  createCoupon,
  deleteCoupon,
  createSubscription,
  getSubscription,
  listSubscriptions,
  updateSubscription,
  cancelSubscription,
  createInvoice,
  getInvoice,
  listInvoices,
  updateInvoice,
  deleteInvoice,
  createInvoiceItem,
  finalizeInvoice,
  sendInvoice,
  payInvoice,
  voidInvoice,
  listCreditNotes,
  createCheckoutSession,
  getCheckoutSession,
  expireCheckoutSession,
  createBillingPortalSession,
]
