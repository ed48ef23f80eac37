import { needsHeader, rest, within, type Item } from './rest.ts'
import { pageOf, type Vendor, type VendorAnswer, type VendorRequest } from './vendor-api.ts'

export interface SquareData {
  readonly customers: Item[]
  readonly payments: Item[]
  /** By location. */
  readonly orders: Readonly<Record<string, Item[]>>
}

interface Search {
  readonly cursor?: string
  readonly location_ids?: readonly string[]
  readonly begin_time?: string
  readonly query?: {
    readonly filter?: {
      readonly updated_at?: Range
      readonly date_time_filter?: { readonly updated_at?: Range }
    }
    readonly sort?: { readonly sort_field?: string }
  }
}

interface Range {
  readonly start_at: string
  readonly end_at: string
}

/** A Square seller: two records a page, the filter in the body of a search. */
export function square(data: SquareData): Vendor {
  const updated = (items: readonly Item[], range: Range | undefined) =>
    within(items, 'updated_at', { from: range?.start_at, to: range?.end_at })
  const locations = Object.keys(data.orders).map((id) => ({ id, name: id, status: 'ACTIVE' }))
  return rest({
    host: 'connect.squareup.com',
    refuse: (request) =>
      request.headers['square-version'] === undefined
        ? { status: 400, body: { errors: [] } }
        : needsHeader('authorization', 'Bearer kit-secret-square')(request),
    routes: {
      'GET /v2/locations': () => ({ body: { locations } }),
      'POST /v2/customers/search': (request) => {
        const search = parsed(request)
        return paged('customers', updated(data.customers, search.query?.filter?.updated_at), search)
      },
      'GET /v2/payments': (request) => byTime('payments', data.payments, request),
      'GET /v2/refunds': (request) => byTime('refunds', [], request),
      'POST /v2/orders/search': (request) => {
        const search = parsed(request)
        const { filter, sort } = search.query ?? {}
        // Square wants the field that is filtered in the sort, too.
        if (sort?.sort_field !== 'UPDATED_AT') return { status: 400, body: { errors: [] } }
        const orders = search.location_ids?.flatMap((id) => data.orders[id] ?? []) ?? []
        return paged('orders', updated(orders, filter?.date_time_filter?.updated_at), search)
      },
      'GET /v2/invoices': ({ query }) => ({
        body: { invoices: [{ id: `inv-${query.get('location_id') ?? ''}` }] },
      }),
      'POST /v2/catalog/search': (request) => {
        const search = parsed(request)
        const items = [
          { type: 'ITEM', id: 'i1', updated_at: '2025-01-05T10:00:00.123Z', item_data: {} },
          { type: 'TAX', id: 't1', updated_at: '2025-01-06T10:00:00.123Z', tax_data: {} },
          { type: 'ITEM', id: 'i2', updated_at: '2025-01-07T10:00:00.123Z', item_data: {} },
        ]
        return paged('objects', within(items, 'updated_at', { from: search.begin_time }), search)
      },
      'POST /v2/team-members/search': (request) =>
        paged('team_members', [{ id: 'tm1', given_name: 'Ada' }], parsed(request)),
    },
  })
}

function parsed({ body }: VendorRequest): Search {
  return JSON.parse(body) as Search
}

function paged(name: string, items: readonly Item[], { cursor }: Search): VendorAnswer {
  const { items: page, next } = pageOf(items, cursor ?? null, 2)
  // Without records, the real response has no such key either.
  return {
    body: { ...(page.length > 0 && { [name]: page }), ...(next !== null && { cursor: next }) },
  }
}

function byTime(name: string, items: readonly Item[], { query }: VendorRequest): VendorAnswer {
  if (query.get('sort_field') !== 'UPDATED_AT') return { status: 400, body: { errors: [] } }
  const found = within(items, 'updated_at', {
    from: query.get('updated_at_begin_time'),
    to: query.get('updated_at_end_time'),
  })
  const cursor = query.get('cursor')
  return paged(name, found, cursor === null ? {} : { cursor })
}
