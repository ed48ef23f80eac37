import { describe, expect, test } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import { lockTimeout, StripeRefusal, tooManyRequests } from '../../fakes/stripe/stripe-error.ts'
import type { StripeAccount } from '../../fakes/stripe/stripe-account.ts'
import { idsOf, lastState, mergedRows, StripeSource } from './stripe-source.ts'

const stripeConnector = await connectorOf('stripe')

const day = 86_400

function addCustomers(account: StripeAccount, count: number): void {
  const begin = account.now - 10_000_000
  for (let n = 0; n < count; n += 1) account.add('customers', { created: begin + n })
}

describe('a first read', () => {
  test('loses no object that arrives, changes or is deleted meanwhile', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    addCustomers(account, 250)
    let requests = 0
    source.simulator.onRequest = () => {
      requests += 1
      account.now += 60
      if (requests !== 2) return
      account.add('customers', { name: 'late' })
      account.change('customers', 'cus_000499', { name: 'changed' })
      account.remove('customers', 'cus_000497')
    }
    const read = await source.read('customers')
    expect(read.outcome).toBe('complete')
    const rows = mergedRows(read)
    expect(rows.size).toBe(250)
    expect(new Set(rows.keys())).toEqual(new Set(idsOf(account.all('customers'))))
    expect(rows.get('cus_000499')?.name).toBe('changed')
  })

  test('goes on after the last page if it is stopped or killed, without loss and without repetition', async () => {
    const source = await StripeSource.start()
    addCustomers(source.simulator.account, 250)
    const first = await source.read('customers', { mode: 'full_refresh', stopAfter: 100 })
    expect(first.outcome).toBe('stopped')
    expect(first.states.at(-1)).toMatchObject({ recordsBefore: 100, state: { listing: {} } })
    const second = await source.read('customers', { mode: 'full_refresh', state: lastState(first) })
    const all = idsOf([...first.records, ...second.records])
    expect(all).toHaveLength(250)
    expect(new Set(all).size).toBe(250)
    expect(source.simulator.asked).not.toContain('GET events')
  })

  test('goes on if the object of its place was deleted meanwhile', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    addCustomers(account, 150)
    const first = await source.read('customers', { stopAfter: 100 })
    const last = first.records.at(-1)?.id
    if (typeof last === 'string') account.remove('customers', last)
    expect(account.all('customers')).toHaveLength(149)
    const second = await source.read('customers', { state: lastState(first) })
    const rows = mergedRows(first, second)
    expect(new Set(rows.keys())).toEqual(new Set(idsOf(account.all('customers'))))
  })

  test('skips what is older than start_date', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    account.add('customers', { created: account.now - 400 * day })
    const { id } = account.add('customers', { created: account.now - 2 * day })
    const since = new Date((account.now - 3 * day) * 1000).toISOString().replace('.000', '')
    source.config = { ...source.config, start_date: since }
    const { records } = await source.read('customers', { mode: 'full_refresh' })
    expect(idsOf(records)).toEqual([id])
  })
})

describe('a later read', () => {
  test('has the deletions, with the last values of the object', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    const { id } = account.add('products', { name: 'Shirt', created: account.now - day })
    account.add('products', { name: 'Shoe', created: account.now - day })
    const first = await source.read('products')
    account.now += 600
    account.remove('products', id)
    const second = await source.read('products', { state: lastState(first) })
    const time = new Date(account.now * 1000).toISOString()
    expect(second.records).toMatchObject([
      { id, name: 'Shirt', changed: account.now, _ab_cdc_deleted_at: time },
    ])
    expect([...mergedRows(first, second).values()]).toMatchObject([{ name: 'Shoe' }])
  })

  test('leaves the fields of Stripe as they are', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    account.add('products', { created: account.now - day, updated: account.now - 60 })
    const { records } = await source.read('products')
    expect(records).toMatchObject([{ updated: account.now - 60, changed: account.now - 300 }])
  })

  test('does not take a canceled subscription for a deleted one', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    const { id } = account.add('subscriptions', { status: 'active' })
    const first = await source.read('subscriptions')
    account.now += 600
    account.change('subscriptions', id, { status: 'canceled' }, 'customer.subscription.deleted')
    const second = await source.read('subscriptions', { state: lastState(first) })
    expect(second.records).toMatchObject([{ id, status: 'canceled', _ab_cdc_deleted_at: null }])
  })

  test('has objects of whose creation no event tells', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    const first = await source.read('checkout_sessions')
    account.now += 600
    const { id } = account.add('checkout/sessions', { status: 'open' })
    const second = await source.read('checkout_sessions', { state: lastState(first) })
    expect(second.records).toMatchObject([{ id, status: 'open', changed: account.now }])
  })

  test('has the last contents of an object that changed twice in a second', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    const { id } = account.add('prices', { created: account.now - day, nickname: 'a' })
    const first = await source.read('prices')
    account.now += 600
    account.change('prices', id, { nickname: 'b' })
    account.change('prices', id, { nickname: 'c' })
    const second = await source.read('prices', { state: lastState(first) })
    expect(second.records).toMatchObject([{ id, nickname: 'c' }])
  })

  test('has a coupon that was deleted and created again with its id', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    account.add('coupons', { id: 'SPRING 50%', percent_off: 50 })
    const first = await source.read('coupons')
    account.now += 600
    account.remove('coupons', 'SPRING 50%')
    account.add('coupons', { id: 'SPRING 50%', percent_off: 20 })
    const second = await source.read('coupons', { state: lastState(first) })
    expect(mergedRows(first, second).get('SPRING 50%')).toMatchObject({ percent_off: 20 })
  })

  test('finds an event that Stripe shows five minutes late', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    const customer = account.add('customers', { created: account.now - day })
    const first = await source.read('customers')
    const happened = account.now - 120
    account.now += 60
    account.change('customers', customer.id, { name: 'late' }, null)
    account.tell('customer.updated', customer, happened)
    const second = await source.read('customers', { state: lastState(first) })
    expect(second.records).toMatchObject([{ id: customer.id, name: 'late', changed: happened }])
  })

  test('reads several weeks day by day, each with a state, and goes on where it was killed', async () => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    addCustomers(account, 5)
    const first = await source.read('customers')
    for (let n = 1; n <= 5; n += 1) {
      account.now += day
      account.change('customers', `cus_${String(2 * n - 1).padStart(6, '0')}`, { name: 'new' })
    }
    account.now += day
    const stopped = await source.read('customers', { state: lastState(first), stopAfter: 3 })
    expect(stopped.outcome).toBe('stopped')
    expect(stopped.states.at(-1)?.recordsBefore).toBe(stopped.records.length)
    const rest = await source.read('customers', { state: lastState(stopped) })
    const rows = [...mergedRows(first, stopped, rest).values()]
    expect(rows.map(({ name }) => name)).toEqual(Array.from({ length: 5 }, () => 'new'))
    expect(rest.records.length).toBeLessThan(5)
    for (const { changed } of rows) expect(Number(changed)).toBeGreaterThan(0)
  })

  test('moves its state on if nothing happened, so that a quiet stream is never read in full', async () => {
    const source = await StripeSource.start()
    addCustomers(source.simulator.account, 1)
    let read = await source.read('customers')
    for (let time = 0; time < 2; time += 1) {
      source.simulator.account.now += 16 * day
      read = await source.read('customers', { state: lastState(read) })
      expect({ records: read.records, warnings: read.warnings }).toEqual({
        records: [],
        warnings: [],
      })
    }
    expect(lastState(read)).toEqual({ changed: source.simulator.account.now - 300 })
  })

  test('warns and reads everything if its state is older than the events that Stripe keeps', async () => {
    const source = await StripeSource.start()
    addCustomers(source.simulator.account, 3)
    const first = await source.read('customers')
    source.simulator.account.now += 31 * day
    const second = await source.read('customers', { state: lastState(first) })
    expect(second.records).toHaveLength(3)
    expect(second.warnings).toEqual([expect.stringContaining('Stripe keeps events for 30 days')])
  })

  test('refuses a state of another connector', async () => {
    const source = await StripeSource.start()
    await expect(source.read('customers', { state: { cursor: 1 } })).rejects.toThrow(
      'Reset the stream',
    )
  })
})

describe('failures', () => {
  test('a wrong key fails the check with what to do', async () => {
    const source = await StripeSource.start()
    const good = await stripeConnector.check(source.config, source.context())
    expect(good).toEqual({ status: 'SUCCEEDED' })
    const wrong = { ...source.config, api_key: 'nonsense' }
    const status = await stripeConnector.check(wrong, source.context())
    expect(status).toMatchObject({
      status: 'FAILED',
      message: expect.stringContaining('Copy a secret or restricted key') as string,
    })
    expect(JSON.stringify(status)).not.toContain('nonsense')
  })

  test('a restricted key fails a stream that it may not read, and loses nothing silently', async () => {
    const source = await StripeSource.start()
    source.config = { ...source.config, api_key: 'rk_test_few' }
    source.simulator.restricted = ['customers']
    await expect(source.read('customers')).rejects.toThrow('may not read this (403)')
    await expect(source.read('payment_methods', { mode: 'full_refresh' })).resolves.toBeDefined()
    await expect(source.read('charges')).rejects.toThrow('may not read this (403)')
    await expect(source.read('files', { mode: 'full_refresh' })).rejects.toThrow('(403)')
  })

  test('limits (with and without Retry-After), locks and conflicts are waited for', async () => {
    const source = await StripeSource.start()
    const { simulator } = source
    addCustomers(simulator.account, 3)
    simulator.refuse(/customers/, tooManyRequests({ 'retry-after': '1' }))
    simulator.refuse(/events/, lockTimeout())
    simulator.onRequest = ({ path }) => {
      if (path !== 'events') return
      simulator.refuse(/customers/, new StripeRefusal(409, { message: 'conflict' }))
    }
    const clock = { ms: 0 }
    const { records, waits } = await source.read('customers', { clock })
    expect(records).toHaveLength(3)
    expect(waits).toBe(2)
    expect(clock.ms).toBeGreaterThan(1_000)
    expect(simulator.asked).toEqual([
      'GET customers',
      'GET customers',
      'GET events',
      'GET events',
      'GET customers',
      'GET customers',
    ])
  })

  test('a connection that breaks is tried again, and half a response is no response', async () => {
    const source = await StripeSource.start()
    addCustomers(source.simulator.account, 3)
    source.simulator.disturb(/GET customers/, { kind: 'lost' })
    const clock = { ms: 0 }
    expect((await source.read('customers', { clock })).records).toHaveLength(3)
    source.simulator.disturb(/GET events/, { kind: 'cut' })
    await expect(source.read('customers')).rejects.toMatchObject({
      code: 'source_answer_unreadable',
    })
  })

  test('what Stripe says not to send again is not sent again', async () => {
    const source = await StripeSource.start()
    const hopeless = { 'stripe-should-retry': 'false' }
    const refusal = new StripeRefusal(500, { type: 'api_error', message: 'broken' }, hopeless)
    source.simulator.refuse(/customers/, refusal)
    await expect(source.read('customers')).rejects.toThrow('broken')
    expect(source.simulator.asked).toEqual(['GET customers'])
  })

  test.each([
    ['sk_live_reader', 20],
    ['sk_test_reader', 12],
  ])('with %s, at most %i requests are sent in a second', async (key, limit) => {
    const source = await StripeSource.start()
    const { account } = source.simulator
    addCustomers(account, 30)
    source.config = { ...source.config, api_key: key }
    const first = await source.read('customers')
    account.now += 600
    for (const { id } of account.all('customers')) account.change('customers', id, { name: 'n' })
    const clock = { ms: 0 }
    const { records } = await source.read('customers', { state: lastState(first), clock })
    expect(records).toHaveLength(30)
    // Two lists and 30 objects.
    expect(clock.ms).toBeGreaterThanOrEqual((Math.ceil(32 / limit) - 1) * 1000)
  })
})

test('a read that is killed goes on from any of its states, without loss', async () => {
  const source = await StripeSource.start()
  const { account } = source.simulator
  addCustomers(account, 230)
  account.now += 60
  let requests = 0
  // Changes that happen at Stripe during the reads.
  source.simulator.onRequest = () => {
    requests += 1
    const [newest] = account.all('customers')
    if (requests % 3 === 0) account.add('customers', { name: 'late' })
    if (requests % 4 === 0 && newest !== undefined) account.remove('customers', newest.id)
    if (requests % 5 === 0) account.change('customers', 'cus_000021', { name: String(requests) })
    account.now += 7
  }
  const first = await source.read('customers')
  account.now += 2 * day
  const second = await source.read('customers', { state: lastState(first) })
  source.simulator.onRequest = () => undefined
  account.now += 400
  for (const read of [first, second])
    for (const { state, recordsBefore } of read.states) {
      const before = read === first ? [] : [first]
      const rest = await source.read('customers', { state })
      const kept = { ...read, records: read.records.slice(0, recordsBefore) }
      const rows = mergedRows(...before, kept, rest)
      expect(new Set(rows.keys())).toEqual(new Set(idsOf(account.all('customers'))))
      expect(rows.get('cus_000021')?.name).toBe(account.get('customers', 'cus_000021').name)
    }
  expect(first.states.length + second.states.length).toBeGreaterThanOrEqual(6)
})
