import { basic, needsHeader, numbered, rest, within, type Item } from './rest.ts'
import type { Vendor, VendorRequest } from './vendor-api.ts'

export interface FreshdeskData {
  readonly tickets: Item[]
  readonly contacts: Item[]
}

/** A Freshdesk account: bare lists in numbered pages, the 301st of which is refused. */
export function freshdesk(data: FreshdeskData): Vendor {
  const list = (items: readonly Item[]) => (request: VendorRequest) =>
    Number(request.query.get('page') ?? 1) > 300
      ? { status: 400, body: { description: 'You cannot access tickets beyond the 300th page.' } }
      : { body: numbered(items, request) }
  const since =
    (items: readonly Item[], field: string, name: string) => (request: VendorRequest) => {
      const found = within(items, field, { from: request.query.get(name) })
      const sorted = found.toSorted((a, b) => String(a[field]).localeCompare(String(b[field])))
      return list(sorted)(request)
    }
  const named = (id: number) => list([{ id, name: `Name ${String(id)}` }])
  return rest({
    host: 'acme.freshdesk.com',
    refuse: needsHeader('authorization', basic('kit-secret-freshdesk', 'X')),
    routes: {
      'GET /api/v2/tickets': (request) =>
        request.query.get('order_by') === 'updated_at' && request.query.get('order_type') === 'asc'
          ? since(data.tickets, 'updated_at', 'updated_since')(request)
          : { status: 400, body: {} },
      'GET /api/v2/tickets/:id/conversations': (request, [id = '']) =>
        list([
          {
            id: Number(id) * 100,
            ticket_id: Number(id),
            updated_at: data.tickets.find((ticket) => String(ticket.id) === id)?.updated_at,
          },
        ])(request),
      'GET /api/v2/contacts': (request) =>
        since(data.contacts, 'updated_at', '_updated_since')(request),
      'GET /api/v2/companies': named(31),
      'GET /api/v2/agents': list([{ id: 41, type: 'support_agent' }]),
      'GET /api/v2/groups': named(51),
      'GET /api/v2/time_entries': list([{ id: 61, ticket_id: 1, time_spent: '01:20' }]),
      'GET /api/v2/surveys/satisfaction_ratings': (request) =>
        since(
          [{ id: 71, created_at: '2025-02-01T10:00:00Z' }],
          'created_at',
          'created_since',
        )(request),
    },
  })
}
