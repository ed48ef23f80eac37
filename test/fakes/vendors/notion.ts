import { notFound, pageOf, type Vendor, type VendorRequest } from './vendor-api.ts'

export interface NotionPage {
  readonly object: 'page' | 'data_source'
  readonly id: string
  readonly last_edited_time: string
}

/** A Notion workspace. It gives two results at a time, as the real one may give fewer than were asked for. */
export function notion(pages: readonly NotionPage[]): Vendor {
  return (request) => {
    const { headers, method, path, query } = request
    if (headers.authorization !== 'Bearer kit-secret-notion')
      return { status: 401, body: { code: 'unauthorized', message: 'API token is invalid.' } }
    if (headers['notion-version'] === undefined)
      return { status: 400, body: { code: 'missing_version' } }
    const [, blocksOf] = /^\/v1\/blocks\/(.+)\/children$/.exec(path) ?? []
    if (path === '/v1/users') return list(users, query.get('start_cursor'))
    if (path === '/v1/search' && method === 'POST') return search(pages, request)
    if (path === '/v1/comments')
      return list([comment(query.get('block_id') ?? '')], query.get('start_cursor'))
    const page = pages.find(({ id }) => id === blocksOf)
    if (page === undefined) return notFound
    return list(blocks(page), query.get('start_cursor'))
  }
}

const users = ['ada', 'bob', 'cyd'].map((id) => ({ object: 'user', id, type: 'person', name: id }))

function search(pages: readonly NotionPage[], { body }: VendorRequest) {
  const {
    filter,
    sort,
    start_cursor: start,
  } = JSON.parse(body) as {
    filter: { value: string }
    sort: { direction: string; timestamp: string }
    start_cursor?: string
  }
  if (sort.timestamp !== 'last_edited_time') return { status: 400, body: {} }
  const found = pages
    .filter(({ object }) => object === filter.value)
    .toSorted((a, b) => b.last_edited_time.localeCompare(a.last_edited_time))
  return list(sort.direction === 'descending' ? found : found.reverse(), start ?? null)
}

function list(items: readonly object[], start: string | null) {
  const page = pageOf(items, start, 2)
  const body = { object: 'list', results: page.items, next_cursor: page.next }
  return { body: { ...body, has_more: page.next !== null } }
}

function blocks({ id, last_edited_time }: NotionPage) {
  return [1, 2, 3].map((number) => ({
    object: 'block',
    id: `${id}-block-${String(number)}`,
    type: 'paragraph',
    last_edited_time,
    paragraph: { rich_text: [] },
  }))
}

function comment(page: string) {
  return { object: 'comment', id: `${page}-comment`, discussion_id: 'd', rich_text: [] }
}
