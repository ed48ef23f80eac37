import { basic, needsHeader, rest, shifted, within, type Item } from './rest.ts'
import type { Vendor, VendorRequest } from './vendor-api.ts'

export interface CloseData {
  readonly leads: Item[]
  readonly calls: Item[]
}

/** A Close organization: pages by _skip and _limit. */
export function close(data: CloseData): Vendor {
  const names = { offset: '_skip', limit: '_limit' }
  const list = (items: readonly Item[]) => (request: VendorRequest) => {
    const page = shifted(items, request, names)
    const skip = Number(request.query.get('_skip') ?? 0)
    return { body: { data: page, has_more: skip + page.length < items.length } }
  }
  const since = (items: readonly Item[], field: string) => (request: VendorRequest) => {
    const from = request.query.get(`${field}__gte`)
    if (from === null) return { status: 400, body: { error: 'a time is wanted here' } }
    return list(within(items, field, { from: utc(from) }))(request)
  }
  const single = (id: string) => list([{ id }])
  return rest({
    host: 'api.close.com',
    refuse: needsHeader('authorization', basic('kit-secret-close', '')),
    routes: {
      'GET /api/v1/lead/': (request) => {
        const [, from] =
          /^date_updated >= "([^"]+)" sort:date_updated$/.exec(request.query.get('query') ?? '') ??
          []
        return from === undefined
          ? { status: 400, body: {} }
          : list(within(data.leads, 'date_updated', { from: utc(from) }))(request)
      },
      'GET /api/v1/contact/': single('cont_1'),
      'GET /api/v1/opportunity/': since(updated('oppo_1'), 'date_updated'),
      'GET /api/v1/task/': since(updated('task_1'), 'date_updated'),
      'GET /api/v1/activity/call/': since(data.calls, 'date_created'),
      'GET /api/v1/activity/email/': since([], 'date_created'),
      'GET /api/v1/activity/note/': since([], 'date_created'),
      'GET /api/v1/activity/meeting/': since([], 'date_created'),
      'GET /api/v1/user/': single('user_1'),
      'GET /api/v1/status/lead/': single('stat_1'),
      'GET /api/v1/status/opportunity/': single('stat_2'),
      'GET /api/v1/pipeline/': single('pipe_1'),
    },
  })
}

function updated(id: string): readonly Item[] {
  return [{ id, date_updated: '2025-02-01T10:00:00.123000+00:00' }]
}

/** Times without a zone are UTC. */
function utc(time: string): string {
  return /(?:Z|[+-]\d\d:\d\d)$/.test(time) ? time : `${time}Z`
}
