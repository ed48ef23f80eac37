import type { ActionSubject } from '../action-contract.ts'

export const stripeSubject: ActionSubject = {
  configOf: (url, secret) => ({ api_url: url, api_key: secret }),
  succeed: () => ({
    body: { id: 'obj_1', object: 'customer' },
    headers: { 'request-id': 'req_1' },
  }),
  samples: {
    createCustomer: { email: 'ada@example.com', name: 'Ada Łovelace', metadata: { 'a b': 'c&d' } },
    updateCustomer: { id: 'cus_1/2', name: 'Ada' },
    deleteCustomer: { id: 'cus_1' },
  },
}
