import Stripe from 'stripe'
import { expect, onTestFinished, test } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import type { JsonObject } from '../../../protocol/index.ts'
import { StripeSimulator } from '../../fakes/stripe/stripe-simulator.ts'
import { NativeConnector } from '../http/native-connector.ts'

const stripeConnector = await connectorOf('stripe')

/** The connector and Stripe's own client, in front of the same account. */
async function openBoth() {
  const simulator = await StripeSimulator.start()
  onTestFinished(() => simulator[Symbol.asyncDispose]())
  const { account, port, url } = simulator
  const source = new NativeConnector(stripeConnector, { api_key: 'sk_test_lists', api_url: url })
  const place = { host: '127.0.0.1', port, protocol: 'http' } as const
  const stripe = new Stripe('sk_test_lists', { ...place, telemetry: false })
  const idsOf = async (name: string, input: JsonObject = {}): Promise<readonly string[]> => {
    const { output } = await source.send(name, input)
    return (output as unknown as Page).data.map(({ id }) => id)
  }
  return { account, simulator, source, stripe, idsOf }
}

interface Page {
  readonly data: readonly { readonly id: string }[]
  readonly has_more: boolean
}

function ids({ data }: Page): readonly string[] {
  return data.map(({ id }) => id)
}

test('each list gives what Stripe’s own client gets with the same parameters', async () => {
  const { account, stripe, idsOf } = await openBoth()
  for (const customer of ['cus_a', 'cus_b']) {
    account.add('payment_intents', { customer, amount: 1 })
    account.add('charges', { customer, payment_intent: `pi_${customer}`, transfer_group: customer })
    account.add('refunds', { charge: `ch_${customer}`, payment_intent: `pi_${customer}` })
    account.add('disputes', { charge: `ch_${customer}`, payment_intent: `pi_${customer}` })
    account.add('invoices', { customer, subscription: `sub_${customer}`, status: 'open' })
    account.add('credit_notes', { customer, invoice: `in_${customer}` })
    account.add('subscriptions', { customer, status: 'active', items: { data: [] } })
    account.add('products', { active: customer === 'cus_a', name: customer })
    account.add('prices', { active: true, product: customer, currency: 'eur', type: 'one_time' })
  }
  const customer = 'cus_a'
  const payment_intent = 'pi_cus_a'
  const pairs: readonly (readonly [string, JsonObject, Page])[] = [
    ['listPaymentIntents', { customer }, await stripe.paymentIntents.list({ customer })],
    ['listCharges', { payment_intent }, await stripe.charges.list({ payment_intent })],
    ['listCharges', { customer }, await stripe.charges.list({ customer })],
    ['listRefunds', { payment_intent }, await stripe.refunds.list({ payment_intent })],
    ['listDisputes', { charge: 'ch_cus_a' }, await stripe.disputes.list({ charge: 'ch_cus_a' })],
    [
      'listInvoices',
      { customer, status: 'open' },
      await stripe.invoices.list({ customer, status: 'open' }),
    ],
    ['listCreditNotes', { customer }, await stripe.creditNotes.list({ customer })],
    ['listSubscriptions', { customer }, await stripe.subscriptions.list({ customer })],
    ['listProducts', { active: true }, await stripe.products.list({ active: true })],
    ['listPrices', { product: customer }, await stripe.prices.list({ product: customer })],
  ]
  for (const [name, input, expected] of pairs) {
    expect(expected.data, name).toHaveLength(1)
    expect(await idsOf(name, input), name).toEqual(ids(expected))
    expect(await idsOf(name), name).toHaveLength(2)
  }
})

test('a list is one page, newest first, and goes on after its last object', async () => {
  const { account, source, stripe, idsOf } = await openBoth()
  for (let count = 0; count < 25; count += 1) account.add('invoices', { status: 'paid' })
  const found: string[] = []
  let more: JsonObject = {}
  for (;;) {
    const { output } = await source.send('listInvoices', { limit: 10, ...more })
    const page = output as unknown as Page
    found.push(...ids(page))
    if (!page.has_more) break
    more = { starting_after: found.at(-1) ?? '' }
  }
  const expected: string[] = []
  for await (const invoice of stripe.invoices.list({ limit: 10 })) expected.push(invoice.id)
  expect(found).toEqual(expected)
  expect(found).toHaveLength(25)
  expect(await idsOf('listInvoices', { status: 'void' })).toEqual([])
  expect(await idsOf('listInvoices', { created: { lt: 1 } })).toEqual([])
})

test('subscriptions are found by their price, with the canceled ones if asked for', async () => {
  const { account, stripe, idsOf } = await openBoth()
  const items = (price: string) => ({ data: [{ id: 'si_1', price: { id: price } }] })
  const active = account.add('subscriptions', { status: 'active', items: items('price_1') }).id
  const gone = account.add('subscriptions', { status: 'canceled', items: items('price_1') }).id
  account.add('subscriptions', { status: 'active', items: items('price_2') })
  const price = 'price_1'
  expect(await idsOf('listSubscriptions', { price })).toEqual([active])
  const all = await stripe.subscriptions.list({ price, status: 'all' })
  expect(ids(all)).toEqual([gone, active])
  expect(await idsOf('listSubscriptions', { price, status: 'all' })).toEqual(ids(all))
  expect(await idsOf('listSubscriptions', { status: 'canceled' })).toEqual([gone])
})

test('products and prices are found by their ids and lookup keys', async () => {
  const { account, simulator, stripe, idsOf } = await openBoth()
  const [first, second] = ['a', 'b', 'c'].map((name) => account.add('products', { name }).id)
  const wanted = [first ?? '', second ?? '']
  expect((await idsOf('listProducts', { ids: wanted })).toSorted()).toEqual(
    ids(await stripe.products.list({ ids: wanted })).toSorted(),
  )
  const monthly = { interval: 'month', usage_type: 'licensed' }
  const price = account.add('prices', { lookup_key: 'standard', recurring: monthly }).id
  account.add('prices', { lookup_key: 'other', recurring: { ...monthly, interval: 'year' } })
  expect(await idsOf('listPrices', { lookup_keys: ['standard', 'none'] })).toEqual([price])
  expect(await idsOf('listPrices', { recurring: { interval: 'month' } })).toEqual([price])
  expect(simulator.requests.at(-1)?.headers['stripe-version']).toBe(Stripe.API_VERSION)
})
