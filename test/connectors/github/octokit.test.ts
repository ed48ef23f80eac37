import { Octokit } from '@octokit/rest'
import { expect, test } from 'vitest'
import { VendorApi } from '../../fakes/vendors/vendor-api.ts'
import { listOf, timeAt, userOf } from '../../fakes/github/data.ts'
import { GithubSimulator } from '../../fakes/github/simulator.ts'

/** GitHub's own SDK takes the simulator for GitHub. */

const place = { owner: 'acme', repo: 'shop' }
const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

async function start() {
  const github = new GithubSimulator()
  const shop = github.addRepository('acme/shop')
  const api = await VendorApi.start(github.handle)
  const octokit = new Octokit({
    auth: 'ghp_ada',
    baseUrl: `http://127.0.0.1:${String(api.port)}`,
    log,
  })
  return {
    github,
    shop,
    octokit,
    port: api.port,
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  }
}

test('it follows the links of lists, also of those with total_count', async () => {
  await using world = await start()
  const { shop, octokit } = world
  for (let number = 1; number <= 250; number += 1) {
    const time = timeAt(number)
    const dates = { created_at: time, updated_at: time }
    listOf(shop, 'issues').push({ id: number, number, state: 'open', ...dates })
    listOf(shop, 'actions/runs').push({ id: number, ...dates })
  }
  const issues = await octokit.paginate(octokit.rest.issues.listForRepo, {
    ...place,
    state: 'all',
    per_page: 100,
    since: timeAt(51),
    sort: 'updated',
    direction: 'asc',
  })
  expect(issues.map(({ number }) => number)).toEqual(
    Array.from({ length: 200 }, (_, index) => index + 51),
  )
  const runs = await octokit.paginate(octokit.rest.actions.listWorkflowRunsForRepo, {
    ...place,
    per_page: 100,
  })
  expect(runs).toHaveLength(250)
})

test('what it writes it reads, with the errors of GitHub', async () => {
  await using world = await start()
  const { shop, octokit } = world
  const { data: issue } = await octokit.rest.issues.create({ ...place, title: 'It breaks' })
  const { number: issue_number } = issue
  await octokit.rest.issues.addLabels({ ...place, issue_number, labels: ['bug'] })
  await octokit.rest.issues.createComment({ ...place, issue_number, body: 'Seen.' })
  const { data: read } = await octokit.rest.issues.get({ ...place, issue_number })
  expect(read).toMatchObject({ title: 'It breaks', labels: [{ name: 'bug' }] })
  const { data: written } = await octokit.rest.repos.createOrUpdateFileContents({
    ...place,
    path: 'docs/a b.md',
    message: 'Write',
    content: 'aGk=',
  })
  const file = await octokit.rest.repos.getContent({ ...place, path: 'docs/a b.md' })
  expect(file.data).toMatchObject({ sha: written.content?.sha, content: 'aGk=\n' })
  await octokit.rest.git.createRef({ ...place, ref: 'refs/heads/x', sha: 'b'.repeat(40) })
  const { data: pull } = await octokit.rest.pulls.create({ ...place, head: 'x', base: 'main' })
  const merged = await octokit.rest.pulls.merge({ ...place, pull_number: pull.number })
  expect(merged.data.merged).toBe(true)
  await expect(octokit.rest.issues.get({ ...place, issue_number: 99 })).rejects.toMatchObject({
    status: 404,
  })
  await expect(octokit.rest.issues.create({ ...place, title: '' })).rejects.toMatchObject({
    status: 422,
    message: expect.stringContaining('missing_field') as string,
  })
  shop.isEmpty = true
  await expect(octokit.rest.repos.listCommits(place)).rejects.toMatchObject({ status: 409 })
})

test('releases, workflow runs and events of issues are read', async () => {
  await using world = await start()
  const { shop, octokit } = world
  const { data: made } = await octokit.rest.repos.createRelease({ ...place, tag_name: 'v1' })
  const { data: latest } = await octokit.rest.repos.getLatestRelease(place)
  const { data: tagged } = await octokit.rest.repos.getReleaseByTag({ ...place, tag: 'v1' })
  expect([latest.id, tagged.id]).toEqual([made.id, made.id])
  listOf(shop, 'actions/workflows').push({ id: 5, path: '.github/workflows/main.yml' })
  for (let id = 1; id <= 3; id += 1) {
    const created_at = timeAt(id)
    listOf(shop, 'actions/runs').push({ id, workflow_id: 5, head_branch: 'main', created_at })
    listOf(shop, 'issues/events').push({ id, event: 'closed', created_at })
  }
  const { data: run } = await octokit.rest.actions.getWorkflowRun({ ...place, run_id: 2 })
  expect(run.workflow_id).toBe(5)
  const runs = await octokit.paginate(octokit.rest.actions.listWorkflowRuns, {
    ...place,
    workflow_id: 'main.yml',
    branch: 'main',
    per_page: 2,
  })
  expect(runs.map(({ id }) => id)).toEqual([3, 2, 1])
  const events = await octokit.paginate(octokit.rest.issues.listEventsForRepo, place)
  expect(events.map(({ id }) => id)).toEqual([3, 2, 1])
  await octokit.rest.repos.createOrUpdateFileContents({
    ...place,
    path: 'docs/a.md',
    message: 'Write',
    content: 'aGk=',
  })
  const root = await octokit.rest.repos.getContent({ ...place, path: '' })
  expect(root.data).toMatchObject([{ type: 'dir', path: 'docs' }])
})

test('a response that did not change is 304 and free, and a renamed repository is found', async () => {
  await using world = await start()
  const { github, shop, octokit } = world
  listOf(shop, 'labels').push({ id: 1, name: 'bug', user: userOf('ada') })
  const first = await octokit.rest.issues.listLabelsForRepo(place)
  const before = github.remaining
  const headers = { 'if-none-match': first.headers.etag ?? '' }
  const again = octokit.rest.issues.listLabelsForRepo({ ...place, headers })
  await expect(again).rejects.toMatchObject({ status: 304 })
  expect(github.remaining).toBe(before)
  shop.oldNames.push('shop')
  shop.name = 'store'
  expect((await octokit.rest.repos.get(place)).data.full_name).toBe('acme/store')
  expect((await octokit.rest.issues.create({ ...place, title: 'moved' })).status).toBe(201)
})

test('the limit and the credentials are looked at', async () => {
  await using world = await start()
  const { github, octokit, port } = world
  github.remaining = 0
  await expect(octokit.rest.repos.get(place)).rejects.toMatchObject({
    status: 403,
    response: { headers: { 'x-ratelimit-remaining': '0' } },
  })
  const stranger = new Octokit({
    auth: 'ghp_unknown',
    log,
    baseUrl: `http://127.0.0.1:${String(port)}`,
  })
  await expect(stranger.rest.repos.get(place)).rejects.toMatchObject({ status: 401 })
})
