import { expect, test } from 'vitest'
import { connectorOf } from '../../connectors/registry.ts'
import { textAt, type ActionSession } from './action-session.ts'
import { Report } from './report.ts'
import { liveVendors, runLive } from './run-live.ts'
import { checkActions } from './run-pass.ts'
import { simulate } from './simulators.ts'
import { stripe } from './vendors/stripe.ts'
import { usuallyThird } from '../support/long.ts'

/** A run in this process: its steps, or the text about a wrong command line, and what it wrote. */
async function run(args: readonly string[], environment: Record<string, string> = {}) {
  let output = ''
  const write = (text: string) => (output += text)
  return { done: await runLive(args, { environment, write }), output }
}

test.each(
  usuallyThird(
    1,
    liveVendors.map(({ type }) => type),
  ),
)(
  'the pass over the simulator of %s has no failure, and tries all actions that it does not rule out',
  async (type) => {
    const { done, output } = await run([type, '--simulator', '--leave-traces'])
    if (typeof done === 'string') throw new Error(done)
    expect(done.filter(({ outcome }) => outcome === 'failed')).toEqual([])
    const vendor = liveVendors.find((known) => known.type === type)
    const actions = (await (await connectorOf(type)).actions?.load()) ?? []
    const named = new Set(done.map(({ step }) => step))
    const writing = actions.filter(({ descriptor }) => descriptor.effect !== 'read')
    const left = writing.filter(({ descriptor }) => !named.has(descriptor.name))
    expect(left.map(({ descriptor }) => descriptor.name)).toEqual([])
    const skipped = done.filter(({ outcome }) => outcome === 'skipped').map(({ step }) => step)
    expect(skipped).toEqual(Object.keys(vendor?.untried ?? {}))
    expect(output).not.toMatch(/sk_test_contract|xoxb-|lin_api_kit|ghp_ada/)
  },
)

test('a vendor without its variables is skipped, and an account that is not for tests is refused', async () => {
  const { output } = await run([], {
    LIVE_STRIPE_KEY: 'sk_live_4711',
    LIVE_SLACK_TOKEN: 'xoxb-1',
    LIVE_GITHUB_TOKEN: 'ghp_1',
    LIVE_GITHUB_REPOSITORY: 'acme/shop',
  })
  expect(output.split('\n')).toEqual([
    expect.stringContaining('stripe pass: failed: LIVE_STRIPE_KEY is a live key'),
    'slack pass: skipped: LIVE_SLACK_CHANNEL is not set',
    'linear pass: skipped: LIVE_LINEAR_KEY is not set',
    expect.stringContaining('github pass: failed: LIVE_GITHUB_REPOSITORY is no repository'),
    '',
  ])
  expect(output).not.toContain('4711')
  expect((await run(['jira'])).done).toContain('There is no vendor "jira"')
})

test('a step that fails ends its sequence only, and what the sequence created is removed', async () => {
  await using simulated = await simulate('stripe')
  const { environment, config } = simulated
  const report = new Report('stripe', 'sk_test_contract', () => undefined)
  const sequences = ['the name is another one', 'the same again'].map((title) => ({
    title,
    run: async (session: ActionSession) => {
      const id = textAt(await session.call('createCustomer', { name: session.name }), 'id')
      session.cleanUp('deleteCustomer', { id })
      await session.call('getCustomer', { id }, { shows: { name: 'sk_test_contract' } })
    },
  }))
  const options = { environment, config, leavesTraces: false, report }
  const connector = await connectorOf('stripe')
  await checkActions(connector, { ...stripe, sequences, untried: {} }, options)
  const steps = report.results.map(({ step, outcome }) => `${step} ${outcome}`)
  const each = ['createCustomer ok', 'getCustomer failed', 'deleteCustomer ok']
  expect(steps).toEqual([...each, ...each])
  expect(report.results[1]?.reason).toMatch(
    /^name is "reactor-connect-live-\w+" instead of "\*\*\*"$/,
  )
})
