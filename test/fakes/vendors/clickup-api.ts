import { needsHeader, numbered, rest, within, type Item } from './rest.ts'
import type { Vendor } from './vendor-api.ts'

export interface ClickupData {
  /** `date_updated` is a text of milliseconds. */
  readonly tasks: Item[]
}

/** A ClickUp workspace: tasks in numbered pages of 100, from 0 on. */
export function clickup(data: ClickupData): Vendor {
  return rest({
    host: 'api.clickup.com',
    refuse: needsHeader('authorization', 'kit-secret-clickup'),
    routes: {
      'GET /api/v2/team': () => ({ body: { teams: [{ id: '1', name: 'Acme' }] } }),
      'GET /api/v2/team/1/space': () => ({ body: { spaces: [{ id: '10' }, { id: '11' }] } }),
      'GET /api/v2/space/:id/folder': (_request, [id = '']) => ({
        body: { folders: [{ id: `f${id}`, name: 'x' }] },
      }),
      'GET /api/v2/space/:id/list': (_request, [id = '']) =>
        id === '11'
          ? { status: 403, body: { err: 'no access' } }
          : { body: { lists: [{ id: `l${id}`, name: 'x' }] } },
      'GET /api/v2/space/:id/tag': (_request, [id = '']) => ({
        body: { tags: [{ name: `tag-${id}` }] },
      }),
      'GET /api/v2/folder/:id/list': (_request, [id = '']) => ({
        body: { lists: [{ id: `list-${id}`, name: 'x' }] },
      }),
      'GET /api/v2/team/1/goal': () => ({ body: { goals: [{ id: 'g1', name: 'x' }] } }),
      'GET /api/v2/team/1/task': (request) => {
        const { query } = request
        const found = within(data.tasks, 'date_updated', {
          from: String(Number(query.get('date_updated_gt')) + 1),
        })
        const place = new URLSearchParams({
          page: String(Number(query.get('page') ?? 0) + 1),
          per_page: '100',
        })
        const tasks = numbered(found, { ...request, query: place })
        return { body: { tasks, last_page: tasks.length < 100 } }
      },
    },
  })
}
