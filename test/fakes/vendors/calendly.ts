import { hosts, rest, tokens, within, type Item } from './rest.ts'
import { pageOf, type Vendor, type VendorAnswer, type VendorRequest } from './vendor-api.ts'

/** Events that are scheduled, by their id. */
export interface CalendlyData {
  readonly events: { readonly id: string; readonly start_time: string }[]
}

const organization = 'https://api.calendly.com/organizations/ORG'

/** A Calendly organization: two records a page, and the URL of the next page. */
export function calendly(data: CalendlyData): Vendor {
  const uri = (kind: string, id: string) => `https://api.calendly.com/${kind}/${id}`
  const ofOrganization =
    (list: (request: VendorRequest) => readonly Item[]) =>
    (request: VendorRequest): VendorAnswer =>
      request.query.get('organization') === organization
        ? linked(list(request), request)
        : { status: 400, body: { title: 'Invalid Argument' } }
  const api = rest({
    host: 'api.calendly.com',
    refuse: ({ headers }) =>
      ['Bearer kit-secret-calendly', 'Bearer access-1'].includes(headers.authorization ?? '')
        ? undefined
        : { status: 401, body: { title: 'Unauthenticated' } },
    routes: {
      'GET /users/me': () => ({
        body: { resource: { uri: uri('users', 'ME'), current_organization: organization } },
      }),
      'GET /event_types': ofOrganization(() => [{ uri: uri('event_types', 'T1'), name: 'Chat' }]),
      'GET /scheduled_events': ofOrganization(({ query }) =>
        within(
          data.events.map(({ id, start_time }) => ({
            uri: uri('scheduled_events', id),
            start_time,
          })),
          'start_time',
          { from: query.get('min_start_time') },
        ),
      ),
      'GET /scheduled_events/:id/invitees': (request, [id = '']) =>
        linked([{ uri: uri('invitees', `I-${id}`), email: 'bob@x.example' }], request),
      'GET /organization_memberships': ofOrganization(() => [{ uri: uri('memberships', 'M1') }]),
      'GET /groups': ofOrganization(() => [{ uri: uri('groups', 'G1') }]),
    },
  })
  const login = rest({
    host: 'auth.calendly.com',
    refuse: () => undefined,
    routes: { 'POST /oauth/token': tokens('access-1', { refresh_token: 'next-refresh' }) },
  })
  return hosts({ 'api.calendly.com': api, 'auth.calendly.com': login })
}

function linked(items: readonly Item[], { query, path }: VendorRequest): VendorAnswer {
  const { items: collection, next } = pageOf(items, query.get('page_token'), 2)
  const following = new URLSearchParams(query)
  following.set('page_token', next ?? '')
  const url = `https://api.calendly.com${path}?${following.toString()}`
  return { body: { collection, pagination: { next_page: next === null ? null : url } } }
}
