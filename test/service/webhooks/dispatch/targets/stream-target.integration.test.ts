import { expect, onTestFinished, test } from 'vitest'
import type { ClaimedDispatch } from '../../../../../service/webhooks/deliveries/contract.ts'
import type { DispatchOutcome } from '../../../../../service/webhooks/dispatch/targets/contract.ts'
import type { JsonObject } from '../../../../../protocol/index.ts'
import { claimedEvent } from '../claimed.ts'
import { StripeSimulator } from '../../../../fakes/stripe/stripe-simulator.ts'
import { neverAborted } from '../../../../support/signal.ts'
import { runToEnd, testService, type TestService } from '../../../../support/test-service.ts'
import { longTest } from '../../../../support/long.ts'

/** An instance of Stripe and a connection that has run once. */
async function shop(streams: readonly string[]): Promise<{
  readonly api: TestService
  readonly simulator: StripeSimulator
  readonly dispatch: (
    bodies: readonly JsonObject[],
    options?: {
      readonly stream?: string
      readonly receiver?: Partial<ClaimedDispatch['receiver']>
      readonly kind?: 'test'
    },
  ) => Promise<readonly DispatchOutcome[]>
}> {
  const simulator = await StripeSimulator.start()
  onTestFinished(() => simulator[Symbol.asyncDispose]())
  const api = await testService()
  onTestFinished(() => api[Symbol.asyncDispose]())
  const { service, streamTarget } = api
  simulator.account.now = Math.floor(Date.now() / 1000)
  for (let n = 0; n < 10; n += 1)
    simulator.account.add('customers', { created: simulator.account.now - 90_000, name: 'old' })
  const config = { api_key: 'sk_test_planted', api_url: simulator.url }
  await service.instances.create({ name: 'shop', type: 'stripe', config })
  await service.connections.create({
    name: 'shop-to-pg',
    from: 'shop',
    destination: 'data:shop',
    streams: streams.map((name) => ({ name })),
    activate: true,
  })
  api.work()
  const run = await service.runs.start('shop-to-pg')
  expect(await runToEnd(service.runs, run)).toMatchObject({ status: 'complete' })
  return {
    api,
    simulator,
    dispatch: (bodies, { stream = '*', receiver = {}, kind = 'event' as const } = {}) =>
      Promise.all(
        bodies.map((body, index) =>
          streamTarget.dispatch(
            {
              target: { kind: 'stream', connection: 'shop-to-pg', stream },
              claimed: eventOf(body, { seq: String(index), stream, receiver, kind }),
            },
            neverAborted(),
          ),
        ),
      ),
  }
}

longTest(
  'the end of one attempt is not the end of those that come later',
  { timeout: 120_000 },
  async () => {
    const { api, simulator } = await shop(['customers'])
    const { account } = simulator
    account.change('customers', 'cus_000001', { name: 'new' })
    account.change('customers', 'cus_000003', { name: 'new' })
    const target = { kind: 'stream', connection: 'shop-to-pg', stream: '*' } as const
    const facts = { stream: '*', receiver: {}, kind: 'event' } as const
    const [first, second] = account
      .all('events')
      .slice(0, 2)
      .map((body, place) => eventOf(body, { ...facts, seq: String(place) }))
    if (first === undefined || second === undefined) throw new TypeError('there are two events')
    const ended = new AbortController()
    const before = api.streamTarget.dispatch({ target, claimed: first }, ended.signal)
    ended.abort()
    // While the first one is on its way: the target stays open.
    const after = api.streamTarget.dispatch({ target, claimed: second }, neverAborted())
    expect(await before).toMatchObject({ outcome: 'failed' })
    expect(await after).toEqual({ outcome: 'done' })
  },
)

function eventOf(
  body: JsonObject,
  {
    seq,
    stream,
    receiver,
    kind,
  }: Pick<ClaimedDispatch, 'seq'> & {
    readonly stream: string
    readonly receiver: Partial<ClaimedDispatch['receiver']>
    readonly kind: 'event' | 'test'
  },
): ClaimedDispatch {
  const claimed = claimedEvent(`stream:shop-to-pg/${stream}`, {
    body: Buffer.from(JSON.stringify(body)),
    eventType: typeof body.type === 'string' ? body.type : null,
  })
  return {
    ...claimed,
    seq,
    receiver: { ...claimed.receiver, instance: 'shop', ...receiver },
    delivery: { ...claimed.delivery, kind, receivedAt: new Date().toISOString() },
  }
}

test(
  'an event changes the row at once, and the connection’s own checkpoints stay',
  { timeout: 120_000 },
  async () => {
    const { api, simulator, dispatch } = await shop(['customers', 'products'])
    const { account } = simulator
    account.now += 400
    account.change('customers', 'cus_000001', { name: 'new' })
    account.remove('customers', 'cus_000003')
    const { id: product } = account.add('products', { name: 'lamp' })
    const events = account.all('events').slice(0, 3)
    const strange = { id: 'evt_x', type: 'radar.early_fraud_warning.created', data: {} }
    const before = simulator.requests.length
    expect(await dispatch([...events, strange])).toEqual(Array(4).fill({ outcome: 'done' }))
    expect(simulator.requests.slice(before).some(({ path }) => path.startsWith('/v1/events'))).toBe(
      false,
    )
    const names = await api.data.query('SELECT id, name FROM shop.customers ORDER BY id LIMIT 2')
    expect(names).toEqual([
      { id: 'cus_000001', name: 'new' },
      { id: 'cus_000005', name: 'old' },
    ])
    expect(await api.data.query('SELECT id FROM shop.products')).toEqual([{ id: product }])
    expect(await api.service.runs.list('shop-to-pg', { limit: 10 })).toMatchObject({ items: [{}] })

    const run = await api.service.runs.start('shop-to-pg')
    expect(await runToEnd(api.service.runs, run)).toMatchObject({
      status: 'complete',
    })
    expect(await api.data.query('SELECT id, name FROM shop.customers ORDER BY id LIMIT 2')).toEqual(
      names,
    )
    expect(api.logged.join('')).not.toContain('sk_test_planted')
  },
)

test(
  'an event that only tells of a change starts one run for many',
  { timeout: 120_000 },
  async () => {
    const { api, dispatch } = await shop(['payment_methods'])
    const events = Array.from({ length: 5 }, (_, n) => ({
      id: `evt_${String(n)}`,
      type: 'payment_method.updated',
      data: { object: { id: 'pm_1', object: 'payment_method' } },
    }))
    expect(await dispatch(events)).toEqual(Array(5).fill({ outcome: 'done' }))
    const { items } = await api.service.runs.list('shop-to-pg', { limit: 10 })
    expect(items.map(({ trigger }) => trigger)).toEqual(['webhook', 'manual'])
  },
)

test(
  'what cannot be loaded says why, nothing is deleted by events of another account, and those of rules of one’s own start a run',
  { timeout: 120_000 },
  async () => {
    const { api, simulator, dispatch } = await shop(['customers'])
    const event = {
      id: 'evt_1',
      type: 'customer.updated',
      created: simulator.account.now,
      data: { object: { id: 'cus_000001', object: 'customer' } },
    }
    expect(await dispatch([event], { receiver: { instance: 'other', name: 'others' } })).toEqual([
      {
        outcome: 'failed',
        isFinal: true,
        reason: 'receiver others has events of other, and connection shop-to-pg reads shop',
      },
    ])
    expect(await dispatch([event], { kind: 'test' })).toEqual([{ outcome: 'done' }])
    expect(await dispatch([event], { stream: 'nothing' })).toMatchObject([
      { outcome: 'failed', reason: expect.stringContaining('has no stream nothing') as unknown },
    ])
    expect(await dispatch([{ ...event, livemode: true }])).toEqual([{ outcome: 'done' }])
    await api.service.connections.setPaused('shop-to-pg', true)
    expect(await dispatch([event])).toEqual([
      {
        outcome: 'failed',
        isTargetDown: true,
        reason: 'connection shop-to-pg is paused. Resume it',
      },
    ])
    expect(await api.data.query('SELECT count(*)::int AS n FROM shop.customers')).toEqual([
      { n: 10 },
    ])
    await api.service.connections.setPaused('shop-to-pg', false)
    const own = { receiver: { webhook: null }, stream: 'customers' }
    expect(await dispatch([{ anything: 1 }], own)).toEqual([{ outcome: 'done' }])
    const { items } = await api.service.runs.list('shop-to-pg', { limit: 10 })
    expect(items.map(({ trigger }) => trigger)).toEqual(['webhook', 'manual'])
  },
)
