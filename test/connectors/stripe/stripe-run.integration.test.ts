import { expect, onTestFinished, test } from 'vitest'
import { StripeSimulator } from '../../fakes/stripe/stripe-simulator.ts'
import { logConfig, planRun, runPlan } from '../../support/engine.ts'
import { testKafka } from '../../support/kafka.ts'
import { testDatabase } from '../../support/postgres.ts'
import { eventsConnection } from '../../../sinks/events-connection.ts'
import type { JsonObject } from '../../../protocol/index.ts'

test(
  'a table has what Stripe has, after changes and deletions too',
  { timeout: 120_000 },
  async () => {
    const simulator = await StripeSimulator.start()
    onTestFinished(() => simulator[Symbol.asyncDispose]())
    await using db = await testDatabase()
    const { account } = simulator
    account.now = Math.floor(Date.now() / 1000)
    const old = account.now - 100_000
    for (let n = 0; n < 120; n += 1) account.add('customers', { created: old, name: 'old' })
    const connection = testKafka().prefix
    const run = async () => {
      const plan = await planRun({
        connection,
        source: {
          type: 'stripe',
          config: { api_key: 'sk_test_run', api_url: simulator.url },
          allowedNetworks: ['127.0.0.0/8'],
        },
        destination: db.address,
        schema: 'stripe',
        log: logConfig('embedded'),
        mode: 'append_dedup',
        syncMode: 'incremental',
        cursor: 'changed',
        streams: ['customers'],
      })
      const { result } = await runPlan(plan)
      expect(result.status).toBe('complete')
      return db.query('SELECT id, name FROM stripe.customers ORDER BY id')
    }
    expect(await run()).toHaveLength(120)
    account.change('customers', 'cus_000001', { name: 'new' })
    account.remove('customers', 'cus_000003')
    const { id } = account.add('customers', { name: 'late' })
    const rows = await run()
    expect(rows).toHaveLength(120)
    expect(rows.find((row) => row.id === 'cus_000001')?.name).toBe('new')
    expect(rows.find((row) => row.id === 'cus_000003')).toBeUndefined()
    expect(rows.find((row) => row.id === id)?.name).toBe('late')
    // Read again, as the last minutes always are: nothing doubles, and deleted records stay away.
    expect(await run()).toEqual(rows)
  },
)

test(
  'what events of a webhook tell is loaded beside the runs: out of order, twice, late, and of another account',
  { timeout: 120_000 },
  async () => {
    const simulator = await StripeSimulator.start()
    onTestFinished(() => simulator[Symbol.asyncDispose]())
    await using db = await testDatabase()
    const { account } = simulator
    account.now = Math.floor(Date.now() / 1000) - 2_000
    for (let n = 0; n < 20; n += 1)
      account.add('customers', { created: account.now - 100_000, name: 'old' })
    const source = {
      type: 'stripe',
      config: { api_key: 'sk_test_run', api_url: simulator.url },
      allowedNetworks: ['127.0.0.0/8'],
    }
    const plan = await planRun({
      connection: testKafka().prefix,
      source,
      destination: db.address,
      schema: 'stripe',
      log: logConfig('embedded'),
      mode: 'append_dedup',
      syncMode: 'incremental',
      cursor: 'changed',
      streams: ['customers'],
    })
    const load = async (bodies: readonly JsonObject[]) => {
      const connection = eventsConnection(plan.connection)
      const events = bodies.map((body) => ({ type: null, body }))
      const streams = plan.streams.map((sink) => ({ ...sink, connection }))
      const { result } = await runPlan({
        ...plan,
        connection,
        streams,
        source: { ...plan.source, events },
      })
      expect(result).toMatchObject({ status: 'complete' })
      return result
    }
    const names = async () => {
      const rows = await db.query('SELECT id, name FROM stripe.customers')
      return new Map(rows.map(({ id, name }) => [String(id), name]))
    }
    expect((await runPlan(plan)).result.status).toBe('complete')

    account.now += 400
    account.change('customers', 'cus_000001', { name: 'second' })
    account.now += 1
    account.change('customers', 'cus_000001', { name: 'third' })
    account.remove('customers', 'cus_000003')
    const { id: late } = account.add('customers', { name: 'new' })
    const sentEvents = account.all('events').slice(0, 4)
    await load([...sentEvents, ...sentEvents].toSorted((a, b) => a.id.localeCompare(b.id)))
    const now = await names()
    expect(now.size).toBe(20)
    expect(now.get('cus_000001')).toBe('third')
    expect(now.has('cus_000003')).toBe(false)
    expect(now.get(late)).toBe('new')

    // An old event comes again: neither the changed nor the deleted one goes back.
    await load(sentEvents.slice(-1))
    await load(sentEvents)
    const foreign = { ...sentEvents[0], account: 'acct_other' }
    const live = { ...sentEvents[0], livemode: true }
    const left = await load(
      [foreign, live].map((event) => ({
        ...event,
        data: { object: { id: 'cus_000002', object: 'customer' } },
      })),
    )
    expect(left.streams[0]?.warnings).toEqual([expect.stringContaining('another account')])
    expect(await names()).toEqual(now)

    // Impossible ids and times, and a deletion that did not happen, do no harm.
    const about = (id: string, more: JsonObject = {}): JsonObject => {
      return {
        ...sentEvents[0],
        ...more,
        data: { object: { id, object: 'customer', name: 'forged' } },
      }
    }
    await load([
      about(''),
      about('..'),
      about('cus_000005', { created: 1e15, type: 'customer.deleted' }),
      about('cus_000007', { created: 1e15 }),
      about('cus_999999', { created: -1 }),
    ])
    expect(await names()).toEqual(now)
    account.now = Math.floor(Date.now() / 1000)
    account.change('customers', 'cus_000007', { name: 'after' })
    await load(account.all('events').slice(0, 1))
    now.set('cus_000007', 'after')
    expect(await names()).toEqual(now)

    // The runs go on as before, and neither is taken for the other.
    const { result } = await runPlan(plan)
    expect(result).toMatchObject({ status: 'complete', streams: [{ resumed: false }] })
    expect(await names()).toEqual(now)
  },
)
