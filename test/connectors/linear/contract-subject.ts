import { fillAcme } from '../../fakes/linear/acme.ts'
import { apiKey, LinearSimulator } from '../../fakes/linear/linear-simulator.ts'
import type { ContractSubject } from '../connector-contract.ts'

/** A Linear workspace with some hundred issues. */
export async function openLinearSubject(): Promise<ContractSubject> {
  const linear = await LinearSimulator.start()
  fillAcme(linear.data)
  return {
    config: { api_key: apiKey, api_url: linear.url },
    cursorOf: ({ default_cursor_field: [field = ''] = [] }) => field,
    repeatsNewest: true,
    [Symbol.asyncDispose]: () => linear[Symbol.asyncDispose](),
  }
}
