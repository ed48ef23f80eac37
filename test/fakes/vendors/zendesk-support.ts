import {
  notFound,
  pageOf,
  type Vendor,
  type VendorAnswer,
  type VendorRequest,
} from './vendor-api.ts'

/** Seconds since 1970 of the last change, by id. */
export interface ZendeskData {
  readonly tickets: Map<number, number>
  readonly users: Map<number, number>
  readonly organizations: Map<number, number>
}

/** A Zendesk account. Two records a page. */
export function zendesk(data: ZendeskData): Vendor {
  return (request) => {
    const { headers, host, path, query } = request
    const credentials = Buffer.from('ada@acme.example/token:kit-secret-zendesk').toString('base64')
    if (headers.authorization !== `Basic ${credentials}`)
      return { status: 401, body: { error: "Couldn't authenticate you" } }
    if (host !== 'acme.zendesk.com') return notFound
    if (query.has('cursor') && query.has('start_time'))
      return { status: 400, body: { error: 'InvalidParameter' } }
    switch (path) {
      case '/api/v2/incremental/tickets/cursor.json':
        return exported(request, 'tickets', data.tickets)
      case '/api/v2/incremental/users/cursor.json':
        return exported(request, 'users', data.users)
      case '/api/v2/incremental/organizations.json':
        return exportedByTime(request, data.organizations)
      case '/api/v2/groups.json':
        return listed(request, 'groups')
      case '/api/v2/ticket_fields.json':
        return listed(request, 'ticket_fields')
      default:
        return notFound
    }
  }
}

function exported(
  { path, query }: VendorRequest,
  key: string,
  changes: ReadonlyMap<number, number>,
): VendorAnswer {
  const [since = '', token] = (query.get('cursor') ?? `${query.get('start_time') ?? ''}|0`).split(
    '|',
  )
  if (!/^\d+$/.test(since)) return { status: 422, body: { error: 'InvalidValue' } }
  const { items, next } = pageOf(changed(changes, Number(since)), token ?? null, 2)
  const cursor = `${since}|${next ?? String(changes.size)}`
  const url = `https://acme.zendesk.com${path}?cursor=${encodeURIComponent(cursor)}`
  const end = { end_of_stream: next === null, after_url: url, after_cursor: cursor }
  return { body: { [key]: items, ...end } }
}

/** The next page begins at the time of the last change of this one. */
function exportedByTime(
  { path, query }: VendorRequest,
  changes: ReadonlyMap<number, number>,
): VendorAnswer {
  const found = changed(changes, Number(query.get('start_time')))
  const organizations = found.slice(0, 2)
  const end = organizations.at(-1)?.generated_timestamp ?? 0
  const next = `https://acme.zendesk.com${path}?start_time=${String(end)}`
  const ended = found.length <= 2
  return { body: { organizations, end_time: end, end_of_stream: ended, next_page: next } }
}

function changed(changes: ReadonlyMap<number, number>, since: number) {
  return [...changes]
    .filter(([, time]) => time >= since)
    .toSorted(([, a], [, b]) => a - b)
    .map(([id, time]) => ({
      id,
      generated_timestamp: time,
      updated_at: new Date(time * 1000).toISOString().replace('.000Z', 'Z'),
      tags: [],
    }))
}

function listed({ path, query }: VendorRequest, key: string): VendorAnswer {
  const all = [1, 2, 3].map((id) => ({ id, url: null, created_at: '2020-01-01T00:00:00Z' }))
  if (!query.has('page[after]') && query.get('page[size]') !== '100')
    return { status: 400, body: { error: 'cursor paging needs page[size]' } }
  const { items, next } = pageOf(all, query.get('page[after]'), 2)
  const url = `https://acme.zendesk.com${path}?page%5Bsize%5D=2&page%5Bafter%5D=${next ?? ''}`
  return { body: { [key]: items, meta: { has_more: next !== null }, links: { next: url } } }
}
