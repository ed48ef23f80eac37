import { pageOf, type Vendor, type VendorAnswer } from './vendor-api.ts'

/**
 * A monday.com account with 101 workspaces and two boards. It responds to every query with status 200, as the
 * real one does.
 */
export const monday: Vendor = ({ method, path, headers, body }) => {
  if (method !== 'POST' || path !== '/v2') return { status: 404, body: {} }
  if (headers.authorization !== 'kit-secret-monday')
    return { status: 401, body: { errors: [{ message: 'Not Authenticated' }] } }
  const { query, variables } = JSON.parse(body) as { query: string; variables: Variables }
  if (typeof variables.limit !== 'number') return failed('Variable $limit was not provided')
  return query.includes('items_page') ? items(variables) : numberedPage(query, variables)
}

interface Variables {
  readonly limit?: number
  readonly page?: number
  readonly cursor?: string
  readonly board?: readonly string[]
}

function numberedPage(query: string, { limit = 0, page = 0 }: Variables): VendorAnswer {
  const [, root = ''] = /\{ ([a-z]+)\(limit: \$limit, page: \$page/.exec(query) ?? []
  const all = lists[root]
  if (all === undefined) return failed('Cannot query field')
  return { body: { data: { [root]: all.slice((page - 1) * limit, page * limit) } } }
}

/** The response of monday.com if the complexity budget of the minute is used up. */
export const complexityExhausted: VendorAnswer = {
  headers: { 'retry-after': '7' },
  body: {
    errors: [
      {
        message: 'Complexity budget exhausted',
        extensions: { code: 'COMPLEXITY_BUDGET_EXHAUSTED', retry_in_seconds: 7 },
      },
    ],
  },
}

const lists: Readonly<Record<string, readonly object[]>> = {
  workspaces: Array.from({ length: 101 }, (_, index) => ({
    id: String(index + 1),
    name: `Workspace ${String(index + 1)}`,
    kind: 'open',
  })),
  users: [{ id: '1', name: 'Ada', email: 'ada@example.com' }],
  boards: [
    { id: '10', name: 'Plans', items_count: 3, columns: [] },
    { id: '11', name: 'Empty', items_count: 0, columns: [] },
  ],
}

function items({ board, cursor }: Variables): VendorAnswer {
  const all = board?.[0] === '10' ? ['100', '101', '102'] : []
  const page = pageOf(all, cursor ?? null, 2)
  const found = page.items.map((id) => ({ id, name: `Item ${id}`, board: { id: '10' } }))
  return { body: { data: { boards: [{ items_page: { cursor: page.next, items: found } }] } } }
}

function failed(message: string): VendorAnswer {
  return { body: { errors: [{ message }] } }
}
