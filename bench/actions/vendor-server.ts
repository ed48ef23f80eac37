import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/**
 * Four vendors on loopback, in a process of its own so that its work is in nobody's figure: fast, so that
 * the caller is measured.
 * Argument: records of each list. Prints its port. Pages are made once, before the first request.
 */
const records = Number(process.argv[2] ?? '0')
const pageSize = 100

type Handler = (url: URL, body: string) => { readonly text: string; readonly link?: string }

const time = '2026-01-02T03:04:05.000Z'
const padding = 'lorem ipsum '.repeat(50).slice(0, 500)

function pagesOf<Item>(item: (id: number) => Item, page: (items: Item[], next: number) => unknown) {
  const pages: string[] = []
  for (let from = 0; from < records; from += pageSize) {
    const count = Math.min(pageSize, records - from)
    const items = Array.from({ length: count }, (_, index) => item(from + index))
    pages.push(JSON.stringify(page(items, from + pageSize)))
  }
  return pages
}

const customer = (id: number) => ({
  id: `cus_${String(id)}`,
  object: 'customer',
  address: { city: 'Zürich', country: 'CH', line1: 'Bahnhofstrasse 1', line2: null },
  balance: 0,
  created: 1_767_323_045,
  currency: 'chf',
  delinquent: false,
  description: padding,
  email: `customer-${String(id)}@example.com`,
  livemode: false,
  metadata: { order: String(id) },
  name: `Customer ${String(id)}`,
})
const customers = pagesOf(customer, (data, next) => ({
  object: 'list',
  data,
  has_more: next < records,
  url: '/v1/customers',
}))

const firstChangeMs = Date.parse('2026-01-02T03:04:05Z')
const issue = (id: number) => ({
  id,
  number: id + 1,
  node_id: `I_${String(id)}`,
  title: `Issue ${String(id)}`,
  body: padding,
  state: 'open',
  user: { login: 'octocat', id: 1, type: 'User' },
  labels: [{ id: 1, name: 'bug', color: 'd73a4a' }],
  comments: 0,
  created_at: '2026-01-02T03:04:05Z',
  updated_at: new Date(firstChangeMs + id * 1000).toISOString().replace('.000Z', 'Z'),
  closed_at: null,
})
const issues = Array.from({ length: records }, (_, id) => JSON.stringify(issue(id)))

/** Newest first. */
const message = (id: number) => ({
  type: 'message',
  user: 'U1',
  text: padding,
  ts: `${String(1_767_323_045 + records - id)}.000100`,
  team: 'T1',
  blocks: [{ type: 'rich_text', block_id: 'b', elements: [] }],
})
const messages = pagesOf(message, (items, next) => ({
  ok: true,
  messages: items,
  has_more: next < records,
  response_metadata: { next_cursor: next < records ? String(next) : '' },
}))
const channel = { id: 'C1', name: 'general', is_channel: true, is_member: true, is_archived: false }
const channels = { ok: true, channels: [channel], response_metadata: { next_cursor: '' } }

const node = (id: number) => ({
  id: `issue-${String(id)}`,
  identifier: `ENG-${String(id)}`,
  number: id,
  title: `Issue ${String(id)}`,
  description: padding,
  url: `https://linear.app/acme/issue/ENG-${String(id)}`,
  priority: 2,
  sortOrder: 1.5,
  createdAt: time,
  updatedAt: time,
  archivedAt: null,
  labelIds: [],
  previousIdentifiers: [],
  reactionData: {},
  reactions: [],
  sharedAccess: {
    isShared: false,
    sharedWithCount: 0,
    sharedWithUsers: [],
    disallowedIssueFields: [],
  },
  team: { id: 'team-1', key: 'ENG' },
  state: { id: 'state-1', name: 'Todo', type: 'unstarted' },
})
const nodes = pagesOf(node, (items, next) => ({
  data: {
    issues: { nodes: items, pageInfo: { hasNextPage: next < records, endCursor: String(next) } },
  },
}))

const created = JSON.stringify(customer(0))
const repository = JSON.stringify({ id: 1, name: 'shop', full_name: 'acme/shop', owner: { id: 1 } })

/** The page that begins at a record. */
const pageAt = (pages: readonly string[], from: number): string => pages[from / pageSize] ?? '{}'

const handlers: Readonly<Record<string, Handler>> = {
  'POST /v1/customers': () => ({ text: created }),
  'GET /v1/customers': (url) => {
    const after = url.searchParams.get('starting_after')
    return { text: pageAt(customers, after === null ? 0 : Number(after.slice(4)) + 1) }
  },
  'GET /v1/events': () => ({ text: '{"object":"list","data":[],"has_more":false}' }),
  'GET /users/acme': () => ({ text: JSON.stringify({ id: 1, login: 'acme', type: 'User' }) }),
  'GET /repos/acme/shop': () => ({ text: repository }),
  'GET /repos/acme/shop/issues': (url) => {
    const page = Number(url.searchParams.get('page') ?? '1')
    const size = Number(url.searchParams.get('per_page') ?? '30')
    const since = Date.parse(url.searchParams.get('since') ?? '') || 0
    const first = Math.max(0, (since - firstChangeMs) / 1000) + (page - 1) * size
    const text = `[${issues.slice(first, first + size).join(',')}]`
    const next = new URL(url)
    next.searchParams.set('page', String(page + 1))
    return first + size < records ? { text, link: `<${next.href}>; rel="next"` } : { text }
  },
  'GET /conversations.list': () => ({ text: JSON.stringify(channels) }),
  'GET /conversations.history': (url) => ({ text: slackPage(url.search) }),
  'POST /conversations.history': (_url, body) => ({ text: slackPage(body) }),
  'POST /graphql': (_url, body) => {
    const { variables } = JSON.parse(body) as { variables: { after?: string | null } }
    return { text: pageAt(nodes, Number(variables.after ?? '0')) }
  },
}

function slackPage(query: string): string {
  return pageAt(messages, Number(new URLSearchParams(query).get('cursor') ?? '0'))
}

function respond(request: IncomingMessage, response: ServerResponse, body: string): void {
  const url = new URL(request.url ?? '/', `http://${request.headers.host ?? ''}`)
  const handler = handlers[`${request.method ?? ''} ${url.pathname}`]
  if (handler === undefined) {
    response.statusCode = 404
    response.end(`no ${request.method ?? ''} ${url.pathname}`)
    return
  }
  const { text, link } = handler(url, body)
  response.setHeader('content-type', 'application/json')
  response.setHeader('request-id', 'req_1')
  if (link !== undefined) response.setHeader('link', link)
  response.end(text)
}

const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8').on('data', (text: string) => (body += text))
  request.on('end', () => {
    respond(request, response, body)
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
process.stdout.write(`${String(typeof address === 'object' ? address?.port : address)}\n`)
