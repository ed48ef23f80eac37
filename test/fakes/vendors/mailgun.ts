import { basic, needsHeader, rest, shifted, within, type Item } from './rest.ts'
import type { Vendor, VendorAnswer, VendorRequest } from './vendor-api.ts'

/** Events of the domain `mg.acme.example`, with `timestamp` in seconds. */
export interface MailgunData {
  readonly events: Item[]
}

/** A Mailgun account: two records a page, and a next page even behind the last one, which is empty. */
export function mailgun(data: MailgunData): Vendor {
  const address = (email: string) => (request: VendorRequest) =>
    linked([{ address: email, created_at: 'Fri, 21 Oct 2025 11:02:55 UTC' }], request)
  return rest({
    host: 'api.mailgun.net',
    refuse: needsHeader('authorization', basic('api', 'kit-secret-mailgun')),
    routes: {
      'GET /v3/domains': (request) => ({
        body: {
          items: shifted([{ id: 'd1', name: 'mg.acme.example', state: 'active' }], request, {
            offset: 'skip',
            limit: 'limit',
          }),
        },
      }),
      'GET /v3/mg.acme.example/events': (request) => {
        const { query } = request
        if (query.get('ascending') !== 'yes') return { status: 400, body: {} }
        const range = { from: query.get('begin'), to: query.get('end') }
        return linked(within(data.events, 'timestamp', range), request)
      },
      'GET /v3/mg.acme.example/bounces': address('bounce@x.example'),
      'GET /v3/mg.acme.example/complaints': address('angry@x.example'),
      'GET /v3/mg.acme.example/unsubscribes': address('gone@x.example'),
    },
  })
}

function linked(items: readonly Item[], { path, query }: VendorRequest): VendorAnswer {
  const start = Number(query.get('from') ?? 0)
  const following = new URLSearchParams(query)
  following.set('from', String(start + 2))
  const next = `https://api.mailgun.net${path}?${following.toString()}`
  return { body: { items: items.slice(start, start + 2), paging: { next, first: next } } }
}
