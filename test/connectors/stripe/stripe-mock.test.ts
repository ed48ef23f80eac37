import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stripeActions } from '../../../connectors/stripe/actions/actions.ts'
import { connectorOf } from '../../../connectors/registry.ts'
import { configOf } from '../../../connectors/manifest/source-config.ts'
import { bestMatch } from '../../../manifest-interpreter/config/json-schema/best-match.ts'
import { violations } from '../../../manifest-interpreter/config/json-schema/violations.ts'
import { isJsonObject } from '../../../protocol/index.ts'
import { startStripeMock, type StripeMock } from '../../fakes/stripe/stripe-mock.ts'
import { jsonObjectSchema } from '../../../protocol/json-object.ts'
import { silent as logger } from '../../support/logger.ts'
import { samples } from './samples.ts'
import { Collected, configuredStream } from './stripe-source.ts'

const stripeConnector = await connectorOf('stripe')

const { streams = [] } = (await stripeConnector.streams?.()) ?? {}

/** Needs Go, and a minute at its first use: `npm run test:long -- stripe-mock` sets STRIPE_MOCK. */
const wanted = process.env.STRIPE_MOCK !== undefined

describe.runIf(wanted)("Stripe's own stripe-mock", () => {
  let mock: StripeMock
  beforeAll(async () => {
    mock = await startStripeMock()
  }, 10 * 60_000)
  afterAll(() => mock[Symbol.asyncDispose]())

  const context = () => ({
    logger,
    signal: new AbortController().signal,
    allowedNetworks: ['127.0.0.1/32'],
    now: () => Date.now(),
  })

  test.each(stripeActions.map((action) => [action.descriptor.name, action] as const))(
    'accepts %s',
    async (name, action) => {
      const config = { api_key: 'sk_test_mock', api_url: mock.url }
      const { signal } = context()
      await using client = await stripeConnector.actions?.open(config, {
        ...context(),
        instance: 'shop',
      })
      const call = action.call(samples[name])
      const options = {
        idempotencyKey: `key-${name}`,
        mayComeAgain: true,
        timeoutMs: 20_000,
        signal,
      }
      const outcome = await client?.send(call, options)
      const { output } = action.descriptor
      const isList = isJsonObject(output.properties) && 'data' in output.properties
      expect(outcome?.output).toMatchObject(
        isList
          ? { has_more: expect.any(Boolean) as boolean }
          : { id: expect.any(String) as string },
      )
      const schema = configOf(output)
      const received = configOf(jsonObjectSchema.parse(outcome?.output))
      expect(bestMatch(violations(schema, received))?.message).toBeUndefined()
    },
  )

  test.each(streams)('$name: its requests are accepted, and its schema fits', async ({ name }) => {
    const config = { api_key: 'sk_test_mock', api_url: mock.url }
    const stream = await configuredStream(name, 'full_refresh', { config, context: context() })
    const out = new Collected(() => undefined)
    const task = { config, stream, slice: '', state: null, session: null }
    expect(await stripeConnector.read(task, out, context())).toBe('complete')
    const schema = configOf(stream.stream.json_schema)
    for (const record of out.found)
      expect(bestMatch(violations(schema, configOf(record)))?.message).toBeUndefined()
  })

  test('lets the connector check its key', async () => {
    const config = { api_key: 'sk_test_mock', api_url: mock.url }
    expect(await stripeConnector.check(config, context())).toEqual({ status: 'SUCCEEDED' })
    const wrong = await stripeConnector.check({ ...config, api_key: 'nonsense' }, context())
    expect(wrong.status).toBe('FAILED')
  })
})
