import { describe, expect, onTestFinished, test } from 'vitest'
import { ScriptedVendor } from '../../fakes/scripted-vendor.ts'
import type { ActionOutcome, SendOptions } from '../../../connectors/connector.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import { ConnectError, isJsonObject, type JsonObject } from '../../../protocol/index.ts'
import { lockTimeout, StripeRefusal, tooManyRequests } from '../../fakes/stripe/stripe-error.ts'
import { actionNamed } from './action-named.ts'
import { StripeSource } from './stripe-source.ts'

const stripeConnector = await connectorOf('stripe')

/** Sends actions to a simulator of its own. */
async function openSender(url?: string) {
  const source = await StripeSource.start()
  const { simulator } = source
  const { actions } = stripeConnector
  if (actions === undefined) throw new Error('no actions')
  const context = source.context()
  const { signal } = context
  const open = (config: JsonObject) => actions.open(config, { ...context, instance: 'shop' })
  let count = 0
  const send = async (
    name: string,
    input: JsonObject,
    options: Partial<SendOptions> & { readonly key?: string } = {},
  ): Promise<ActionOutcome> => {
    const client = await open({
      ...source.config,
      ...(url !== undefined && { api_url: url }),
      ...(options.key && { api_key: options.key }),
    })
    onTestFinished(() => client[Symbol.asyncDispose]())
    count += 1
    return client.send(actionNamed(name).call(input), {
      idempotencyKey: `key-${String(count)}`,
      mayComeAgain: true,
      timeoutMs: 20_000,
      signal,
      ...options,
    })
  }
  const idOf = async (name: string, input: JsonObject): Promise<string> => {
    const { output } = await send(name, input)
    if (isJsonObject(output) && typeof output.id === 'string') return output.id
    throw new Error(`${name} gave no id`)
  }
  return { simulator, send, idOf }
}

async function refusalOf(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof ConnectError) return error
  throw new Error('the call was not refused', { cause: error })
}

describe('an input that a form cannot hold', () => {
  const problemsOf = (name: string, input: JsonObject): unknown => {
    try {
      actionNamed(name).call(input)
    } catch (error) {
      if (error instanceof ConnectError && error.code === 'action_input_invalid')
        return error.details.problems
      throw error
    }
    return []
  }
  const leftOut = 'it is empty, and Stripe would not get it: leave it out'

  test('is refused: an empty object would be left out', () => {
    expect(problemsOf('createCustomer', { address: {}, metadata: {} })).toEqual([
      { path: '/address', problem: leftOut },
      { path: '/metadata', problem: leftOut },
    ])
    expect(problemsOf('createCustomer', { shipping: { name: 'Ada', address: {} } })).toEqual([
      { path: '/shipping/address', problem: leftOut },
    ])
    expect(problemsOf('listCustomers', { created: {} })).toEqual([
      { path: '/created', problem: leftOut },
    ])
    const nested = { card: { mandate_options: {} } }
    const settings = { payment_method_options: nested }
    expect(problemsOf('updateSubscription', { id: 'sub_1', payment_settings: settings })).toEqual([
      { path: '/payment_settings/payment_method_options/card/mandate_options', problem: leftOut },
    ])
    expect(problemsOf('createCustomer', {})).toEqual([])
  })

  test('is refused: brackets in a name of metadata would be another structure', () => {
    const problem = 'a name of metadata must not be empty, and must not contain `[` or `]`'
    const metadata = { 'a]b': '1', 'a[b]': '2', '': 'e' }
    expect(problemsOf('createCustomer', { metadata })).toEqual(
      ['/metadata/a]b', '/metadata/a[b]', '/metadata/'].map((path) => ({ path, problem })),
    )
    expect(problemsOf('updateCustomer', { id: 'cus_1', metadata })).toHaveLength(3)
  })

  test('has another form that clears metadata', async () => {
    const { send, idOf } = await openSender()
    const id = await idOf('createCustomer', { metadata: { order: '1', shop: 'a' } })
    const { output } = await send('updateCustomer', { id, metadata: '' })
    expect(output).toMatchObject({ id, metadata: {} })
    const updates = ['updateCustomer', 'updatePrice', 'updateProduct', 'updateSubscription']
    for (const name of [...updates, 'updateInvoice', 'updatePaymentIntent']) {
      const problem =
        'it is empty, and Stripe would not get it: give `""` to remove all metadata, or leave it out'
      expect(problemsOf(name, { id: 'x_1', metadata: {} })).toEqual([
        { path: '/metadata', problem },
      ])
    }
  })
})

describe('an action that is sent', () => {
  test.each([
    [true, 'action_unavailable'],
    [false, 'action_outcome_unknown'],
  ])(
    'while the service stops may have been done; it may come again: %s',
    async (mayComeAgain, code) => {
      const stopping = new AbortController()
      await using vendor = await ScriptedVendor.start(() => {
        stopping.abort()
        return undefined
      })
      const { send } = await openSender(vendor.url)
      const call = send('createCustomer', {}, { mayComeAgain, signal: stopping.signal })
      const error = await refusalOf(call)
      expect(error).toMatchObject({ code })
      expect(error.message).toContain('the service stopped while it waited for the response')
    },
  )

  test('changes the account: a customer from creation to deletion', async () => {
    const { simulator, send, idOf } = await openSender()
    const id = await idOf('createCustomer', { name: 'Ada & Söhne', metadata: { a: '1', b: '2' } })
    await send('updateCustomer', { id, metadata: { b: '' } })
    const { output, requestId } = await send('getCustomer', { id })
    expect(output).toMatchObject({ id, name: 'Ada & Söhne', metadata: { a: '1' } })
    expect(requestId).toMatch(/^req_/)
    expect((await send('deleteCustomer', { id })).output).toMatchObject({ id, deleted: true })
    expect(simulator.account.all('customers')).toEqual([])
  })

  test('changes the account: a payment, a refund, an invoice, a subscription, a session', async () => {
    const { simulator, send, idOf } = await openSender()
    const { account } = simulator
    const customer = await idOf('createCustomer', {})
    const intent = await idOf('createPaymentIntent', {
      amount: 1099,
      currency: 'eur',
      payment_method: 'pm_card_visa',
      capture_method: 'manual',
    })
    const confirmed = await send('confirmPaymentIntent', { id: intent })
    expect(confirmed.output).toMatchObject({ status: 'requires_capture' })
    const captured = await send('capturePaymentIntent', { id: intent, amount_to_capture: 500 })
    expect(captured.output).toMatchObject({ status: 'succeeded', amount_received: 500 })
    await send('createRefund', { payment_intent: intent, amount: 100 })
    expect(account.all('refunds')).toMatchObject([{ payment_intent: intent, amount: 100 }])
    const other = await idOf('createPaymentIntent', { amount: 1, currency: 'eur' })
    const canceled = await send('cancelPaymentIntent', { id: other })
    expect(canceled.output).toMatchObject({ status: 'canceled' })
    const invoice = await idOf('createInvoice', { customer })
    await send('createInvoiceItem', { customer, invoice, amount: 100, currency: 'eur' })
    for (const name of ['finalizeInvoice', 'sendInvoice', 'payInvoice'])
      await send(name, { id: invoice })
    expect(account.get('invoices', invoice).status).toBe('paid')
    const product = await idOf('createProduct', { name: 'Shirt' })
    const price = await idOf('createPrice', { currency: 'eur', product, unit_amount: 5 })
    const subscription = await idOf('createSubscription', { customer, items: [{ price }] })
    await send('updateSubscription', { id: subscription, cancel_at_period_end: true })
    await send('cancelSubscription', { id: subscription })
    expect(account.get('subscriptions', subscription).status).toBe('canceled')
    const session = await idOf('createCheckoutSession', { mode: 'setup' })
    await send('expireCheckoutSession', { id: session })
    expect(account.get('checkout/sessions', session).status).toBe('expired')
  })

  test('reads what it is asked to expand, and finds customers', async () => {
    const { send, idOf } = await openSender()
    const tiers = [{ up_to: 'inf', unit_amount: 5 }]
    const id = await idOf('createPrice', {
      currency: 'eur',
      product_data: { name: 'Power' },
      billing_scheme: 'tiered',
      tiers_mode: 'volume',
      tiers,
    })
    expect((await send('getPrice', { id })).output).not.toHaveProperty('tiers')
    const expanded = await send('getPrice', { id, expand: ['tiers'] })
    expect(expanded.output).toMatchObject({ id, tiers: [{ up_to: 'inf', unit_amount: '5' }] })
    const ada = await idOf('createCustomer', {
      email: 'ada@example.com',
      metadata: { order: 6735 },
    })
    await idOf('createCustomer', { email: 'bob@example.com' })
    const found = { data: [{ id: ada }], has_more: false }
    const listed = await send('listCustomers', { email: 'ada@example.com' })
    expect(listed.output).toMatchObject({ object: 'list', ...found })
    const query = 'email:"ada@example.com" AND metadata["order"]:"6735"'
    const searched = await send('searchCustomers', { query })
    expect(searched.output).toMatchObject({ object: 'search_result', ...found })
  })

  test('changes and deletes a draft of an invoice, and no other', async () => {
    const { simulator, send, idOf } = await openSender()
    const customer = await idOf('createCustomer', {})
    const draft = await idOf('createInvoice', { customer })
    await send('updateInvoice', { id: draft, description: 'May' })
    expect(simulator.account.get('invoices', draft).description).toBe('May')
    expect((await send('deleteInvoice', { id: draft })).output).toMatchObject({ deleted: true })
    const open = await idOf('createInvoice', { customer })
    await send('finalizeInvoice', { id: open })
    expect(await refusalOf(send('deleteInvoice', { id: open }))).toMatchObject({
      code: 'action_refused',
      details: { vendor_code: 'invoice_not_editable' },
    })
  })

  test('changes a payment intent before it is charged, and stores a payment method', async () => {
    const { simulator, send, idOf } = await openSender()
    const id = await idOf('createPaymentIntent', { amount: 1099, currency: 'eur' })
    const { output } = await send('updatePaymentIntent', { id, amount: 1199 })
    expect(output).toMatchObject({ id, amount: 1199 })
    const setup = await idOf('createSetupIntent', { usage: 'off_session' })
    expect((await send('getSetupIntent', { id: setup })).output).toMatchObject({ id: setup })
    const method = simulator.account.add('payment_methods', {}).id
    expect((await send('getPaymentMethod', { id: method })).output).toMatchObject({ id: method })
  })

  test('is done once if its response is lost', async () => {
    const { simulator, send } = await openSender()
    simulator.disturb(/POST customers/, { kind: 'lost' })
    const { output } = await send('createCustomer', { name: 'Ada' })
    expect(output).toMatchObject({ name: 'Ada' })
    expect(simulator.asked).toEqual(['POST customers', 'POST customers'])
    expect(simulator.account.all('customers')).toHaveLength(1)
  })

  test('waits for limits, locks, and the first request with its key', async () => {
    const { simulator, send } = await openSender()
    simulator.refuse(/POST customers/, tooManyRequests({ 'retry-after': '1' }))
    await send('createCustomer', { name: 'Ada' })
    simulator.refuse(/POST customers/, lockTimeout())
    await send('createCustomer', { name: 'Bob' })
    const inFlight = new StripeRefusal(409, { code: 'idempotency_key_in_use', message: 'wait' })
    simulator.refuse(/POST customers/, inFlight)
    await send('createCustomer', { name: 'Cyd' })
    expect(simulator.account.all('customers')).toHaveLength(3)
    expect(simulator.requests).toHaveLength(6)
  })

  test('that Stripe says not to send again is not sent again', async () => {
    const { simulator, send } = await openSender()
    const headers = { 'stripe-should-retry': 'false' }
    const conflict = new StripeRefusal(409, { code: 'conflict', message: 'no use' }, headers)
    simulator.refuse(/POST customers/, conflict)
    const error = await refusalOf(send('createCustomer', { name: 'Ada' }))
    expect(error).toMatchObject({ code: 'action_refused' })
    expect(simulator.requests).toHaveLength(1)
  })

  test('ends in the words of Stripe: a declined card, another key, a wrong state', async () => {
    const { send, idOf } = await openSender()
    const id = await idOf('createPaymentIntent', { amount: 1099, currency: 'eur' })
    const method = { payment_method: 'pm_card_chargeDeclined' }
    expect(await refusalOf(send('confirmPaymentIntent', { id, ...method }))).toMatchObject({
      code: 'action_declined',
      details: {
        status: 402,
        vendor_code: 'card_declined',
        reason: 'Your card was declined.',
        vendor_error: {
          type: 'card_error',
          code: 'card_declined',
          decline_code: 'generic_decline',
          doc_url: 'https://stripe.com/docs/error-codes/card-declined',
          payment_intent: id,
        },
      },
    })
    await send('createCustomer', { name: 'Ada' }, { idempotencyKey: 'same' })
    const reused = send('createCustomer', { name: 'Bob' }, { idempotencyKey: 'same' })
    expect(await refusalOf(reused)).toMatchObject({
      code: 'action_outcome_unknown',
      details: { vendor_code: 'idempotency_error', vendor_error: { type: 'idempotency_error' } },
    })
    expect(await refusalOf(send('capturePaymentIntent', { id }))).toMatchObject({
      details: { vendor_code: 'payment_intent_unexpected_state' },
    })
    expect(await refusalOf(send('getCustomer', { id: 'cus_none' }))).toMatchObject({
      details: { status: 404, vendor_code: 'resource_missing', vendor_error: { param: 'id' } },
    })
  })

  test('that is declined names the intent that it created, and asks for no other input', async () => {
    const { simulator, send } = await openSender()
    const input = { amount: 1099, currency: 'eur', confirm: true }
    const call = send('createPaymentIntent', { ...input, payment_method: 'pm_card_chargeDeclined' })
    const error = await refusalOf(call)
    const [intent] = simulator.account.all('payment_intents')
    expect(error.details.vendor_error).toMatchObject({ payment_intent: intent?.id })
    // The intent itself holds the client secret, and the known data of the customer.
    expect(JSON.stringify(error.details)).not.toContain('client_secret')
    expect(error.suggestedFix).not.toContain('Correct')
    expect(error.suggestedFix).toContain('another payment method')
  })

  test('says what is wrong with the key, without showing it', async () => {
    const { send } = await openSender()
    const wrong = await refusalOf(send('createCustomer', {}, { key: 'nonsense-key-123' }))
    expect(wrong.code).toBe('action_credentials_refused')
    expect(JSON.stringify(wrong.details)).not.toContain('nonsense-key-123')
    const restricted = await refusalOf(send('createCustomer', {}, { key: 'rk_test_few' }))
    expect(restricted.code).toBe('action_permission_denied')
  })
})
