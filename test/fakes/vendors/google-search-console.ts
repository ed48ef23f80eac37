import { notFound, type Vendor, type VendorAnswer, type VendorRequest } from './vendor-api.ts'

/** Clicks by day and page of https://example.com/. */
export type Clicks = Map<string, Map<string, number>>

/** Search Console with the token endpoint of Google: an access token lives for an hour. */
export function searchConsole(clicks: Clicks): Vendor {
  return (request) => {
    const { host, path, headers } = request
    if (host === 'oauth2.googleapis.com' && path === '/token') return token(request)
    if (host !== 'www.googleapis.com') return notFound
    if (headers.authorization !== 'Bearer access-1')
      return { status: 401, body: { error: { code: 401, message: 'Invalid Credentials' } } }
    const site = '/webmasters/v3/sites/https%3A%2F%2Fexample.com%2F'
    if (path === '/webmasters/v3/sites') return { body: { siteEntry: sites } }
    if (path === `${site}/sitemaps`) return { body: { sitemap: [sitemap] } }
    if (path === `${site}/searchAnalytics/query`) return performance(clicks, request)
    return { status: 403, body: { error: { code: 403, errors: [{ reason: 'forbidden' }] } } }
  }
}

const sites = [
  { siteUrl: 'https://example.com/', permissionLevel: 'siteOwner' },
  { siteUrl: 'https://other.example/', permissionLevel: 'siteUnverifiedUser' },
]
const sitemap = { path: 'https://example.com/sitemap.xml', isPending: false, warnings: '0' }

function token({ body }: VendorRequest): VendorAnswer {
  const form = new URLSearchParams(body)
  const isRight =
    form.get('grant_type') === 'refresh_token' &&
    form.get('client_secret') === 'kit-secret-client' &&
    form.get('refresh_token') === 'kit-secret-refresh'
  return isRight
    ? { body: { access_token: 'access-1', expires_in: 3599, token_type: 'Bearer' } }
    : { status: 400, body: { error: 'invalid_grant' } }
}

function performance(clicks: Clicks, { body }: VendorRequest): VendorAnswer {
  const asked = JSON.parse(body) as {
    startDate: string
    endDate: string
    dimensions: string[]
    type: string
    dataState: string
    rowLimit: number
    startRow: number
  }
  if (asked.type !== 'web' || asked.dataState !== 'final' || '$parameters' in asked)
    return { status: 400, body: { error: { code: 400, message: 'Invalid argument' } } }
  const days = [...clicks].filter(([day]) => day >= asked.startDate && day <= asked.endDate)
  const rows = days.flatMap(([day, byPage]) =>
    asked.dimensions.length === 1
      ? [
          row(
            [day],
            [...byPage.values()].reduce((sum, count) => sum + count, 0),
          ),
        ]
      : [...byPage].map(([page, count]) => row([day, page], count)),
  )
  const page = rows.slice(asked.startRow, asked.startRow + asked.rowLimit)
  // Without rows, the real response has no such key either.
  return { body: page.length === 0 ? {} : { rows: page } }
}

function row(keys: readonly string[], clicks: number) {
  return { keys, clicks, impressions: clicks * 10, ctr: 0.1, position: 3.5 }
}
