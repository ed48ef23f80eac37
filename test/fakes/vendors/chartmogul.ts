import { basic, needsHeader, rest, within, type Item } from './rest.ts'
import { pageOf, type Vendor, type VendorAnswer, type VendorRequest } from './vendor-api.ts'

export interface ChartmogulData {
  readonly activities: Item[]
  /** Days with metrics. */
  readonly days: Item[]
}

/** A ChartMogul account: two entries a page, and a cursor. */
export function chartmogul(data: ChartmogulData): Vendor {
  const range = ({ query }: VendorRequest) => ({
    from: query.get('start-date'),
    to: query.get('end-date'),
  })
  return rest({
    host: 'api.chartmogul.com',
    refuse: needsHeader('authorization', basic('kit-secret-chartmogul', '')),
    routes: {
      'GET /v1/data_sources': () => ({ body: { data_sources: [{ uuid: 'ds_1', name: 'x' }] } }),
      'GET /v1/customers': (request) =>
        paged('entries', [{ uuid: 'cus_1' }, { uuid: 'cus_2' }, { uuid: 'cus_3' }], request),
      'GET /v1/plans': (request) => paged('plans', [{ uuid: 'pl_1', name: 'x' }], request),
      'GET /v1/activities': (request) =>
        paged('entries', within(data.activities, 'date', range(request)), request),
      'GET /v1/metrics/all': (request) => ({
        body: { entries: within(data.days, 'date', range(request)), summary: {} },
      }),
    },
  })
}

function paged(name: string, items: readonly Item[], { query }: VendorRequest): VendorAnswer {
  const { items: page, next } = pageOf(items, query.get('cursor'), 2)
  return { body: { [name]: page, has_more: next !== null, cursor: next ?? 'end' } }
}
