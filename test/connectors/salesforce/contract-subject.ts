import { fillAcme } from '../../fakes/salesforce/acme.ts'
import { accessToken, SalesforceSimulator } from '../../fakes/salesforce/salesforce-simulator.ts'
import type { ContractSubject } from '../connector-contract.ts'

/** An organization with some hundred leads. */
export async function openSalesforceSubject(): Promise<ContractSubject> {
  const salesforce = await SalesforceSimulator.start()
  fillAcme(salesforce.organization, { leads: 1300 })
  salesforce.pageSize = 500
  return {
    config: { access_token: accessToken, api_url: salesforce.url },
    cursorOf: ({ default_cursor_field: [field = ''] = [] }) => field,
    repeatsNewest: true,
    [Symbol.asyncDispose]: () => salesforce[Symbol.asyncDispose](),
  }
}
