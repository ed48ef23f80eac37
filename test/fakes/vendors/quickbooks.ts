import { basic, hosts, needsHeader, rest, tokens, within, type Item } from './rest.ts'
import type { Vendor, VendorAnswer, VendorRequest } from './vendor-api.ts'

/** The time of the last change by id, by the name of the entity. */
export type QuickbooksData = Readonly<Record<string, Map<string, string>>>

const queryPattern =
  /^select \* from (\w+) where Metadata\.LastUpdatedTime >= '([^']+)' and Metadata\.LastUpdatedTime <= '([^']+)' order by Metadata\.LastUpdatedTime startposition (\d+) maxresults (\d+)$/

/** A company of QuickBooks Online: queries, and the token endpoint of Intuit. */
export function quickbooks(data: QuickbooksData): Vendor {
  const grant = tokens('access-1', { refresh_token: 'next-refresh' })
  const login = rest({
    host: 'oauth.platform.intuit.com',
    refuse: needsHeader('authorization', basic('client', 'kit-secret')),
    routes: { 'POST /oauth2/v1/tokens/bearer': grant },
  })
  const api = rest({
    host: 'quickbooks.api.intuit.com',
    refuse: needsHeader('authorization', 'Bearer access-1'),
    routes: {
      'GET /v3/company/:realm/query': (request, [realm]) =>
        realm === '4711' ? queried(data, request) : { status: 403, body: { fault: {} } },
    },
  })
  return hosts({ 'quickbooks.api.intuit.com': api, 'oauth.platform.intuit.com': login })
}

function queried(data: QuickbooksData, { query }: VendorRequest): VendorAnswer {
  const parts = queryPattern.exec(query.get('query') ?? '')
  if (parts === null) return { status: 400, body: { Fault: { type: 'ValidationFault' } } }
  const [, entity = '', from, to, position, size] = parts
  const items: Item[] = [...(data[entity] ?? [])].map(([id, time]) => ({ id, time }))
  const start = Number(position) - 1
  const page = within(items, 'time', { from, to }).slice(start, start + Number(size))
  const shown = page.map(({ id, time }) => ({
    Id: id,
    MetaData: { CreateTime: time, LastUpdatedTime: time },
  }))
  // Without rows, the real response has no such key either.
  const rows = shown.length === 0 ? {} : { [entity]: shown }
  return { body: { QueryResponse: { ...rows, startPosition: start + 1 }, time: '' } }
}
