import type { JsonObject } from '../../../protocol/index.ts'
import { apiUrl, type ActionRequest, type RequestFields } from '../../action.ts'

/** The version that the schemas of actions and streams are written for: the manifest names the same one. */
export const apiVersion = '2026-08-26.dahlia'

/** A request of Stripe's API: fields go into the body of a POST as a form, else into the query. */
export function stripeRequest(
  config: JsonObject,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  fields: RequestFields = {},
): ActionRequest {
  const { account_id: account } = config
  return {
    method,
    url: `${apiUrl(config, 'https://api.stripe.com')}${path}`,
    headers: {
      'Stripe-Version': apiVersion,
      'User-Agent': 'reactor-connect',
      ...(typeof account === 'string' && { 'Stripe-Account': account }),
    },
    ...(method === 'POST' ? { body: { kind: 'form', fields } } : { query: fields }),
  }
}
