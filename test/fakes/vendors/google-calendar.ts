import { hosts, needsHeader, rest, tokens, within, type Item } from './rest.ts'
import { pageOf, type Vendor, type VendorAnswer, type VendorRequest } from './vendor-api.ts'

/** Events by the id of the calendar. */
export type Calendars = Readonly<Record<string, Item[]>>

/** Google Calendar with the token endpoint of Google. Two items a page. */
export function googleCalendar(calendars: Calendars): Vendor {
  const login = rest({
    host: 'oauth2.googleapis.com',
    refuse: () => undefined,
    routes: { 'POST /token': tokens('access-1') },
  })
  const api = rest({
    host: 'www.googleapis.com',
    refuse: needsHeader('authorization', 'Bearer access-1'),
    routes: {
      'GET /calendar/v3/users/me/calendarList': (request) =>
        paged(
          Object.keys(calendars).map((id) => ({ id, summary: id })),
          request,
        ),
      'GET /calendar/v3/users/me/settings': (request) =>
        paged([{ id: 'timezone', value: 'Europe/Berlin' }], request),
      'GET /calendar/v3/calendars/:id/events': (request, [id = '']) => {
        const { query } = request
        if (query.get('orderBy') !== 'updated') return { status: 400, body: {} }
        return paged(
          within(calendars[id] ?? [], 'updated', { from: query.get('updatedMin') }),
          request,
        )
      },
      'GET /calendar/v3/calendars/:id/acl': (request, [id = '']) =>
        id === 'team@acme.example'
          ? paged([{ id: 'user:ada', role: 'owner', scope: {} }], request)
          : { status: 404, body: {} },
    },
  })
  return hosts({ 'www.googleapis.com': api, 'oauth2.googleapis.com': login })
}

function paged(items: readonly Item[], { query }: VendorRequest): VendorAnswer {
  const { items: page, next } = pageOf(items, query.get('pageToken'), 2)
  return { body: { items: page, ...(next !== null && { nextPageToken: next }) } }
}
