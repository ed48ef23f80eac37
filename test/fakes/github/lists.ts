import type { VendorAnswer, VendorRequest } from '../vendors/vendor-api.ts'
import { notFound, refusal } from './answers.ts'
import { listOf, textOf, type Item, type Repository } from './data.ts'

/** How a list of a repository behaves. */
interface ListRules {
  /** The list stands in a field beside `total_count`. */
  readonly wrapper?: string
  /** The time that `since` looks at. */
  readonly since?: (item: Item) => string
  readonly sorts?: readonly string[]
  readonly sort?: string
  /** Default order. */
  readonly direction?: 'asc' | 'desc'
  readonly hasState?: boolean
  /** GitHub refuses pages beyond this number of records. */
  readonly maxRecords?: number
  readonly needsIssues?: boolean
}

const comments: ListRules = {
  since: (item) => textOf(item.updated_at),
  sorts: ['created', 'updated'],
  direction: 'asc',
}
const rules: Readonly<Record<string, ListRules>> = {
  issues: {
    since: (item) => textOf(item.updated_at),
    sorts: ['created', 'updated'],
    sort: 'created',
    direction: 'desc',
    hasState: true,
    needsIssues: true,
  },
  pulls: { sorts: ['created', 'updated'], sort: 'created', direction: 'desc', hasState: true },
  'issues/comments': { ...comments, needsIssues: true },
  'pulls/comments': comments,
  'issues/events': { sort: 'created', direction: 'desc' },
  commits: { since: committedAt, sort: 'committed', direction: 'desc' },
  milestones: { hasState: true, needsIssues: true },
  stargazers: { maxRecords: 40_000 },
  'actions/runs': { wrapper: 'workflow_runs', sort: 'created', direction: 'desc' },
  'actions/workflows': { wrapper: 'workflows' },
  ...Object.fromEntries(
    ['branches', 'tags', 'comments', 'labels', 'releases', 'deployments', 'collaborators'].map(
      (name) => [name, {}],
    ),
  ),
}

/** A list of a repository; undefined if the path is none. */
export function listed(
  repository: Repository,
  path: string,
  request: VendorRequest,
): VendorAnswer | undefined {
  const items = listOf(repository, path)
  const part = partOf(repository, path, request)
  if (part !== undefined) return part
  const list = rules[path]
  if (list === undefined) return undefined
  if (list.needsIssues === true && !repository.hasIssues)
    return refusal(410, 'Issues are disabled for this repo')
  // As GitHub does: https://github.com/airbytehq/airbyte/pull/85376
  if (path === 'issues' && request.query.get('since') === '1970-01-01T00:00:00Z')
    return { body: [] }
  if (path === 'commits' && repository.isEmpty) return refusal(409, 'Git Repository is empty.')
  const shown = path === 'stargazers' ? stars(items, request) : items
  const maxRecords = /\/(?:comments|events)$/.test(path) ? repository.maxComments : Infinity
  const found = ordered(filtered(shown, list, request), list, request)
  return paged(found, request, { maxRecords, ...list })
}

/** A list that belongs to a record: undefined if the path is none. */
function partOf(
  repository: Repository,
  path: string,
  request: VendorRequest,
): VendorAnswer | undefined {
  const items = listOf(repository, path)
  if (/^pulls\/\d+\/(?:reviews|commits|files)$/.test(path)) return paged(items, request)
  if (path === 'branches' && items.length === 0) return paged(branchesOf(repository), request)
  const [, issue] = /^issues\/(\d+)\/comments$/.exec(path) ?? []
  if (issue !== undefined) return commentsOf(repository, issue, request)
  const [, workflow] = /^actions\/workflows\/([^/]+)\/runs$/.exec(path) ?? []
  if (workflow !== undefined) return runsOf(repository, workflow, request)
  const [, run] = /^actions\/runs\/(\d+)\/jobs$/.exec(path) ?? []
  if (run === undefined) return undefined
  const runs = listOf(repository, 'actions/runs')
  return runs.some(({ id }) => String(id) === run) ? jobs(items, request) : notFound
}

/** Those that were written, if a test gives no others. */
function branchesOf({ branches }: Repository): readonly Item[] {
  return [...branches].map(([name, sha]) => ({ name, commit: { sha }, protected: false }))
}

function commentsOf(repository: Repository, issue: string, request: VendorRequest): VendorAnswer {
  const all = [...listOf(repository, 'issues'), ...listOf(repository, 'pulls')]
  if (!all.some(({ number }) => String(number) === issue)) return notFound
  const comments = listOf(repository, 'issues/comments').filter((comment) =>
    textOf(comment.issue_url).endsWith(`/issues/${issue}`),
  )
  return paged(filtered(comments, rules['issues/comments'] ?? {}, request), request)
}

function runsOf(
  repository: Repository,
  name: string,
  request: VendorRequest,
): VendorAnswer | undefined {
  const workflow = listOf(repository, 'actions/workflows').find(
    ({ id, path }) => String(id) === name || textOf(path).endsWith(`/${name}`),
  )
  if (workflow === undefined) return notFound
  const runs = listOf(repository, 'actions/runs').filter((run) => run.workflow_id === workflow.id)
  const list = rules['actions/runs'] ?? {}
  return paged(ordered(filtered(runs, list, request), list, request), request, list)
}

function jobs(items: readonly Item[], request: VendorRequest): VendorAnswer {
  const latest = Math.max(...items.map(({ run_attempt: attempt }) => Number(attempt)))
  const all = request.query.get('filter') === 'all'
  const wanted = all ? items : items.filter((item) => item.run_attempt === latest)
  return paged(wanted, request, { wrapper: 'jobs' })
}

function stars(items: readonly Item[], { headers }: VendorRequest): readonly Item[] {
  if (String(headers.accept).includes('star+json')) return items
  return items.map(({ user }) => user as Item)
}

function filtered(
  items: readonly Item[],
  { since, hasState = false }: ListRules,
  { query }: VendorRequest,
): readonly Item[] {
  const from = query.get('since')
  const until = query.get('until')
  const state = query.get('state') ?? 'open'
  const wanted = runFilters.filter((name) => query.has(name))
  return items.filter(
    (item) =>
      (from === null || since === undefined || since(item) >= from) &&
      (until === null || since === undefined || since(item) <= until) &&
      (!hasState || state === 'all' || item.state === state) &&
      wanted.every((name) => isOfRun(item, name, query.get(name))),
  )
}

const runFilters = ['branch', 'event', 'status', 'head_sha'] as const

function isOfRun(run: Item, name: (typeof runFilters)[number], value: string | null): boolean {
  if (name === 'branch') return run.head_branch === value
  if (name === 'status') return [run.status, run.conclusion].includes(value)
  return run[name] === value
}

function ordered(
  items: readonly Item[],
  { sorts = [], sort, direction }: ListRules,
  { query }: VendorRequest,
): readonly Item[] {
  const asked = query.get('sort')
  const by = asked !== null && sorts.includes(asked) ? asked : sort
  if (by === undefined) return items
  const keyOf = (item: Item): string =>
    by === 'committed' ? committedAt(item) : textOf(item[`${by}_at`])
  const sign = (query.get('direction') ?? direction) === 'asc' ? 1 : -1
  return items.toSorted(
    (left, right) =>
      sign * (compare(keyOf(left), keyOf(right)) || Number(left.id ?? 0) - Number(right.id ?? 0)),
  )
}

function compare(left: string, right: string): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}

function committedAt({ commit }: Item): string {
  return textOf((commit as { committer: Item }).committer.date)
}

/** A page of a list with links to its neighbours. */
export function paged(
  items: readonly Item[],
  request: VendorRequest,
  { wrapper, maxRecords = Infinity }: ListRules = {},
): VendorAnswer {
  const { query } = request
  const size = Math.min(Number(query.get('per_page') ?? 30), 100)
  const page = Number(query.get('page') ?? 1)
  if (!Number.isInteger(page) || page < 1) return notFound
  if (page * size > maxRecords)
    return refusal(
      422,
      'In order to keep the API fast for everyone, pagination is limited for this resource.',
    )
  const part = items.slice((page - 1) * size, page * size)
  const link = linksOf(request, page, Math.ceil(items.length / size))
  return {
    headers: link === '' ? {} : { Link: link },
    body: wrapper === undefined ? part : { total_count: items.length, [wrapper]: part },
  }
}

function linksOf({ host, path, query }: VendorRequest, page: number, last: number): string {
  const scheme = host.startsWith('127.') ? 'http' : 'https'
  const to = (rel: string, number: number): string => {
    const params = new URLSearchParams([...query].filter(([name]) => name !== 'page'))
    params.set('page', String(number))
    return `<${scheme}://${host}${path}?${params.toString()}>; rel="${rel}"`
  }
  const before = page > 1 ? [to('prev', page - 1)] : []
  const after = page < last ? [to('next', page + 1), to('last', last)] : []
  const first = page > 1 ? [to('first', 1)] : []
  return [...before, ...after, ...first].join(', ')
}
