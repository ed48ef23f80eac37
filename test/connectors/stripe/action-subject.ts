import type { JsonObject } from '../../../protocol/index.ts'
import type { ActionSubject } from '../action-contract.ts'
import { samples } from './samples.ts'

/** Without the id of an object, or with the name of a list behind it. */
const isList = /^\/v1\/\w+(?:\/\w+\/payment_methods)?(?:\?|$)/
const isSearch = /^\/v1\/\w+\/search(?:\?|$)/
const emptyList = { object: 'list', data: [], has_more: false }
const emptySearch = { object: 'search_result', data: [], has_more: false, next_page: null }

export const stripeSubject: ActionSubject = {
  configOf: (url, secret) => ({ api_url: url, api_key: secret }),
  succeed: ({ method, url }) => ({
    body: bodyOf(method, url),
    headers: { 'request-id': 'req_1' },
  }),
  samples: {
    ...samples,
    createCustomer: { ...samples.createCustomer, name: 'Ada Łovelace', metadata: { 'a b': 'c&d' } },
    updateCustomer: { ...samples.updateCustomer, id: 'cus_1/2' },
  },
}

function bodyOf(method: string | undefined, url: string): JsonObject {
  if (method === 'GET' && isSearch.test(url)) return emptySearch
  if (method === 'GET' && isList.test(url)) return emptyList
  return { id: 'obj_1', object: 'customer', deleted: true }
}
