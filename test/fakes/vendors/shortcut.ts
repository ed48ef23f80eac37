import { needsHeader, rest, within, type Item } from './rest.ts'
import type { Vendor } from './vendor-api.ts'

export interface ShortcutData {
  readonly stories: Item[]
}

/** A Shortcut workspace: whole lists, and a search of stories. */
export function shortcut(data: ShortcutData): Vendor {
  const list = (id: string | number) => () => ({ body: [{ id, name: 'x' }] })
  return rest({
    host: 'api.app.shortcut.com',
    refuse: needsHeader('shortcut-token', 'kit-secret-shortcut'),
    routes: {
      'GET /api/v3/members': list('m1'),
      'GET /api/v3/epics': list(1),
      'GET /api/v3/iterations': list(2),
      'GET /api/v3/projects': list(3),
      'GET /api/v3/groups': list('g1'),
      'GET /api/v3/labels': list(4),
      'GET /api/v3/categories': list(5),
      'GET /api/v3/workflows': list(6),
      'POST /api/v3/stories/search': ({ body }) => {
        const { updated_at_start: from, updated_at_end: to } = JSON.parse(body) as Record<
          string,
          string
        >
        return { status: 201, body: within(data.stories, 'updated_at', { from, to }) }
      },
    },
  })
}
