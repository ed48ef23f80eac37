import { hosts, rest, tokens, within, type Item } from './rest.ts'
import { pageOf, type Vendor, type VendorAnswer, type VendorRequest } from './vendor-api.ts'

/** The records of a Harvest account, by the name of the list. */
export type HarvestData = Readonly<Record<string, Item[]>>

/** A Harvest account: two records a page, and the URL of the next page repeats the filter. */
export function harvest(data: HarvestData): Vendor {
  const api = rest({
    host: 'api.harvestapp.com',
    refuse: ({ headers }) => {
      const isKnown = ['Bearer kit-secret-harvest', 'Bearer access-1'].includes(
        headers.authorization ?? '',
      )
      if (!isKnown) return { status: 401, body: { error: 'invalid_token' } }
      return headers['harvest-account-id'] === '42' && headers['user-agent'] !== undefined
        ? undefined
        : { status: 404, body: {} }
    },
    routes: { 'GET /v2/:list': (request, [name = '']) => listed(name, data[name] ?? [], request) },
  })
  const login = rest({
    host: 'id.getharvest.com',
    refuse: () => undefined,
    routes: { 'POST /api/v2/oauth2/token': tokens('access-1') },
  })
  return hosts({ 'api.harvestapp.com': api, 'id.getharvest.com': login })
}

function listed(name: string, items: readonly Item[], request: VendorRequest): VendorAnswer {
  const { query, path } = request
  const found = within(items, 'updated_at', { from: query.get('updated_since') })
  const { items: page, next } = pageOf(found, query.get('cursor'), 2)
  const following = new URLSearchParams(query)
  following.set('cursor', next ?? '')
  const url = `https://api.harvestapp.com${path}?${following.toString()}`
  return { body: { [name]: page, links: { next: next === null ? null : url } } }
}
