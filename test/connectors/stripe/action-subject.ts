import type { ActionSubject } from '../action-contract.ts'
import { samples } from './samples.ts'

/** Without the id of an object. */
const isList = /^\/v1\/\w+(?:\?|$)/
const emptyList = { object: 'list', data: [], has_more: false }

export const stripeSubject: ActionSubject = {
  configOf: (url, secret) => ({ api_url: url, api_key: secret }),
  succeed: ({ method, url }) => ({
    body:
      method === 'GET' && isList.test(url)
        ? emptyList
        : { id: 'obj_1', object: 'customer', deleted: true },
    headers: { 'request-id': 'req_1' },
  }),
  samples: {
    ...samples,
    createCustomer: { ...samples.createCustomer, name: 'Ada Łovelace', metadata: { 'a b': 'c&d' } },
    updateCustomer: { ...samples.updateCustomer, id: 'cus_1/2' },
  },
}
