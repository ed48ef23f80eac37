import type { JsonObject } from '../../../protocol/index.ts'
import { resources } from './resources.ts'
import { wholeList, type StripeAccount, type Stored } from './stripe-account.ts'
import { cardDeclined, StripeRefusal } from './stripe-error.ts'

/** The payment method whose charges are always declined, as in Stripe's test mode. */
export const decliningMethod = 'pm_card_chargeDeclined'

/** Names in Stripe's test mode, https://docs.stripe.com/testing: each use of one makes a payment method. */
const testCards: ReadonlyMap<string, string> = new Map([
  ['pm_card_visa', '4242'],
  ['pm_card_mastercard', '4444'],
  ['pm_card_amex', '8431'],
])

function testCard(account: StripeAccount, name: string): Stored {
  const card = { brand: name.replace('pm_card_', ''), last4: testCards.get(name) ?? '' }
  return account.add('payment_methods', {
    type: 'card',
    card: { ...card, exp_month: 12, exp_year: 2034 },
  })
}

type Operation = (account: StripeAccount, id: string, fields: JsonObject) => Stored

/** POST of `path/:id/name`. */
const operations: Readonly<Record<string, Operation>> = {
  'payment_intents/confirm': (account, id, fields) => {
    requireStatus(account, 'payment_intents', id, [
      'requires_payment_method',
      'requires_confirmation',
    ])
    return charge(account, account.change('payment_intents', id, fields, null))
  },
  'payment_intents/capture': (account, id, fields) => {
    const intent = requireStatus(account, 'payment_intents', id, ['requires_capture'])
    const received = Number(fields.amount_to_capture ?? intent.amount)
    const change = { status: 'succeeded', amount_received: received }
    return account.change('payment_intents', id, change, 'payment_intent.succeeded')
  },
  'payment_intents/cancel': (account, id, fields) => {
    const open = ['requires_payment_method', 'requires_confirmation', 'requires_capture']
    requireStatus(account, 'payment_intents', id, open)
    const change = { ...fields, status: 'canceled', canceled_at: account.now }
    return account.change('payment_intents', id, change, 'payment_intent.canceled')
  },
  'invoices/finalize': (account, id) => {
    requireStatus(account, 'invoices', id, ['draft'])
    return account.change('invoices', id, { status: 'open' }, 'invoice.finalized')
  },
  'invoices/send': (account, id) => {
    requireStatus(account, 'invoices', id, ['open'])
    return account.change('invoices', id, {}, 'invoice.sent')
  },
  'invoices/pay': (account, id, { payment_method: method }) => {
    requireStatus(account, 'invoices', id, ['open', 'draft'])
    if (method === decliningMethod) throw cardDeclined()
    return account.change('invoices', id, { status: 'paid' }, 'invoice.paid')
  },
  'invoices/void': (account, id) => {
    requireStatus(account, 'invoices', id, ['open'])
    return account.change('invoices', id, { status: 'void' }, 'invoice.voided')
  },
  'checkout/sessions/expire': (account, id) =>
    account.change('checkout/sessions', id, { status: 'expired' }, 'checkout.session.expired'),
  'payment_methods/attach': (account, id, { customer = null }) => {
    const method = testCards.has(id) ? testCard(account, id).id : id
    return account.change('payment_methods', method, { customer }, 'payment_method.attached')
  },
  'payment_methods/detach': (account, id) =>
    account.change('payment_methods', id, { customer: null }, 'payment_method.detached'),
}

/** POST of an object's own operation; undefined if the path is none. */
export function operate(
  account: StripeAccount,
  path: string,
  fields: JsonObject,
): Stored | undefined {
  const parts = path.split('/')
  const [name, id] = [parts.pop(), parts.pop()]
  const operation = operations[`${parts.join('/')}/${String(name)}`]
  return id === undefined ? undefined : operation?.(account, id, fields)
}

/** POST of a list. */
export function create(account: StripeAccount, path: string, fields: JsonObject): Stored {
  for (const name of required[path] ?? [])
    if (fields[name] === undefined)
      throw new StripeRefusal(400, {
        code: 'parameter_missing',
        param: name,
        message: `Missing required param: ${name}.`,
      })
  if (typeof fields.customer === 'string') account.get('customers', fields.customer, 'customer')
  const made = account.add(path, { ...numbers(fields), ...defaults(account, path, fields) })
  if (path !== 'payment_intents' || fields.confirm !== 'true') return made
  return charge(account, made)
}

/** POST of an object. */
export function update(
  account: StripeAccount,
  path: string,
  id: string,
  fields: JsonObject,
): Stored {
  const { metadata: before } = account.get(path, id)
  const isCleared = fields.metadata === ''
  const metadata = isCleared
    ? {}
    : { ...(before as JsonObject), ...(fields.metadata as JsonObject | undefined) }
  const kept = Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== ''))
  return account.change(path, id, { ...numbers(fields), metadata: kept })
}

/** DELETE of an object. */
export function remove(account: StripeAccount, path: string, id: string): JsonObject {
  if (path === 'subscriptions') {
    const change = { status: 'canceled', canceled_at: account.now }
    return account.change(path, id, change, 'customer.subscription.deleted')
  }
  if (path === 'invoices') requireStatus(account, path, id, ['draft'])
  if (resources[path]?.deletion === undefined)
    throw new StripeRefusal(404, {
      message: `Unrecognized request URL (DELETE: /v1/${path}/${id}).`,
    })
  return account.remove(path, id)
}

const required: Readonly<Record<string, readonly string[]>> = {
  payment_intents: ['amount', 'currency'],
  products: ['name'],
  prices: ['currency'],
}

function defaults(account: StripeAccount, path: string, fields: JsonObject): JsonObject {
  switch (path) {
    case 'payment_intents':
      return {
        status:
          fields.payment_method === undefined ? 'requires_payment_method' : 'requires_confirmation',
      }
    case 'invoices':
      return { status: 'draft', lines: account.embedded([], '/v1/invoices/lines') }
    case 'subscriptions': {
      const items = wholeList(fields, 'items').map((item, index) => ({
        ...item,
        id: `si_${String(account.now)}_${String(index)}`,
        object: 'subscription_item',
      }))
      return { status: 'active', items: account.embedded(items, '/v1/subscription_items') }
    }
    case 'refunds':
      return { status: 'succeeded' }
    case 'checkout/sessions':
      return { status: 'open', url: 'https://checkout.stripe.com/c/pay/cs_test' }
    default:
      return {}
  }
}

/** Fields of a form are texts. */
function numbers(fields: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' && /^(?:amount|unit_amount|quantity)/.test(name)
        ? Number(value)
        : value,
    ]),
  )
}

function charge(account: StripeAccount, intent: Stored): Stored {
  const { id, amount = null, currency = null, payment_method: method } = intent
  if (method === decliningMethod) {
    const failed = account.change(
      'payment_intents',
      id,
      { status: 'requires_payment_method' },
      'payment_intent.payment_failed',
    )
    throw cardDeclined({ payment_intent: { ...failed, client_secret: `${id}_client_secret` } })
  }
  const isManual = intent.capture_method === 'manual'
  const { id: latest } = account.add('charges', { amount, currency, payment_intent: id })
  const change = { latest_charge: latest, status: isManual ? 'requires_capture' : 'succeeded' }
  const event = isManual ? 'payment_intent.amount_capturable_updated' : 'payment_intent.succeeded'
  return account.change('payment_intents', id, change, event)
}

function requireStatus(
  account: StripeAccount,
  path: string,
  id: string,
  statuses: readonly string[],
): Stored {
  const object = account.get(path, id)
  if (typeof object.status === 'string' && statuses.includes(object.status)) return object
  const code = path === 'invoices' ? 'invoice_not_editable' : 'payment_intent_unexpected_state'
  throw new StripeRefusal(400, { code, message: `Its status is ${JSON.stringify(object.status)}.` })
}
