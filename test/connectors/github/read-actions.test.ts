import { describe, expect, test } from 'vitest'
import { listOf, timeAt } from '../../fakes/github/data.ts'
import { ScriptedVendor } from '../../fakes/scripted-vendor.ts'
import { NativeConnector } from '../http/native-connector.ts'
import { githubSubject } from './action-subject.ts'
import { githubConnector, startWorld } from './action-world.ts'

const place = { owner: 'acme', repo: 'shop' }

test('a release is read: the latest, by its id or by its tag', async () => {
  await using world = await startWorld()
  const { github, invoke, failure } = world
  github.addRepository('acme/shop')
  expect(await failure('getRelease', place)).toMatchObject({
    code: 'action_refused',
    details: { status: 404 },
  })
  const made = await invoke('createRelease', { ...place, tag_name: 'v1/beta 2' })
  const { id: release_id } = made as { id: number }
  await invoke('createRelease', { ...place, tag_name: 'v2', draft: true })
  await invoke('createRelease', { ...place, tag_name: 'v3', prerelease: true })
  const first = { id: release_id, tag_name: 'v1/beta 2' }
  expect(await invoke('getRelease', place)).toMatchObject(first)
  expect(await invoke('getRelease', { ...place, release_id })).toMatchObject(first)
  expect(await invoke('getRelease', { ...place, tag: 'v1/beta 2' })).toMatchObject(first)
  expect(await failure('getRelease', { ...place, tag: 'v1', release_id })).toMatchObject({
    code: 'action_input_invalid',
  })
})

test('runs are listed a page at a time, of a repository or a workflow, and read', async () => {
  await using world = await startWorld()
  const { github, invoke, failure, api } = world
  const shop = github.addRepository('acme/shop')
  listOf(shop, 'actions/workflows').push({ id: 5, path: '.github/workflows/main.yml' })
  for (let id = 1; id <= 5; id += 1)
    listOf(shop, 'actions/runs').push({
      id,
      workflow_id: id === 3 ? 6 : 5,
      head_branch: 'main',
      status: 'completed',
      conclusion: id === 4 ? 'failure' : 'success',
      created_at: timeAt(id),
    })
  const ids: number[] = []
  let page: number | null = 1
  while (page !== null) {
    const output = await invoke('listWorkflowRuns', { ...place, per_page: 2, page })
    const read = output as {
      readonly total_count: number
      readonly workflow_runs: { readonly id: number }[]
      readonly next_page: number | null
    }
    expect(read.total_count).toBe(5)
    ids.push(...read.workflow_runs.map(({ id }) => id))
    page = read.next_page
  }
  expect(ids).toEqual([5, 4, 3, 2, 1])
  expect(api.requests).toHaveLength(3)
  const failed = { ...place, workflow_id: 'main.yml', branch: 'main', status: 'failure' }
  expect(await invoke('listWorkflowRuns', failed)).toMatchObject({
    total_count: 1,
    workflow_runs: [{ id: 4 }],
    next_page: null,
  })
  expect(await invoke('listWorkflowRuns', { ...place, workflow_id: 6 }).catch(String)).toMatch(
    /404|does not exist/,
  )
  expect(await invoke('getWorkflowRun', { ...place, run_id: 4 })).toMatchObject({
    conclusion: 'failure',
  })
  expect(await failure('getWorkflowRun', { ...place, run_id: 9 })).toMatchObject({
    details: { status: 404 },
  })
})

interface Page {
  readonly items: readonly { readonly number?: number; readonly body?: string }[]
  readonly next_page: number | null
}

describe('what GitHub lists without a name', () => {
  test('issues are the items of an object, with the next page, until none is left', async () => {
    await using world = await startWorld()
    world.github.addRepository('acme/shop')
    for (const title of ['a', 'b', 'c', 'd', 'e'])
      await world.invoke('createIssue', { ...place, title })
    await world.invoke('updateIssue', { ...place, issue_number: 2, state: 'closed' })
    const numbers: (number | undefined)[] = []
    let page: number | null = 1
    while (page !== null) {
      const output = await world.invoke('listIssues', { ...place, state: 'all', per_page: 2, page })
      const read = output as unknown as Page
      numbers.push(...read.items.map(({ number }) => number))
      page = read.next_page
    }
    expect(numbers.toSorted()).toEqual([1, 2, 3, 4, 5])
    const closed = await world.invoke('listIssues', { ...place, state: 'closed' })
    expect(closed).toMatchObject({
      items: [{ number: 2, state: 'closed' }],
      next_page: null,
      next_after: null,
    })
    expect(await world.invoke('listPullRequests', place)).toEqual({ items: [], next_page: null })
    expect(await world.invoke('searchIssues', { q: 'repo:acme/shop', per_page: 2 })).toMatchObject({
      total_count: 5,
      next_page: 2,
    })
  })

  test.each([
    ['page=3&after=Y3Vyc29y', { next_page: 3, next_after: 'Y3Vyc29y' }],
    ['after=Y3Vyc29y', { next_page: 3, next_after: 'Y3Vyc29y' }],
    ['since_id=5', { next_page: 3, next_after: null }],
  ])('a next page that is known by %s does not look like the end', async (query, next) => {
    const seen: string[] = []
    await using vendor = await ScriptedVendor.start(({ url }) => {
      seen.push(url)
      const link = `<https://api.github.com/repositories/1/issues?${query}>; rel="next"`
      return { body: [], headers: { 'x-github-request-id': 'C0FF:EE', link } }
    })
    const config = githubSubject.configOf(vendor.url, 'planted4711secret')
    const source = new NativeConnector(githubConnector, config)
    const { output } = await source.send('listIssues', { ...place, page: 2, after: 'QQ==' })
    expect(output).toEqual({ items: [], ...next })
    expect(seen.map((url) => url.split('?')[1])).toEqual(['page=2&after=QQ%3D%3D'])
  })

  test('comments are those of one issue', async () => {
    await using world = await startWorld()
    world.github.addRepository('acme/shop')
    for (const issue_number of [1, 2]) {
      await world.invoke('createIssue', { ...place, title: 'x' })
      for (const body of ['a', 'b'])
        await world.invoke('createComment', { ...place, issue_number, body })
    }
    expect(
      await world.invoke('listComments', { ...place, issue_number: 2, per_page: 1 }),
    ).toMatchObject({
      items: [{ body: 'a' }],
      next_page: 2,
    })
    expect(await world.failure('listComments', { ...place, issue_number: 9 })).toMatchObject({
      code: 'action_refused',
    })
  })

  test.each(['listIssues', 'listPullRequests', 'listComments'])(
    '%s: what is no list is no result',
    async (name) => {
      const headers = { 'x-github-request-id': 'C0FF:EE' }
      const input = { ...place, ...(name === 'listComments' && { issue_number: 1 }) }
      for (const body of [{ items: [], next_page: null }, null]) {
        await using vendor = await ScriptedVendor.start(() => ({ body, headers }))
        const config = githubSubject.configOf(vendor.url, 'planted4711secret')
        const error = await new NativeConnector(githubConnector, config).refusal(name, input)
        expect(error.code, JSON.stringify(body)).toBe('action_response_unreadable')
      }
    },
  )
})
