import { basic, needsHeader, rest, within, type Item } from './rest.ts'
import { pageOf, type Vendor, type VendorAnswer, type VendorRequest } from './vendor-api.ts'

export interface ConfluenceData {
  /** Pages and blog posts, with the time of their version. */
  readonly contents: { readonly id: string; readonly type: string; when: string }[]
}

/** A Confluence site: searches in CQL, two results a page, and the path of the next page. */
export function confluence(data: ConfluenceData): Vendor {
  const named = (id: string) => [{ id, name: id }]
  return rest({
    host: 'acme.atlassian.net',
    refuse: needsHeader('authorization', basic('ada@acme.example', 'kit-secret-confluence')),
    routes: {
      'GET /wiki/api/v2/spaces': (request) =>
        linked([...named('1'), ...named('2'), ...named('3')], request, ''),
      'GET /wiki/api/v2/footer-comments': (request) => linked(named('c1'), request, ''),
      'GET /wiki/rest/api/group': (request) => linked(named('g1'), request, '/wiki'),
      'GET /wiki/rest/api/content/search': (request) => searched(data, request),
    },
  })
}

const cqlPattern =
  /^type=(\w+) and lastmodified >= "(\d{4}-\d\d-\d\d \d\d:\d\d)" order by lastmodified asc$/

function searched({ contents }: ConfluenceData, request: VendorRequest): VendorAnswer {
  const [, type, since = ''] = cqlPattern.exec(request.query.get('cql') ?? '') ?? []
  if (type === undefined) return { status: 400, body: { message: 'Could not parse cql' } }
  const found = within(
    contents.filter((content) => content.type === type),
    'when',
    { from: `${since.replace(' ', 'T')}:00Z` },
  )
  const results = found.map(({ id, when }) => ({ id, type, version: { number: 1, when } }))
  return linked(results, request, '/wiki')
}

/** The path of the next page begins below the context in the first API, and at the host in the second. */
function linked(items: readonly Item[], request: VendorRequest, context: string): VendorAnswer {
  const { query, path } = request
  const { items: results, next } = pageOf(items, query.get('cursor'), 2)
  const following = new URLSearchParams(query)
  following.set('cursor', next ?? '')
  const url = `${path.slice(context.length)}?${following.toString()}`
  return { body: { results, _links: next === null ? {} : { next: url } } }
}
