import { refusal } from '../../fakes/github/answers.ts'
import {
  fullName,
  listOf,
  timeAt,
  userOf,
  type Item,
  type Repository,
} from '../../fakes/github/data.ts'
import { GithubSimulator } from '../../fakes/github/simulator.ts'
import type { GateRequest } from '../../fakes/fault-gate.ts'
import { VendorApi } from '../../fakes/vendors/vendor-api.ts'
import type { StreamSubject } from '../stream-subject.ts'
import type { LiveList, StreamWorld } from '../stream-world.ts'
import { fillOrganization } from './contract-subject.ts'
import { commit, fill } from './loopback.ts'

const limitedBody = refusal(403, 'API rate limit exceeded for user ID 1.').body
const secondaryBody = refusal(403, 'You have exceeded a secondary rate limit.').body

export const githubStreams: StreamSubject = {
  openSmall: () =>
    open((github) => {
      fillOrganization(github, 2, ['acme/shop', 'acme/site'])
      return undefined
    }),
  openPaged: (stream) => open((github) => fillPages(github, stream)),
  repeating: [
    'commits',
    'issues',
    'issue_comments',
    'issue_events',
    'pull_requests',
    'pull_request_details',
    'reviews',
    'review_comments',
    'workflow_runs',
    'workflow_jobs',
  ],
  credentials: { wrong: { access_token: 'ghp_wrong' }, fix: /Personal access tokens/ },
  denials: [
    {
      title: 'the permission to read deployments',
      refuses: ({ url }) => url.includes('/deployments'),
      answer: {
        status: 403,
        headers: { 'x-accepted-github-permissions': 'deployments=read' },
        body: refusal(403, 'Resource not accessible by personal access token').body,
      },
      streams: ['deployments'],
      fix: /deployments=read.*Give the token or the App the permission/,
    },
  ],
  limits: {
    'the primary limit': {
      status: 403,
      headers: {
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': String(Date.parse('2025-03-01T00:20:00Z') / 1000),
      },
      body: limitedBody,
    },
    'a secondary limit': { status: 403, body: secondaryBody },
    'a secondary limit with Retry-After': {
      status: 403,
      headers: { 'retry-after': '30' },
      body: secondaryBody,
    },
  },
}

interface Clock {
  nowMs: number
}

async function open(
  fillWith: (github: GithubSimulator) => Repository | undefined,
): Promise<StreamWorld> {
  const github = new GithubSimulator()
  const paged = fillWith(github)
  const clock: Clock = { nowMs: Date.parse('2025-03-01T00:00:00Z') }
  // Requests are no matter here: the limit has tests of its own.
  github.meanwhile = () => {
    github.remaining = 5000
  }
  const api = await VendorApi.start(github.handle)
  return {
    url: `http://127.0.0.1:${String(api.port)}`,
    now: () => clock.nowMs,
    pass: (seconds) => {
      clock.nowMs += seconds * 1000
    },
    secondsOfRequest: 700,
    configOf: (url) => ({ repositories: ['acme/*'], access_token: 'ghp_ada', api_url: url }),
    lists: paged === undefined ? {} : listsOf(github, { repository: paged, clock }),
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  }
}

const count = 230

function fillPages(github: GithubSimulator, stream: string): Repository {
  const repository = github.addRepository('acme/shop')
  const { owner } = repository
  const { path } = lists[stream] ?? {}
  if (path !== undefined) fill(repository, path, count, (n) => made(path, n))
  for (let n = 1; n <= count; n += 1) {
    const time = new Date(Date.UTC(2025, 0, 2) + n * 1000).toISOString().replace('.000', '')
    listOf(repository, 'commits').push(commit(String(n).padStart(40, '0'), time))
    listOf(repository, 'stargazers').push({ starred_at: time, user: { ...userOf('ada'), id: n } })
    owner.members.push({ id: n, login: `user${String(n)}` })
    if (stream !== 'team_members') owner.teams.push({ id: n, slug: `team${String(n)}` })
    if (stream === 'repositories') github.addRepository(`acme/part${String(n)}`)
  }
  fillParts(repository, stream)
  return repository
}

/** The lists below a parent: each in one parent. */
function fillParts(repository: Repository, stream: string): void {
  const { owner } = repository
  if (stream === 'team_members') {
    owner.teams.push({ id: 1, slug: 'team1' })
    owner.teamMembers.set('team1', [...owner.members])
  }
  for (const [name, { parents, part, time }] of Object.entries(parts)) {
    // Without a stream the world only says which lists there are.
    if (name !== stream && stream !== '') continue
    fill(repository, parents, 1)
    const [parent = {}] = listOf(repository, parents)
    fill(repository, part(parent), count, (n) => ({ [time]: timeAt(n), run_id: parent.id ?? null }))
  }
}

interface PartList {
  /** The list of the parents, of which there is one. */
  readonly parents: string
  readonly part: (parent: Item) => string
  /** The field with the time of a part. */
  readonly time: string
}

const parts: Readonly<Record<string, PartList>> = {
  reviews: {
    parents: 'pulls',
    part: ({ number }) => `pulls/${String(number)}/reviews`,
    time: 'submitted_at',
  },
  workflow_jobs: {
    parents: 'actions/runs',
    part: ({ id }) => `actions/runs/${String(id)}/jobs`,
    time: 'started_at',
  },
}

function made(path: string, n: number): Item {
  if (path === 'branches' || path === 'tags') return { name: `ref${String(n)}` }
  // Records of one second, as a script leaves them, are paged by number.
  const time = timeAt(Math.max(n, 150))
  return { created_at: time, updated_at: time }
}

interface RepositoryList {
  readonly path: string
  /** The fields of a record that are its key, beside the id of the repository. */
  readonly key?: readonly [string]
  /** A change moves the record to the place of its new time. */
  readonly isByChange?: true
  readonly cannot?: 'be changed'
}

const byChange = { isByChange: true } as const

/** The lists of a repository, by their stream. */
const lists: Readonly<Record<string, RepositoryList>> = {
  branches: { path: 'branches', key: ['name'] },
  tags: { path: 'tags', key: ['name'] },
  commit_comments: { path: 'comments' },
  labels: { path: 'labels' },
  milestones: { path: 'milestones' },
  releases: { path: 'releases' },
  deployments: { path: 'deployments' },
  workflows: { path: 'actions/workflows' },
  collaborators: { path: 'collaborators', key: ['id'] },
  issues: { path: 'issues', ...byChange },
  issue_comments: { path: 'issues/comments', ...byChange },
  issue_events: { path: 'issues/events', ...byChange, cannot: 'be changed' },
  review_comments: { path: 'pulls/comments', ...byChange },
  pull_requests: { path: 'pulls', ...byChange },
  workflow_runs: { path: 'actions/runs', ...byChange },
}

/** Paged with the newest first, as GitHub does. */
const newestFirst = new Set(['pull_requests', 'workflow_runs', 'issue_events'])

function listsOf(
  github: GithubSimulator,
  { repository, clock }: { readonly repository: Repository; readonly clock: Clock },
): Readonly<Record<string, LiveList>> {
  const now = () => new Date(clock.nowMs).toISOString().replace('.000', '')
  const found = Object.entries(lists).map(([name, list]): [string, LiveList] => {
    const items = listOf(repository, list.path)
    const prefix = list.key === undefined ? [] : [repository.id]
    const field = list.key?.[0] ?? 'id'
    const live = liveItems(items, {
      keyOf: (item) => [...prefix, item[field]],
      make: () => {
        const id = github.nextId() + 1_000_000_000
        const time = now()
        const item = { id, number: id, name: `ref${String(id)}`, state: 'open' }
        return { ...item, user: userOf('ada'), created_at: time, updated_at: time }
      },
      touched: (mark) => ({
        title: mark,
        body: mark,
        node_id: mark,
        ...(list.isByChange === true && { updated_at: now() }),
      }),
      // If records have a time, that decides about their place.
      isAtFront: list.isByChange !== true,
    })
    const keys = newestFirst.has(name) ? () => live.keys().toReversed() : live.keys
    const path = `/repos/${fullName(repository)}/${list.path}?`
    const { touch, ...unchanging } = live
    const able = list.cannot === undefined && touch !== undefined ? { touch } : {}
    return [name, { ...unchanging, ...able, keys, pages: ({ url }) => url.startsWith(path) }]
  })
  return {
    ...Object.fromEntries(found),
    ...partLists(repository, now),
    ...otherLists(github, repository),
  }
}

/** A change in a part also changes its parent. */
function partLists(repository: Repository, now: () => string): Readonly<Record<string, LiveList>> {
  return Object.fromEntries(
    Object.entries(parts).flatMap(([name, { parents, part, time }]) => {
      const [parent] = listOf(repository, parents)
      if (parent === undefined) return []
      const change = (item: Item): Item => {
        parent.updated_at = now()
        return { ...item, [time]: now() }
      }
      let last = 5_000_000_000
      const live = liveItems(listOf(repository, part(parent)), {
        keyOf: ({ id }) => [id],
        make: () => {
          last += 1
          return change({ id: last, run_id: parent.id ?? null })
        },
        touched: (mark) => change({ node_id: mark }),
        isAtFront: false,
      })
      const path = `/repos/${fullName(repository)}/${part(parent)}?`
      return [[name, { ...live, pages: ({ url }: GateRequest) => url.startsWith(path) }]]
    }),
  )
}

function otherLists(
  github: GithubSimulator,
  repository: Repository,
): Readonly<Record<string, LiveList>> {
  const { owner } = repository
  const named = (): Item => {
    const id = github.nextId() + 1_000_000_000
    return { id, login: `user${String(id)}`, slug: `team${String(id)}` }
  }
  const ofOrganization = (path: string, items: Item[], keyOf: (item: Item) => unknown[]) => ({
    ...liveItems(items, {
      keyOf,
      make: named,
      touched: (mark) => ({ node_id: mark }),
      isAtFront: true,
    }),
    pages: ({ url }: { readonly url: string }) => url.startsWith(`/orgs/acme/${path}?`),
  })
  const stars = liveItems(listOf(repository, 'stargazers'), {
    keyOf: ({ user }) => [repository.id, (user as Item).id],
    make: () => ({ starred_at: '2025-03-01T00:00:00Z', user: named() }),
    touched: () => ({}),
    isAtFront: false,
  })
  return {
    members: ofOrganization('members', owner.members, ({ id }) => ['acme', id]),
    teams: ofOrganization('teams', owner.teams, ({ id }) => [id]),
    team_members: ofOrganization(
      'teams/team1/members',
      owner.teamMembers.get('team1') ?? [],
      ({ id }) => [1, id],
    ),
    stargazers: {
      pages: ({ url }) => url.startsWith(`/repos/${fullName(repository)}/stargazers?`),
      keys: stars.keys,
      ...(stars.insert !== undefined && { insert: stars.insert }),
      ...(stars.remove !== undefined && { remove: stars.remove }),
    },
    repositories: repositoryList(github),
  }
}

function repositoryList(github: GithubSimulator): LiveList {
  const { repositories } = github
  return {
    pages: ({ url }) => url.startsWith('/orgs/acme/repos?'),
    keys: () => repositories.map(({ id }) => JSON.stringify([id])),
    insert: () => {
      const { id } = github.addRepository(`acme/new${String(github.nextId())}`)
      const last = repositories.pop()
      if (last !== undefined) repositories.unshift(last)
      return JSON.stringify([id])
    },
    remove: (key) => {
      repositories.splice(
        repositories.findIndex(({ id }) => JSON.stringify([id]) === key),
        1,
      )
    },
  }
}

function liveItems(
  items: Item[],
  {
    keyOf,
    make,
    touched,
    isAtFront,
  }: {
    readonly keyOf: (item: Item) => readonly unknown[]
    readonly make: () => Item
    readonly touched: (mark: string) => Item
    readonly isAtFront: boolean
  },
): Omit<LiveList, 'pages'> {
  const textOf = (item: Item): string => JSON.stringify(keyOf(item))
  const placeOf = (key: string): number => items.findIndex((item) => textOf(item) === key)
  return {
    keys: () => items.map(textOf),
    insert: () => {
      const item = make()
      if (isAtFront) items.unshift(item)
      else items.push(item)
      return textOf(item)
    },
    remove: (key) => {
      items.splice(placeOf(key), 1)
    },
    touch: (key, mark) => {
      Object.assign(items[placeOf(key)] ?? {}, touched(mark))
    },
  }
}
