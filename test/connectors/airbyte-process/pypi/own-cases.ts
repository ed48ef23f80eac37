import { at2025, made, within, type Item } from '../../../fakes/vendors/rest.ts'
import type { Vendor } from '../../../fakes/vendors/vendor-api.ts'
import type { ConnectorCase } from './connector-case.ts'

const day = (number: number): string => at2025(1 + Math.floor(number / 28), 1 + (number % 28))

/** A GitLab of one's own with two projects: numbered pages. */
const gitlab: ConnectorCase = {
  name: 'gitlab',
  version: '4.3.7',
  isUnproved: true,
  streams: { projects: 'full_refresh', issues: 'incremental', branches: 'full_refresh' },
  open: () => {
    const issue = (number: number): Item => ({
      id: 100 + number,
      iid: number,
      project_id: 1 + (number % 2),
      title: `Issue ${String(number)}`,
      labels: ['a', 'b'],
      created_at: day(number),
      updated_at: day(number),
      author: { id: 7, username: 'ada' },
    })
    const issues = made(130, issue)
    const project = (id: number): Item => ({
      id,
      name: `Project ${String(id)}`,
      path_with_namespace: `acme/p${String(id)}`,
      last_activity_at: day(30),
      created_at: day(1),
    })
    const vendor: Vendor = ({ path, query }) => {
      const [, name = '', part] =
        /^\/api\/v4\/projects\/([^/]+)(?:\/([a-z_]+))?$/.exec(
          decodeURIComponent(path).replace('acme/p', ''),
        ) ?? []
      if (name === '') return { status: 404, body: { message: '404 Not Found' } }
      const id = Number(name)
      if (part === undefined) return { body: project(id) }
      const lists: Readonly<Record<string, readonly Item[]>> = {
        branches: made(3, (number) => ({ name: `b${String(number)}`, merged: false })),
        issues: within(
          issues.filter(({ project_id: own }) => own === id),
          'updated_at',
          { from: query.get('updated_after'), to: query.get('updated_before') },
        ),
      }
      const [page, size] = [Number(query.get('page') ?? 1), Number(query.get('per_page') ?? 20)]
      return { body: (lists[part] ?? []).slice((page - 1) * size, page * size) }
    }
    return {
      vendors: { 'git.example.com': vendor },
      config: {
        api_url: 'git.example.com',
        credentials: { auth_type: 'access_token', access_token: 'kit-secret-gitlab' },
        start_date: '2025-01-01T00:00:00Z',
        projects_list: ['acme/p1', 'acme/p2'],
      },
      change: () => {
        issues.push(issue(140), issue(141))
      },
    }
  },
}

/** It makes its records itself. */
const hardcodedRecords: ConnectorCase = {
  name: 'hardcoded-records',
  version: '0.0.48',
  streams: { products: 'full_refresh', customers: 'full_refresh', dummy_fields: 'full_refresh' },
  open: () => ({
    vendors: { 'nowhere.example.com': () => ({ status: 404, body: {} }) },
    config: { count: 20_000 },
    change: () => undefined,
  }),
}

export const ownCases: readonly ConnectorCase[] = [gitlab, hardcodedRecords]
