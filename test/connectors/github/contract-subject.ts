import { listOf, timeAt, userOf } from '../../fakes/github/data.ts'
import { GithubSimulator } from '../../fakes/github/simulator.ts'
import { VendorApi } from '../../fakes/vendors/vendor-api.ts'
import type { ContractSubject } from '../connector-contract.ts'
import { commit, fill } from './loopback.ts'

/** The fields that the records of each list have beside their id. */
const lists: Readonly<Record<string, readonly string[]>> = {
  issues: ['number', 'state', 'user', 'created_at', 'updated_at'],
  'issues/comments': ['user', 'created_at', 'updated_at'],
  'issues/events': ['created_at'],
  pulls: ['number', 'state', 'user', 'created_at', 'updated_at'],
  'pulls/comments': ['user', 'created_at', 'updated_at'],
  comments: ['user', 'created_at', 'updated_at'],
  labels: [],
  milestones: ['number', 'state', 'created_at', 'updated_at'],
  releases: ['created_at', 'updated_at'],
  deployments: ['created_at', 'updated_at'],
  'actions/workflows': ['state', 'created_at', 'updated_at'],
  'actions/runs': ['created_at', 'updated_at'],
  collaborators: [],
}

/** Repositories with some records in every list, and their organization. */
export async function openGithubSubject(names?: readonly string[]): Promise<ContractSubject> {
  const github = new GithubSimulator()
  fillOrganization(github, 20, names)
  const api = await VendorApi.start(github.handle)
  const config = {
    repositories: ['acme/*'],
    access_token: 'ghp_ada',
    api_url: `http://127.0.0.1:${String(api.port)}`,
  }
  return {
    config,
    cursorOf: ({ default_cursor_field: [field = ''] = [] }) => field,
    repeatsNewest: true,
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  }
}

/** Creates repositories with this number of records in every list, and their organization. */
export function fillOrganization(
  github: GithubSimulator,
  count: number,
  names: readonly string[] = ['acme/shop', 'acme/site', 'acme/api'],
): void {
  for (const name of names) fillRepository(github, name, count)
  const [acme] = github.accounts
  acme?.members.push({ id: 1, login: 'ada' }, { id: 2, login: 'bob' })
  acme?.teams.push({ id: 7, slug: 'makers' }, { id: 8, slug: 'menders' })
  for (const slug of ['makers', 'menders']) acme?.teamMembers.set(slug, [{ id: 2, login: 'bob' }])
}

function fillRepository(github: GithubSimulator, name: string, count: number): void {
  const repository = github.addRepository(name)
  for (const [list, fields] of Object.entries(lists)) {
    fill(repository, list, count)
    const items = listOf(repository, list)
    const names = new Set(['id', ...fields])
    for (const [index, item] of items.entries())
      items[index] = Object.fromEntries(Object.entries(item).filter(([key]) => names.has(key)))
  }
  const [workflow] = listOf(repository, 'actions/workflows')
  Object.assign(workflow ?? {}, { name: 'CI', path: '.github/workflows/ci.yml' })
  for (const list of ['branches', 'tags'])
    for (const ref of ['main', 'next'])
      listOf(repository, list).push({ name: ref, commit: { sha: 'a'.repeat(40) } })
  for (let number = 1; number <= count; number += 1)
    listOf(repository, 'commits').push(commit(String(number).padStart(40, '0'), timeAt(number)))
  for (const login of ['ada', 'robert'])
    listOf(repository, 'stargazers').push({ starred_at: timeAt(1), user: userOf(login) })
  for (const { id, number } of listOf(repository, 'pulls'))
    listOf(repository, `pulls/${String(number)}/reviews`).push({ id, submitted_at: timeAt(5) })
  for (const { id } of listOf(repository, 'actions/runs'))
    listOf(repository, `actions/runs/${String(id)}/jobs`).push({ id, started_at: timeAt(5) })
}
