import { basic, needsHeader, rest, within, type Item } from './rest.ts'
import { pageOf, type Vendor, type VendorAnswer, type VendorRequest } from './vendor-api.ts'

export interface GongData {
  readonly calls: Item[]
}

/** A Gong company: two records a page; a window without calls is not found. */
export function gong(data: GongData): Vendor {
  return rest({
    host: 'us-1.api.gong.io',
    refuse: needsHeader('authorization', basic('key', 'kit-secret-gong')),
    routes: {
      'GET /v2/users': ({ query }) =>
        paged('users', [{ id: '1' }, { id: '2' }, { id: '3' }], query.get('cursor')),
      'GET /v2/calls': ({ query }) => {
        const range = { from: query.get('fromDateTime'), to: query.get('toDateTime') }
        const found = within(data.calls, 'started', range)
        return found.length === 0
          ? { status: 404, body: { errors: ['No calls found corresponding to the filters'] } }
          : paged('calls', found, query.get('cursor'))
      },
      'GET /v2/workspaces': () => ({ body: { workspaces: [{ id: 'w1', name: 'x' }] } }),
      'GET /v2/settings/scorecards': () => ({ body: { scorecards: [{ scorecardId: 's1' }] } }),
      'POST /v2/stats/activity/scorecards': (request) => answered(request),
    },
  })
}

interface Search {
  readonly cursor?: string
  readonly filter: { readonly reviewFromDate: string; readonly reviewToDate: string }
}

function answered({ body }: VendorRequest): VendorAnswer {
  const { filter, cursor } = JSON.parse(body) as Search
  const isDay = [filter.reviewFromDate, filter.reviewToDate].every((day) =>
    /^\d{4}-\d\d-\d\d$/.test(day),
  )
  if (!isDay) return { status: 400, body: { errors: ['a day is wanted'] } }
  const all = [{ answeredScorecardId: 'a1', reviewTime: '2025-02-03T10:00:00.123Z' }]
  const range = { from: filter.reviewFromDate, to: `${filter.reviewToDate}T23:59:59Z` }
  return paged('answeredScorecards', within(all, 'reviewTime', range), cursor ?? null)
}

function paged(name: string, items: readonly Item[], cursor: string | null): VendorAnswer {
  const { items: page, next } = pageOf(items, cursor, 2)
  const records = { totalRecords: items.length, ...(next !== null && { cursor: next }) }
  return { body: { requestId: 'r1', records, [name]: page } }
}
