import { notFound, type Vendor, type VendorAnswer, type VendorRequest } from './vendor-api.ts'

export type Item = Readonly<Record<string, unknown>>

/** Returns the response to a request whose path fits; `parts` are the groups of the pattern. */
export type Route = (request: VendorRequest, parts: readonly string[]) => VendorAnswer

interface RestOptions {
  readonly host: string
  /** The response to wrong credentials; undefined if they are right. */
  readonly refuse: (request: VendorRequest) => VendorAnswer | undefined
  /** By method and path, such as `GET /v1/orders/:id/lines`. */
  readonly routes: Readonly<Record<string, Route>>
}

/** An API over paths: the first route that fits responds. */
export function rest({ host, refuse, routes }: RestOptions): Vendor {
  const compiled = Object.entries(routes).map(([route, respond]) => {
    const [method = '', path = ''] = route.split(' ')
    const pattern = path.replaceAll(/:\w+/g, '([^/]+)').replaceAll('.', String.raw`\.`)
    return { method, pattern: new RegExp(`^${pattern}$`), respond }
  })
  return (request) => {
    if (request.host !== host) return { status: 400, body: { error: `wrong host ${request.host}` } }
    const refused = refuse(request)
    if (refused !== undefined) return refused
    for (const { method, pattern, respond } of compiled) {
      const match = method === request.method ? pattern.exec(request.path) : null
      if (match !== null) return respond(request, match.slice(1).map(decodeURIComponent))
    }
    return notFound
  }
}

/** Several hosts of a vendor, such as its API and its token endpoint. */
export function hosts(vendors: Readonly<Record<string, Vendor>>): Vendor {
  return (request) => vendors[request.host]?.(request) ?? notFound
}

/** Refuses all but one value of a header. */
export function needsHeader(name: string, value: string): RestOptions['refuse'] {
  return ({ headers }) =>
    headers[name] === value ? undefined : { status: 401, body: { error: 'unauthorized' } }
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

/** A page by its number, from 1 on. */
export function numbered(
  items: readonly Item[],
  { query }: VendorRequest,
  names: { readonly page: string; readonly size: string } = { page: 'page', size: 'per_page' },
): readonly Item[] {
  const size = Number(query.get(names.size) ?? 30)
  const page = Number(query.get(names.page) ?? 1)
  return items.slice((page - 1) * size, page * size)
}

/** A page by the number of items before it. */
export function shifted(
  items: readonly Item[],
  { query }: VendorRequest,
  names: { readonly offset: string; readonly limit: string } = { offset: 'offset', limit: 'limit' },
): readonly Item[] {
  const start = Number(query.get(names.offset) ?? 0)
  return items.slice(start, start + Number(query.get(names.limit) ?? 100))
}

/** Items of which a text is in a range; null and undefined are open ends. Times are compared as times. */
export function within(
  items: readonly Item[],
  field: string,
  range: { readonly from?: string | null | undefined; readonly to?: string | null | undefined },
): readonly Item[] {
  const [from, to] = [momentOf(range.from) ?? -Infinity, momentOf(range.to) ?? Infinity]
  return items.filter((item) => {
    const value = momentOf(item[field]) ?? Number.NaN
    return value >= from && value <= to
  })
}

function momentOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || value === '') return undefined
  return /^\d+$/.test(value) ? Number(value) : Date.parse(value)
}

/** As many items, numbered from 1 on. */
export function made(count: number, fieldsOf: (number: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => fieldsOf(index + 1))
}

/** A moment of a day of 2025. */
export function at2025(month: number, day: number, hour = 10): string {
  return new Date(Date.UTC(2025, month - 1, day, hour)).toISOString().replace('.000Z', 'Z')
}

/** The token endpoint of a vendor: a refresh token gives an access token. */
export function tokens(access: string, more: Item = {}): Route {
  const known = new Set(['kit-secret-refresh', String(more.refresh_token)])
  return ({ body, headers }) => {
    const json = String(headers['content-type']).includes('json')
    const form = json
      ? new URLSearchParams(JSON.parse(body) as Record<string, string>)
      : new URLSearchParams(body)
    const isRight =
      form.get('grant_type') === 'refresh_token' && known.has(form.get('refresh_token') ?? '')
    return isRight
      ? { body: { access_token: access, token_type: 'bearer', expires_in: 3600, ...more } }
      : { status: 400, body: { error: 'invalid_grant' } }
  }
}
