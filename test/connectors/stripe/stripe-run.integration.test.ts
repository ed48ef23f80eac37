import { expect, onTestFinished, test } from 'vitest'
import { StripeSimulator } from '../../fakes/stripe/stripe-simulator.ts'
import { logConfig, planRun, runPlan } from '../../support/engine.ts'
import { testKafka } from '../../support/kafka.ts'
import { testDatabase } from '../../support/postgres.ts'

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
    // Read again, as the last minutes always are: nothing doubles, and what was deleted stays away.
    expect(await run()).toEqual(rows)
  },
)
