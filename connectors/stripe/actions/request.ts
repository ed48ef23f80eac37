import type { JsonObject } from '../../../protocol/index.ts'
import type { ActionRequest, RequestFields } from '../../action.ts'

/** The version that the schemas of actions and streams are written for. */
const version = '2026-08-26.dahlia'

/** A request of Stripe's API: fields go into the body as a form, or into the query of a GET. */
export function stripeRequest(
  config: JsonObject,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  fields: RequestFields = {},
): ActionRequest {
  const { api_url: base, account_id: account } = config
  return {
    method,
    url: `${typeof base === 'string' ? base.replace(/\/+$/, '') : 'https://api.stripe.com'}${path}`,
    headers: {
      'Stripe-Version': version,
      ...(typeof account === 'string' && { 'Stripe-Account': account }),
    },
    ...(method === 'POST' ? { body: { kind: 'form', fields } } : { query: fields }),
  }
}
