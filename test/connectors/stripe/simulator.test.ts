import Stripe from 'stripe'
import { describe, expect, onTestFinished, test } from 'vitest'
import { lockTimeout, tooManyRequests } from '../../fakes/stripe/stripe-error.ts'
import { StripeSimulator } from '../../fakes/stripe/stripe-simulator.ts'

/** Stripe's own client accepts the simulator as Stripe. */
async function openClient(options: Stripe.StripeConfig = {}) {
  const simulator = await StripeSimulator.start()
  onTestFinished(() => simulator[Symbol.asyncDispose]())
  const place = { host: '127.0.0.1', port: simulator.port, protocol: 'http' } as const
  const stripe = new Stripe('sk_test_sdk', { ...place, telemetry: false, ...options })
  return { simulator, stripe }
}

describe("Stripe's client", () => {
  test('pages through a list newest first, and sees no object twice if others arrive', async () => {
    const { simulator, stripe } = await openClient()
    const { account } = simulator
    for (let n = 0; n < 25; n += 1) account.add('customers', { name: `c${String(n)}` })
    const names: (string | null | undefined)[] = []
    for await (const customer of stripe.customers.list({ limit: 10 })) {
      names.push(customer.name)
      if (names.length === 5) account.add('customers', { name: 'late' })
    }
    expect(names).toEqual(Array.from({ length: 25 }, (_, n) => `c${String(24 - n)}`))
    const page = await stripe.customers.list({ limit: 3, ending_before: 'cus_000001' })
    expect(page.data.map(({ name }) => name)).toEqual(['c3', 'c2', 'c1'])
    expect(page.has_more).toBe(true)
  })

  test('gets events by type, and refuses unknown parameters', async () => {
    const { simulator, stripe } = await openClient()
    const { id } = await stripe.customers.create({ email: 'ada@example.com' })
    await stripe.customers.update(id, { metadata: { a: '1' } })
    await stripe.customers.del(id)
    const { data } = await stripe.events.list({ types: ['customer.updated', 'customer.deleted'] })
    expect(data.map(({ type }) => type)).toEqual(['customer.deleted', 'customer.updated'])
    expect(await stripe.customers.retrieve(id)).toMatchObject({ id, deleted: true })
    await expect(stripe.products.retrieve('prod_none')).rejects.toMatchObject({
      statusCode: 404,
      code: 'resource_missing',
    })
    await expect(stripe.rawRequest('GET', '/v1/customers?nothing=1')).rejects.toMatchObject({
      code: 'parameter_unknown',
    })
    simulator.account.now += 31 * 86_400
    expect((await stripe.events.list()).data).toEqual([])
  })

  test('gets the same response for the same idempotency key, and an error for other parameters', async () => {
    const { simulator, stripe } = await openClient()
    const options = { idempotencyKey: 'key-1' }
    const first = await stripe.customers.create({ name: 'Ada' }, options)
    const second = await stripe.customers.create({ name: 'Ada' }, options)
    expect(second.id).toBe(first.id)
    expect(second.lastResponse.headers['idempotent-replayed']).toBe('true')
    await expect(stripe.customers.create({ name: 'Bob' }, options)).rejects.toBeInstanceOf(
      Stripe.errors.StripeIdempotencyError,
    )
    expect(simulator.account.all('customers')).toHaveLength(1)
  })

  test('waits for a request in flight with the same key (409), and is told of limits (429)', async () => {
    const { simulator, stripe } = await openClient({ maxNetworkRetries: 0 })
    const gate = Promise.withResolvers<undefined>()
    simulator.disturb(/POST customers/, { kind: 'slow', until: gate.promise })
    const first = stripe.customers.create({ name: 'Ada' }, { idempotencyKey: 'key-2' })
    await expect.poll(() => simulator.requests.length).toBe(1)
    await expect(
      stripe.customers.create({ name: 'Ada' }, { idempotencyKey: 'key-2' }),
    ).rejects.toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' })
    gate.resolve(undefined)
    expect((await first).name).toBe('Ada')
    simulator.refuse(/customers/, tooManyRequests({ 'retry-after': '1' }))
    await expect(stripe.customers.list()).rejects.toBeInstanceOf(Stripe.errors.StripeRateLimitError)
    simulator.refuse(/customers/, lockTimeout())
    await expect(stripe.customers.list()).rejects.toMatchObject({ code: 'lock_timeout' })
  })

  test('is declined a card (402), and charges another', async () => {
    const { simulator, stripe } = await openClient()
    const intent = await stripe.paymentIntents.create({ amount: 1099, currency: 'eur' })
    const declined = stripe.paymentIntents.confirm(intent.id, {
      payment_method: 'pm_card_chargeDeclined',
    })
    await expect(declined).rejects.toMatchObject({
      type: 'StripeCardError',
      code: 'card_declined',
      decline_code: 'generic_decline',
    })
    const paid = await stripe.paymentIntents.confirm(intent.id, { payment_method: 'pm_card_visa' })
    expect(paid.status).toBe('succeeded')
    expect(simulator.account.all('charges')).toHaveLength(1)
    // Each use of a test card makes a payment method.
    const methods = await Promise.all(
      ['ada', 'bob'].map(async (name) => {
        const { id: customer } = await stripe.customers.create({ name })
        const method = await stripe.paymentMethods.attach('pm_card_visa', { customer })
        const { data } = await stripe.customers.listPaymentMethods(customer)
        expect(data).toMatchObject([{ id: method.id, card: { brand: 'visa', last4: '4242' } }])
        return method.id
      }),
    )
    expect(new Set(methods).size).toBe(2)
  })

  test('is refused with a wrong key, and with a restricted one', async () => {
    const { simulator } = await openClient()
    const place = { host: '127.0.0.1', port: simulator.port, protocol: 'http' } as const
    const wrong = new Stripe('nonsense', place)
    await expect(wrong.customers.list()).rejects.toBeInstanceOf(
      Stripe.errors.StripeAuthenticationError,
    )
    const restricted = new Stripe('rk_test_few', place)
    await expect(restricted.customers.list()).rejects.toBeInstanceOf(
      Stripe.errors.StripePermissionError,
    )
  })
})
