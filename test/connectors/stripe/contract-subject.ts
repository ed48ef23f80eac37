import { StripeSimulator } from '../../fakes/stripe/stripe-simulator.ts'
import type { ContractSubject } from '../connector-contract.ts'

/** A Stripe account with some thousand products. */
export async function openStripeSubject(): Promise<ContractSubject> {
  const simulator = await StripeSimulator.start()
  const { account } = simulator
  account.now = Math.floor(Date.now() / 1000)
  const since = account.now - 30 * 86_400
  for (let n = 0; n < 2_345; n += 1) account.add('products', { created: since - 86_400 + n })
  for (let n = 0; n < 20; n += 1) account.add('charges', { created: since - 3_600 - n })
  return {
    config: {
      api_key: 'sk_test_contract',
      api_url: simulator.url,
      start_date: new Date((since - 5 * 86_400) * 1000).toISOString().replace(/\.\d+/, ''),
    },
    cursorOf: ({ default_cursor_field: [field = ''] = [] }) => field,
    [Symbol.asyncDispose]: () => simulator[Symbol.asyncDispose](),
  }
}
