import { needsHeader, rest, shifted, within, type Item } from './rest.ts'
import type { Vendor, VendorRequest } from './vendor-api.ts'

export interface PagerdutyData {
  readonly incidents: Item[]
}

/** A PagerDuty account: pages by offset, windows of the time of creation. */
export function pagerduty(data: PagerdutyData): Vendor {
  const list = (name: string, items: readonly Item[]) => (request: VendorRequest) => {
    const page = shifted(items, request)
    const offset = Number(request.query.get('offset') ?? 0)
    return { body: { [name]: page, offset, more: offset + page.length < items.length } }
  }
  const created = (name: string, items: readonly Item[]) => (request: VendorRequest) => {
    const { query } = request
    const [from, to] = [query.get('since'), query.get('until')]
    const days = (Date.parse(to ?? '') - Date.parse(from ?? '')) / 86_400_000
    // Without a range, the real API gives the last month only; beyond 180 days it refuses one.
    if (!(days <= 180)) return { status: 400, body: { error: { message: 'Invalid Input' } } }
    return list(name, within(items, 'created_at', { from, to }))(request)
  }
  const named = (name: string) => list(name, [{ id: `${name}-1`, name: 'x' }])
  return rest({
    host: 'api.pagerduty.com',
    refuse: needsHeader('authorization', 'Token token=kit-secret-pagerduty'),
    routes: {
      'GET /incidents': created('incidents', data.incidents),
      'GET /log_entries': created('log_entries', [
        { id: 'l1', created_at: '2025-02-27T10:00:00Z' },
      ]),
      'GET /services': list(
        'services',
        Array.from({ length: 101 }, (_, index) => ({ id: `s${String(index)}`, name: 'x' })),
      ),
      'GET /teams': named('teams'),
      'GET /users': named('users'),
      'GET /schedules': named('schedules'),
      'GET /escalation_policies': named('escalation_policies'),
      'GET /priorities': () => ({ status: 402, body: { error: {} } }),
    },
  })
}
