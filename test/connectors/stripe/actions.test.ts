import { describe, expect, onTestFinished, test } from 'vitest'
import { ScriptedVendor } from '../../fakes/scripted-vendor.ts'
import type { Action } from '../../../connectors/action.ts'
import type { ActionOutcome, SendOptions } from '../../../connectors/connector.ts'
import { stripeActions } from '../../../connectors/stripe/actions/actions.ts'
import { apiVersion } from '../../../connectors/stripe/actions/request.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import {
  ConnectError,
  isJsonList,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from '../../../protocol/index.ts'
import { lockTimeout, StripeRefusal, tooManyRequests } from '../../fakes/stripe/stripe-error.ts'
import { operationFor, requestViolations, slice } from './openapi/read-slice.ts'
import { samples } from './samples.ts'
import { StripeSource } from './stripe-source.ts'

const stripeConnector = connectorOf('stripe')

const cases = stripeActions.map((action) => [action.descriptor.name, action] as const)

/** Fields that cannot be sent together with those of the samples. */
const alternatives: Readonly<Record<string, JsonObject>> = {
  createRefund: { payment_intent: 'pi_1' },
  createPrice: { currency: 'eur', product: 'prod_1', unit_amount_decimal: '0.0005' },
}

function actionNamed(name: string): Action {
  const found = stripeActions.find(({ descriptor }) => descriptor.name === name)
  if (found === undefined) throw new Error(`no action ${name}`)
  return found
}

function namesOf(schema: JsonValue, list: string): readonly JsonValue[] {
  const names = isJsonObject(schema) ? schema[list] : undefined
  return isJsonList(names) ? names : []
}

function propertiesOf({ properties }: JsonObject): readonly string[] {
  return isJsonObject(properties) ? Object.keys(properties) : []
}

describe('the requests', () => {
  test('are written for the version of the API document', () => {
    expect(slice.version).toBe(apiVersion)
    expect(stripeActions.length).toBeGreaterThanOrEqual(20)
  })

  test.each(cases)("%s: fits Stripe's document, with every field that it takes", (name, action) => {
    const inputs = [samples[name] ?? {}, ...(alternatives[name] ? [alternatives[name]] : [])]
    for (const input of inputs) {
      const request = action.call(input).plan({})
      expect(requestViolations(request)).toEqual([])
      expect(request.headers?.['Stripe-Version']).toBe(apiVersion)
    }
    const given = new Set(inputs.flatMap((input) => Object.keys(input)))
    expect(propertiesOf(action.descriptor.input).filter((field) => !given.has(field))).toEqual([])
  })

  test.each(cases)('%s: requires what Stripe requires', (name, action) => {
    const body = operationFor(action.call(samples[name] ?? {}).plan({}))?.body ?? null
    const ours = namesOf(action.descriptor.input, 'required')
    expect(namesOf(body, 'required').filter((field) => !ours.includes(field))).toEqual([])
  })

  test('with a mistake would be found', () => {
    const request = actionNamed('createCustomer').call({ name: 'Ada' }).plan({})
    const wrong = (fields: JsonObject) =>
      requestViolations({ ...request, body: { kind: 'form', fields } })
    expect(wrong({ nothing: '1' })).toEqual(['[nothing] does not exist'])
    expect(wrong({ address: { street: 'x' } })).not.toEqual([])
    expect(wrong({ email: 'a'.repeat(513) })).toEqual(['[email] is too long'])
    expect(wrong({ tax_exempt: 'maybe' })).toEqual(['[tax_exempt] cannot be maybe'])
    expect(requestViolations({ ...request, url: 'https://api.stripe.com/v1/clients' })).not.toEqual(
      [],
    )
  })

  test('put an id into one segment of the path, whatever it holds', () => {
    const { url } = actionNamed('deleteCoupon').call({ id: 'a/../b?c' }).plan({})
    expect(url).toBe('https://api.stripe.com/v1/coupons/a%2F..%2Fb%3Fc')
    expect(() => actionNamed('getCustomer').call({ id: '..' })).toThrow()
  })

  test.each([
    ['createPaymentIntent', { amount: 10.99, currency: 'eur' }],
    ['createPaymentIntent', { amount: 1099, currency: 'EUR' }],
    ['createCustomer', { nothing: 1 }],
    ['createRefund', { charge: 'ch_1', payment_intent: 'pi_1' }],
    ['createRefund', {}],
    ['createSubscription', { customer: 'cus_1', items: [] }],
  ])('%s refuses %o', (name, input) => {
    expect(() => actionNamed(name).call(input)).toThrow(
      expect.objectContaining({ code: 'action_input_invalid' }) as Error,
    )
  })
})

describe('what needs a confirmation', () => {
  test('is what moves money, is sent to a customer, or cannot be undone', () => {
    const confirmed = stripeActions
      .filter(({ descriptor }) => descriptor.requiresConfirmation)
      .map(({ descriptor }) => descriptor.name)
    expect(confirmed).toEqual([
      'deleteCustomer',
      'detachPaymentMethod',
      'createPaymentIntent',
      'confirmPaymentIntent',
      'capturePaymentIntent',
      'cancelPaymentIntent',
      'createRefund',
      'deleteCoupon',
      'createSubscription',
      'updateSubscription',
      'cancelSubscription',
      'finalizeInvoice',
      'sendInvoice',
      'payInvoice',
      'voidInvoice',
    ])
  })
})

describe('a dry-run', () => {
  const preview = (key: string) =>
    stripeConnector.actions?.preview(
      actionNamed('createCustomer').call({ name: 'Ada' }),
      { api_key: key },
      { idempotencyKey: 'key-1' },
    )

  test('is native with a key of the test mode, and shows the request with a live one', () => {
    expect(preview('sk_test_1')?.level).toBe('native')
    expect(preview('rk_test_1')?.level).toBe('native')
    expect(preview('sk_live_secret')).toEqual({
      level: 'synthesized',
      request: {
        method: 'POST',
        url: 'https://api.stripe.com/v1/customers',
        headers: {
          'Stripe-Version': apiVersion,
          'User-Agent': 'reactor-connect',
          'Content-Type': 'application/x-www-form-urlencoded',
          'Idempotency-Key': 'key-1',
          Authorization: 'Bearer ***',
        },
        body: 'name=Ada',
      },
    })
  })
})

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

  test('is refused in the words of Stripe: a declined card, another key, a wrong state', async () => {
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
      code: 'action_refused',
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
    // The intent itself holds the client secret, and what is known of the customer.
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
