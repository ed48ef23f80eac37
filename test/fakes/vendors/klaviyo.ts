import {
  notFound,
  pageOf,
  type Vendor,
  type VendorAnswer,
  type VendorRequest,
} from './vendor-api.ts'

export interface KlaviyoData {
  readonly profiles: { readonly id: string; readonly updated: string }[]
  readonly events: { readonly id: string; readonly datetime: string }[]
}

/** A Klaviyo account. Two resources a page; the URL of the next page repeats the filter. */
export function klaviyo(data: KlaviyoData): Vendor {
  return (request) => {
    const { headers, path, query } = request
    if (headers.authorization !== 'Klaviyo-API-Key kit-secret-klaviyo')
      return { status: 401, body: { errors: [{ code: 'not_authenticated' }] } }
    if (headers.revision === undefined) return { status: 400, body: {} }
    // The real API takes each parameter once.
    if (new Set(query.keys()).size !== query.size) return { status: 400, body: { errors: [] } }
    const resources = { ...lists, ...given(data) }[path]
    return resources === undefined ? notFound : listed(resources, request)
  }
}

interface Resource {
  readonly type: string
  readonly id: string
  readonly attributes: Readonly<Record<string, unknown>>
}

function given(data: KlaviyoData): Record<string, readonly Resource[]> {
  return {
    '/api/profiles': data.profiles.map(({ id, updated }) => ({
      type: 'profile',
      id,
      attributes: { email: `${id}@example.com`, created: updated, updated, properties: {} },
    })),
    '/api/events': data.events.map(({ id, datetime }) => ({
      type: 'event',
      id,
      attributes: { timestamp: Date.parse(datetime) / 1000, datetime, event_properties: {} },
    })),
  }
}

const lists: Readonly<Record<string, readonly Resource[]>> = {
  '/api/lists': [
    { type: 'list', id: 'L1', attributes: { name: 'News', updated: '2024-06-01T00:00:00+00:00' } },
  ],
  '/api/metrics': ['M1', 'M2', 'M3'].map((id) => ({
    type: 'metric',
    id,
    attributes: { name: id, integration: { name: 'API' } },
  })),
  '/api/campaigns': [{ type: 'campaign', id: 'C1', attributes: { name: 'Spring' } }],
}

function listed(resources: readonly Resource[], { path, query }: VendorRequest): VendorAnswer {
  const filter = query.get('filter') ?? ''
  if (path === '/api/campaigns' && !filter.includes("equals(messages.channel,'email')"))
    return { status: 400, body: { errors: [{ detail: 'A channel filter is required' }] } }
  const field = query.get('sort') ?? 'id'
  const found = resources
    .filter(({ attributes }) => keeps(filter, attributes))
    .toSorted((a, b) => String(a.attributes[field]).localeCompare(String(b.attributes[field])))
  const { items, next } = pageOf(found, query.get('page[cursor]'), 2)
  const following = new URLSearchParams(query)
  following.set('page[cursor]', next ?? '')
  const url = `https://a.klaviyo.com${path}?${following.toString()}`
  return { body: { data: items, links: { self: '', next: next === null ? null : url } } }
}

function keeps(filter: string, attributes: Resource['attributes']): boolean {
  for (const [, comparison, field = '', value = ''] of filter.matchAll(
    /(greater-than|greater-or-equal|less-or-equal)\(([a-z]+),([^)]+)\)/g,
  )) {
    const own = Date.parse(String(attributes[field]))
    const limit = Date.parse(value)
    if (Number.isNaN(limit)) return false
    if (comparison === 'greater-than' && own <= limit) return false
    if (comparison === 'greater-or-equal' && own < limit) return false
    if (comparison === 'less-or-equal' && own > limit) return false
  }
  return true
}
