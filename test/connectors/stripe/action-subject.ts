import type { ActionSubject } from '../action-contract.ts'
import { samples } from './samples.ts'

export const stripeSubject: ActionSubject = {
  configOf: (url, secret) => ({ api_url: url, api_key: secret }),
  succeed: () => ({
    body: { id: 'obj_1', object: 'customer' },
    headers: { 'request-id': 'req_1' },
  }),
  samples: {
    ...samples,
    createCustomer: { ...samples.createCustomer, name: 'Ada Łovelace', metadata: { 'a b': 'c&d' } },
    updateCustomer: { ...samples.updateCustomer, id: 'cus_1/2' },
  },
}
