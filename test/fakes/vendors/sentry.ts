import { needsHeader, rest, within, type Item } from './rest.ts'
import { pageOf, type Vendor, type VendorAnswer, type VendorRequest } from './vendor-api.ts'

export interface SentryData {
  readonly issues: Item[]
  /** By the slug of the project. */
  readonly events: Readonly<Record<string, Item[]>>
}

/** An organization `acme` of Sentry. Two records a page; each response says whether there is another one. */
export function sentry(data: SentryData): Vendor {
  const organization = '/api/0/organizations/acme'
  const projects = Object.keys(data.events).map((slug, index) => ({ id: String(index + 1), slug }))
  return rest({
    host: 'sentry.io',
    refuse: needsHeader('authorization', 'Bearer kit-secret-sentry'),
    routes: {
      [`GET ${organization}/projects/`]: (request) => page(projects, request),
      [`GET ${organization}/issues/`]: (request) =>
        request.query.get('project') === '-1'
          ? page(between(data.issues, 'lastSeen', request), request)
          : { status: 400, body: { detail: 'only own projects' } },
      'GET /api/0/projects/acme/:slug/events/': (request, [slug = '']) =>
        page(between(data.events[slug] ?? [], 'dateCreated', request), request),
      [`GET ${organization}/releases/`]: (request) =>
        page(
          [
            { id: 1, version: '1.0' },
            { id: 2, version: '1.1' },
          ],
          request,
        ),
      [`GET ${organization}/teams/`]: (request) => page([{ id: '7', slug: 'web' }], request),
      [`GET ${organization}/members/`]: (request) =>
        page([{ id: '8', email: 'ada@acme.example' }], request),
    },
  })
}

function between(items: readonly Item[], field: string, { query }: VendorRequest) {
  return within(items, field, { from: query.get('start'), to: query.get('end') })
}

/** https://docs.sentry.io/api/pagination/ */
function page(items: readonly Item[], { query, path }: VendorRequest): VendorAnswer {
  const found = pageOf(items, query.get('cursor'), 2)
  const cursor = found.next ?? '0:0:0'
  const link = (rel: string, results: boolean) =>
    `<https://sentry.io${path}?&cursor=${cursor}>; rel="${rel}"; results="${String(results)}"; cursor="${cursor}"`
  return {
    headers: { link: `${link('previous', false)}, ${link('next', found.next !== null)}` },
    body: found.items,
  }
}
