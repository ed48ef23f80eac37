import { needsHeader, rest, shifted, within, type Item } from './rest.ts'
import { pageOf, type Vendor, type VendorAnswer, type VendorRequest } from './vendor-api.ts'

export interface SendgridData {
  /** Bounced addresses, with `created` in seconds. */
  readonly bounces: Item[]
  /** Days with statistics. */
  readonly days: string[]
}

/** A SendGrid account: suppressions by offset, marketing by the URL of the next page, two records each. */
export function sendgrid(data: SendgridData): Vendor {
  const created = (items: readonly Item[]) => (request: VendorRequest) => ({
    body: shifted(
      within(items, 'created', {
        from: request.query.get('start_time'),
        to: request.query.get('end_time'),
      }),
      request,
    ),
  })
  const single = (email: string) => created([{ created: 1_736_500_000, email }])
  const named = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ id: `m${String(index)}`, name: 'x' }))
  return rest({
    host: 'api.sendgrid.com',
    refuse: needsHeader('authorization', 'Bearer kit-secret-sendgrid'),
    routes: {
      'GET /v3/suppression/bounces': created(data.bounces),
      'GET /v3/suppression/blocks': single('block@x.example'),
      'GET /v3/suppression/invalid_emails': single('invalid@x.example'),
      'GET /v3/suppression/spam_reports': single('spam@x.example'),
      'GET /v3/suppression/unsubscribes': single('gone@x.example'),
      'GET /v3/asm/groups': () => ({ body: [{ id: 1, name: 'News' }] }),
      'GET /v3/templates': (request) =>
        request.query.get('generations') === 'legacy,dynamic'
          ? linked(named(3), request)
          : { status: 400, body: {} },
      'GET /v3/marketing/lists': (request) => linked(named(1), request),
      'GET /v3/marketing/segments/2.0': () => ({ body: { segments: [{ id: 's', name: 'x' }] } }),
      'GET /v3/marketing/singlesends': (request) => linked(named(2), request),
      'GET /v3/stats': ({ query }) => ({
        body: data.days
          .filter(
            (day) =>
              day >= (query.get('start_date') ?? '') && day <= (query.get('end_date') ?? '9'),
          )
          .map((date) => ({ date, stats: [{ metrics: { delivered: 1 } }] })),
      }),
    },
  })
}

function linked(items: readonly Item[], { path, query }: VendorRequest): VendorAnswer {
  const { items: result, next } = pageOf(items, query.get('page_token'), 2)
  const following = new URLSearchParams(query)
  following.set('page_token', next ?? '')
  const url = `https://api.sendgrid.com${path}?${following.toString()}`
  return {
    body: { result, _metadata: { self: '', ...(next !== null && { next: url }), count: 1 } },
  }
}
