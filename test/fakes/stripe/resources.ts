/** The properties of a kind of object in Stripe's API. */
export interface Resource {
  readonly object: string
  readonly prefix: string
  /** False if its list cannot be narrowed to a time of creation. */
  readonly filtersCreated: boolean
  /** The prefix of its events. */
  readonly event: string
  /** The effect of deleting it; undefined if it cannot be deleted. */
  readonly deletion?: 'marked' | 'gone'
  /** True if no event reports a creation. */
  readonly isSilent?: boolean
}

function resource(object: string, prefix: string, more: Partial<Resource> = {}): Resource {
  return { object, prefix, filtersCreated: true, event: object, ...more }
}

/** By the path of the list. */
export const resources: Readonly<Record<string, Resource>> = {
  customers: resource('customer', 'cus', { deletion: 'marked' }),
  products: resource('product', 'prod', { deletion: 'gone' }),
  prices: resource('price', 'price'),
  plans: resource('plan', 'plan', { deletion: 'gone' }),
  coupons: resource('coupon', 'co', { deletion: 'gone' }),
  promotion_codes: resource('promotion_code', 'promo'),
  tax_rates: resource('tax_rate', 'txr'),
  subscriptions: resource('subscription', 'sub', { event: 'customer.subscription' }),
  subscription_schedules: resource('subscription_schedule', 'sub_sched'),
  invoices: resource('invoice', 'in', { deletion: 'gone' }),
  invoiceitems: resource('invoiceitem', 'ii', { deletion: 'gone' }),
  credit_notes: resource('credit_note', 'cn'),
  quotes: resource('quote', 'qt', { filtersCreated: false }),
  payment_links: resource('payment_link', 'plink', { filtersCreated: false }),
  'checkout/sessions': resource('checkout.session', 'cs', { isSilent: true }),
  payment_intents: resource('payment_intent', 'pi'),
  setup_intents: resource('setup_intent', 'seti'),
  charges: resource('charge', 'ch'),
  refunds: resource('refund', 're'),
  disputes: resource('dispute', 'du', { event: 'charge.dispute' }),
  payouts: resource('payout', 'po'),
  transfers: resource('transfer', 'tr'),
  topups: resource('topup', 'tu'),
  application_fees: resource('application_fee', 'fee'),
  reviews: resource('review', 'prv'),
  'radar/early_fraud_warnings': resource('radar.early_fraud_warning', 'issfr'),
  balance_transactions: resource('balance_transaction', 'txn', { isSilent: true }),
  events: resource('event', 'evt', { isSilent: true }),
  accounts: resource('account', 'acct', { isSilent: true }),
  shipping_rates: resource('shipping_rate', 'shr', { isSilent: true }),
  files: resource('file', 'file', { isSilent: true }),
  file_links: resource('file_link', 'link', { isSilent: true }),
  invoice_payments: resource('invoice_payment', 'inpay', { isSilent: true }),
  payment_methods: resource('payment_method', 'pm', { filtersCreated: false, isSilent: true }),
  'billing_portal/sessions': resource('billing_portal.session', 'bps', { isSilent: true }),
}

/** Lists that are a part of an object: where its items stand, and how the whole list is asked for. */
export const embeddedLists: readonly {
  readonly path: RegExp
  readonly of: string
  readonly field: string
}[] = [
  { path: /^invoices\/([^/]+)\/lines$/, of: 'invoices', field: 'lines' },
  { path: /^credit_notes\/([^/]+)\/lines$/, of: 'credit_notes', field: 'lines' },
  {
    path: /^checkout\/sessions\/([^/]+)\/line_items$/,
    of: 'checkout/sessions',
    field: 'line_items',
  },
  {
    path: /^accounts\/([^/]+)\/external_accounts$/,
    of: 'accounts',
    field: 'external_accounts',
  },
  { path: /^charges\/([^/]+)\/refunds$/, of: 'charges', field: 'refunds' },
  { path: /^customers\/([^/]+)\/sources$/, of: 'customers', field: 'sources' },
  { path: /^customers\/([^/]+)\/tax_ids$/, of: 'customers', field: 'tax_ids' },
  { path: /^quotes\/([^/]+)\/line_items$/, of: 'quotes', field: 'line_items' },
  {
    path: /^quotes\/([^/]+)\/computed_upfront_line_items$/,
    of: 'quotes',
    field: 'computed.upfront.line_items',
  },
  { path: /^payment_links\/([^/]+)\/line_items$/, of: 'payment_links', field: 'line_items' },
  {
    path: /^payment_intents\/([^/]+)\/amount_details_line_items$/,
    of: 'payment_intents',
    field: 'amount_details.line_items',
  },
  { path: /^transfers\/([^/]+)\/reversals$/, of: 'transfers', field: 'reversals' },
  { path: /^application_fees\/([^/]+)\/refunds$/, of: 'application_fees', field: 'refunds' },
  { path: /^customers\/([^/]+)\/payment_methods$/, of: 'customers', field: '_payment_methods' },
  { path: /^customers\/([^/]+)\/balance_transactions$/, of: 'customers', field: '_balance' },
]
