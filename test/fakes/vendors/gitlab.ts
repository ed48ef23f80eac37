import {
  notFound,
  pageOf,
  type Vendor,
  type VendorAnswer,
  type VendorRequest,
} from './vendor-api.ts'

export interface GitlabProject {
  readonly id: number
  last_activity_at: string
  /** `updated_at` by id. */
  readonly issues: Map<number, string>
}

/** A GitLab of one's own. One record a page, the next in the Link header; pipelines are switched off. */
export function gitlab(projects: readonly GitlabProject[]): Vendor {
  return (request) => {
    const { headers, host, path, query } = request
    if (headers['private-token'] !== 'kit-secret-gitlab')
      return { status: 401, body: { message: '401 Unauthorized' } }
    if (host !== 'git.example.com') return notFound
    // The link to the next page says everything: nothing may stand beside it.
    if (query.has('cursor') && query.size > 1) return { status: 400, body: {} }
    return path === '/api/v4/projects'
      ? listed(request, activeProjects(projects, query))
      : partOfProject(projects, request)
  }
}

function activeProjects(projects: readonly GitlabProject[], query: URLSearchParams) {
  const after = query.get('last_activity_after') ?? ''
  return projects
    .filter((each) => each.last_activity_at > after)
    .map(({ id, last_activity_at }) => ({ id, name: `p${String(id)}`, last_activity_at }))
}

function partOfProject(projects: readonly GitlabProject[], request: VendorRequest): VendorAnswer {
  const [, id, part = ''] = /^\/api\/v4\/projects\/(\d+)\/([a-z_]+)$/.exec(request.path) ?? []
  const project = projects.find((each) => String(each.id) === id)
  if (part === 'pipelines') return { status: 403, body: { message: '403 Forbidden' } }
  if (project === undefined || !['issues', 'merge_requests'].includes(part)) return notFound
  const after = request.query.get('updated_after') ?? ''
  const issues = [...project.issues]
    .filter(([, time]) => time > after)
    .map(([issue, time]) => ({ id: issue, iid: issue, project_id: project.id, updated_at: time }))
  return listed(request, issues)
}

/** Since when and from where on: the cursor of a link. */
function listed(request: VendorRequest, all: readonly object[]): VendorAnswer {
  const { path, query } = request
  const key = `${path}?${query.get('cursor') ?? ''}`
  const rest = query.has('cursor') ? (kept.get(key) ?? []) : all
  const { items, next } = pageOf(rest, null, 1)
  const headers = { 'ratelimit-remaining': '1999', 'ratelimit-reset': '1740787260' }
  if (next === null) return { headers, body: items }
  const cursor = String(kept.size + 1)
  kept.set(`${path}?${cursor}`, rest.slice(1))
  const link = `<https://git.example.com${path}?cursor=${cursor}>; rel="next", <https://git.example.com${path}>; rel="first"`
  return { headers: { ...headers, link }, body: items }
}

/** The rest of a list, by the link to it. */
const kept = new Map<string, readonly object[]>()
