import { textAt } from '../action-session.ts'
import type { LiveVendor, Sequence } from '../live-vendor.ts'

const day = 86_400

/** Charged at a payment in test mode, without a real card: https://docs.stripe.com/testing */
const testCard = 'pm_card_visa'

const customers: Sequence = {
  title: 'a customer',
  run: async (session) => {
    const email = `${session.name}@example.com`
    const input = { email, name: session.name }
    const key = { idempotencyKey: session.name }
    const id = textAt(await session.call('createCustomer', input, key), 'id')
    session.cleanUp('deleteCustomer', { id })
    // The same key: the customer is there once.
    await session.call('createCustomer', input, { ...key, shows: { id } })
    const found = await session.call('listCustomers', { email })
    const count = Array.isArray(found.data) ? found.data.length : 0
    if (count !== 1) throw new Error(`one key made ${String(count)} customers`)
    await session.call('getCustomer', { id }, { shows: { id, name: session.name } })
    const changed = `${session.name} changed`
    await session.call('updateCustomer', { id, name: changed }, { shows: { name: changed } })
    await session.call('searchCustomers', { query: `email:"${email}"` })
    const attached = await session.call('attachPaymentMethod', { id: testCard, customer: id })
    const method = textAt(attached, 'id')
    await session.call('listPaymentMethods', { customer: id })
    await session.call('getPaymentMethod', { id: method }, { shows: { customer: id } })
    await session.call('detachPaymentMethod', { id: method }, { shows: { customer: null } })
    const card = { payment_method_types: ['card'], description: session.name }
    const setup = textAt(await session.call('createSetupIntent', card), 'id')
    await session.call('getSetupIntent', { id: setup }, { shows: { id: setup } })
  },
}

const payments: Sequence = {
  title: 'a payment',
  run: async (session) => {
    const input = {
      amount: 1099,
      currency: 'eur',
      payment_method_types: ['card'],
      payment_method: testCard,
      capture_method: 'manual',
      description: session.name,
    }
    const id = textAt(await session.call('createPaymentIntent', input), 'id')
    await session.call('getPaymentIntent', { id }, { shows: { amount: 1099 } })
    const description = `${session.name} changed`
    await session.call('updatePaymentIntent', { id, description }, { shows: { description } })
    const held = { shows: { status: 'requires_capture' } }
    await session.call('confirmPaymentIntent', { id }, held)
    const paid = await session.call('capturePaymentIntent', { id, amount_to_capture: 500 })
    const charge = textAt(paid, 'latest_charge')
    await session.call('getCharge', { id: charge }, { shows: { payment_intent: id } })
    const refund = textAt(await session.call('createRefund', { payment_intent: id }), 'id')
    await session.call('getRefund', { id: refund }, { shows: { payment_intent: id } })
    const other = { amount: 100, currency: 'eur', description: session.name }
    const open = textAt(await session.call('createPaymentIntent', other), 'id')
    const canceled = { shows: { status: 'canceled' } }
    await session.call('cancelPaymentIntent', { id: open }, canceled)
  },
}

const sales: Sequence = {
  title: 'a product, and what is sold of it',
  run: async (session) => {
    const { name } = session
    const product = textAt(await session.call('createProduct', { name }), 'id')
    session.cleanUp('updateProduct', { id: product, active: false })
    await session.call('getProduct', { id: product }, { shows: { name } })
    const monthly = { currency: 'eur', product, unit_amount: 500, recurring: { interval: 'month' } }
    const price = textAt(await session.call('createPrice', monthly), 'id')
    session.cleanUp('updatePrice', { id: price, active: false })
    await session.call('getPrice', { id: price }, { shows: { unit_amount: 500 } })
    const coupon = { name: name.slice(0, 40), percent_off: 10, duration: 'once' }
    const couponId = textAt(await session.call('createCoupon', coupon), 'id')
    session.cleanUp('deleteCoupon', { id: couponId })
    const email = `${name}@example.com`
    const customer = textAt(await session.call('createCustomer', { email, name }), 'id')
    session.cleanUp('deleteCustomer', { id: customer })
    const billed = { collection_method: 'send_invoice', days_until_due: 30 }
    const plan = { customer, items: [{ price }], ...billed }
    const subscription = textAt(await session.call('createSubscription', plan), 'id')
    session.cleanUp('cancelSubscription', { id: subscription })
    await session.call('getSubscription', { id: subscription }, { shows: { customer } })
    await session.call('updateSubscription', { id: subscription, metadata: { name } })
    const checkout = {
      mode: 'subscription',
      line_items: [{ price, quantity: 1 }],
      success_url: 'https://example.com/done',
    }
    const page = textAt(await session.call('createCheckoutSession', checkout), 'id')
    session.cleanUp('expireCheckoutSession', { id: page })
    await session.call('getCheckoutSession', { id: page }, { shows: { status: 'open' } })
  },
}

const invoices: Sequence = {
  title: 'invoices',
  run: async (session) => {
    const { name } = session
    const email = `${name}@example.com`
    const customer = textAt(await session.call('createCustomer', { email, name }), 'id')
    session.cleanUp('deleteCustomer', { id: customer })
    const draft = {
      customer,
      collection_method: 'send_invoice',
      days_until_due: 30,
      auto_advance: false,
      description: name,
    }
    const invoiceOf = async (): Promise<string> => {
      const invoice = textAt(await session.call('createInvoice', draft), 'id')
      const item = { customer, invoice, amount: 700, currency: 'eur', description: name }
      await session.call('createInvoiceItem', item)
      return invoice
    }
    const deleted = await invoiceOf()
    const description = `${name} changed`
    await session.call('updateInvoice', { id: deleted, description }, { shows: { description } })
    await session.call('getInvoice', { id: deleted }, { shows: { status: 'draft' } })
    await session.call('deleteInvoice', { id: deleted }, { shows: { deleted: true } })
    const voided = await invoiceOf()
    await session.call('finalizeInvoice', { id: voided }, { shows: { status: 'open' } })
    // Stripe sends no e-mail in test mode.
    await session.call('sendInvoice', { id: voided })
    await session.call('voidInvoice', { id: voided }, { shows: { status: 'void' } })
    const paid = await invoiceOf()
    await session.call('finalizeInvoice', { id: paid })
    const elsewhere = { id: paid, paid_out_of_band: true }
    await session.call('payInvoice', elsewhere, { shows: { status: 'paid' } })
  },
}

export const stripe: LiveVendor = {
  type: 'stripe',
  variables: ['LIVE_STRIPE_KEY'],
  refusal: ({ LIVE_STRIPE_KEY: key = '' }) => {
    if (/^[rs]k_live_/.test(key))
      return 'LIVE_STRIPE_KEY is a live key, with which this pass would move real money. Set it to a key of the test mode (sk_test_…).'
    return /^[rs]k_test_/.test(key)
      ? undefined
      : 'LIVE_STRIPE_KEY is no secret key of the test mode. It begins with sk_test_ or rk_test_.'
  },
  configOf: ({ LIVE_STRIPE_KEY: key = '' }) => ({
    api_key: key,
    start_date: new Date(Date.now() - 30 * day * 1000).toISOString().replace(/\.\d+/, ''),
  }),
  withWrongKey: (config) => ({ ...config, api_key: 'sk_test_not-a-key' }),
  apiUrl: 'https://api.stripe.com',
  probe: () => ({ action: 'listCustomers', input: { limit: 1 } }),
  // Events come late: the streams of objects look at the last minutes again.
  overlapSeconds: () => 14 * day,
  sequences: [customers, payments, sales, invoices],
  untried: {
    createBillingPortalSession: 'it needs a configuration of the portal in the Dashboard',
  },
}
