import { basic, hosts, rest, tokens, type Item } from './rest.ts'
import { pageOf, type Vendor, type VendorAnswer, type VendorRequest } from './vendor-api.ts'

/** Records of a base `app1` by table, each with the time of its last change, which Airtable does not give. */
export type AirtableData = Readonly<Record<string, { readonly id: string; changed: string }[]>>

/** Airtable with one base: two records a page; a formula finds what changed. */
export function airtable(data: AirtableData): Vendor {
  const api = rest({
    host: 'api.airtable.com',
    refuse: ({ headers }) =>
      ['Bearer kit-secret-airtable', 'Bearer access-1'].includes(headers.authorization ?? '')
        ? undefined
        : { status: 401, body: { error: { type: 'AUTHENTICATION_REQUIRED' } } },
    routes: {
      'GET /v0/meta/bases': (request) =>
        paged('bases', [{ id: 'app1', name: 'CRM', permissionLevel: 'read' }], request),
      'GET /v0/meta/bases/app1/tables': () => ({
        body: {
          tables: Object.keys(data).map((id) => ({
            id,
            name: `Table ${id}`,
            fields: [],
            views: [],
          })),
        },
      }),
      'GET /v0/app1/:table': (request, [table = '']) => {
        const formula = /^IS_AFTER\(LAST_MODIFIED_TIME\(\), '([^']+)'\)$/
        const [, since] = formula.exec(request.query.get('filterByFormula') ?? '') ?? []
        if (since === undefined)
          return { status: 422, body: { error: 'INVALID_FILTER_BY_FORMULA' } }
        const found = (data[table] ?? [])
          .filter(({ changed }) => Date.parse(changed) > Date.parse(since))
          .map(({ id }) => ({ id, createdTime: '2025-01-01T00:00:00.000Z', fields: { Name: id } }))
        return paged('records', found, request)
      },
    },
  })
  return hosts({ 'api.airtable.com': api, 'airtable.com': login() })
}

/** The token endpoint: the secret of the client is in a header, and a refresh token works once. */
function login(): Vendor {
  const grant = tokens('access-1', { refresh_token: 'next-refresh' })
  return rest({
    host: 'airtable.com',
    refuse: () => undefined,
    routes: {
      'POST /oauth2/v1/token': (request, parts) =>
        request.headers.authorization === basic('client', 'kit-secret')
          ? grant(request, parts)
          : { status: 401, body: { error: 'invalid_client' } },
    },
  })
}

function paged(name: string, items: readonly Item[], { query }: VendorRequest): VendorAnswer {
  const { items: page, next } = pageOf(items, query.get('offset'), 2)
  return { body: { [name]: page, ...(next !== null && { offset: next }) } }
}
