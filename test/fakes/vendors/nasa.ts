import { notFound, type Vendor, type VendorAnswer, type VendorRequest } from './vendor-api.ts'

/** NASA's APIs, with something on each day up to `today`. A day that has not begun is refused. */
export function nasa(clock: { today: string }): Vendor {
  return (request) => {
    const { host, path, query } = request
    if (host !== 'api.nasa.gov') return notFound
    if (query.get('api_key') !== 'kit-secret-nasa')
      return { status: 403, body: { error: { code: 'API_KEY_INVALID' } } }
    switch (path) {
      case '/planetary/apod':
        return windowed(request, clock.today, { from: 'start_date', to: 'end_date', most: 1000 })
      case '/neo/rest/v1/feed':
        return feed(request, clock.today)
      case '/neo/rest/v1/neo/browse':
        return browse(query)
      case '/DONKI/notifications':
        return notifications(request, clock.today)
      default:
        return notFound
    }
  }
}

interface Window {
  readonly from: string
  readonly to: string
  /** Days. */
  readonly most: number
}

function windowed({ query }: VendorRequest, today: string, window: Window): VendorAnswer {
  const from = query.get(window.from) ?? ''
  const to = query.get(window.to) ?? ''
  const days = daysBetween(from, to)
  if (to > today || days.length === 0 || days.length > window.most)
    return {
      status: 400,
      body: { code: 400, msg: `Date must be between Jun 16, 1995 and ${today}.` },
    }
  return { body: days.map((date) => ({ date, title: `Picture of ${date}`, media_type: 'image' })) }
}

function feed(request: VendorRequest, today: string): VendorAnswer {
  const answer = windowed(request, today, { from: 'start_date', to: 'end_date', most: 8 })
  if (answer.status !== undefined) return answer
  const { query } = request
  const days = daysBetween(query.get('start_date') ?? '', query.get('end_date') ?? '')
  const objects = days.map((day) => {
    const approach = { close_approach_date: day, miss_distance: { kilometers: '1.5' } }
    return [day, [{ id: `n-${day}`, name: day, close_approach_data: [approach] }]] as const
  })
  return { body: { element_count: days.length, near_earth_objects: Object.fromEntries(objects) } }
}

function browse(query: URLSearchParams): VendorAnswer {
  const size = Number(query.get('size'))
  const page = Number(query.get('page'))
  const all = Array.from({ length: 21 }, (_, index) => ({ id: String(index), name: 'a' }))
  return { body: { near_earth_objects: all.slice(page * size, (page + 1) * size), page: {} } }
}

function notifications(request: VendorRequest, today: string): VendorAnswer {
  const answer = windowed(request, today, { from: 'startDate', to: 'endDate', most: 31 })
  if (answer.status !== undefined) return answer
  const { query } = request
  const days = daysBetween(query.get('startDate') ?? '', query.get('endDate') ?? '')
  return {
    body: days.map((day) => ({
      messageID: `m-${day}`,
      messageType: 'CME',
      messageIssueTime: `${day}T12:30Z`,
      messageBody: 'text',
    })),
  }
}

function daysBetween(from: string, to: string): readonly string[] {
  const days: string[] = []
  for (let timeMs = Date.parse(from); timeMs <= Date.parse(to); timeMs += 86_400_000)
    days.push(new Date(timeMs).toISOString().slice(0, 10))
  return days
}
