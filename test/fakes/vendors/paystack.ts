import { needsHeader, numbered, rest, within, type Item } from './rest.ts'
import type { Vendor, VendorRequest } from './vendor-api.ts'

export interface PaystackData {
  readonly transactions: Item[]
}

/** A Paystack business: numbered pages, narrowed by the time of creation. */
export function paystack(data: PaystackData): Vendor {
  const list = (items: readonly Item[]) => (request: VendorRequest) => {
    const { query } = request
    const found = within(items, 'createdAt', { from: query.get('from'), to: query.get('to') })
    const page = numbered(found, request, { page: 'page', size: 'perPage' })
    return { body: { status: true, message: 'ok', data: page, meta: { total: found.length } } }
  }
  const single = (id: number) => list([{ id, createdAt: '2025-01-05T10:00:00.000Z' }])
  return rest({
    host: 'api.paystack.co',
    refuse: needsHeader('authorization', 'Bearer kit-secret-paystack'),
    routes: {
      'GET /customer': single(1),
      'GET /transaction': list(data.transactions),
      'GET /transfer': single(3),
      'GET /refund': single(4),
      'GET /dispute': single(5),
      'GET /subscription': single(6),
      'GET /plan': single(7),
      'GET /settlement': single(8),
    },
  })
}
