import { Octokit } from '@octokit/rest'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../../protocol/index.ts'
import { listOf, timeAt, userOf } from '../../fakes/github/data.ts'
import { startWorld, type World } from './action-world.ts'
import { commit } from './loopback.ts'

const place = { owner: 'acme', repo: 'shop' }
const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** The actions and GitHub's own client, in front of the same GitHub. */
async function openBoth() {
  const world = await startWorld()
  const shop = world.github.addRepository('acme/shop')
  const octokit = new Octokit({
    auth: 'ghp_ada',
    baseUrl: `http://127.0.0.1:${String(world.api.port)}`,
    log,
  })
  return {
    ...world,
    shop,
    octokit,
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  }
}

interface Page {
  readonly items: readonly JsonObject[]
  readonly next_page: number | null
}

/** All items of a list, as a caller asks for them: a call for each page. */
async function itemsOf({ invoke }: Pick<World, 'invoke'>, name: string, input: JsonObject) {
  const items: JsonObject[] = []
  let page: number | null = 1
  while (page !== null) {
    const read = (await invoke(name, { ...input, per_page: 2, page })) as unknown as Page
    items.push(...read.items)
    page = read.next_page
  }
  return items
}

test("branches, tags, labels and releases are what GitHub's own client gets", async () => {
  await using world = await openBoth()
  const { shop, octokit, invoke } = world
  for (const branch of ['a', 'feature/x', 'c'])
    await invoke('createBranch', { ...place, branch, sha: 'b'.repeat(40) })
  for (const name of ['v1', 'v2', 'v3']) {
    listOf(shop, 'tags').push({ name, commit: { sha: 'b'.repeat(40) } })
    await invoke('createRelease', { ...place, tag_name: name })
    await invoke('createLabel', { ...place, name })
  }
  const branches = await itemsOf(world, 'listBranches', place)
  expect(branches.map(({ name }) => name)).toEqual(['main', 'a', 'feature/x', 'c'])
  expect(branches).toEqual(await octokit.paginate(octokit.rest.repos.listBranches, place))
  const tags = await itemsOf(world, 'listTags', place)
  expect(tags).toEqual(await octokit.paginate(octokit.rest.repos.listTags, place))
  const labels = await itemsOf(world, 'listLabels', place)
  expect(labels).toEqual(await octokit.paginate(octokit.rest.issues.listLabelsForRepo, place))
  const releases = await itemsOf(world, 'listReleases', place)
  expect(releases).toEqual(await octokit.paginate(octokit.rest.repos.listReleases, place))
  expect([tags, labels, releases].map(({ length }) => length)).toEqual([3, 3, 3])
})

test('commits are listed by time and read with their files', async () => {
  await using world = await openBoth()
  const { shop, octokit, invoke, failure } = world
  for (let day = 1; day <= 5; day += 1) {
    const sha = String(day).repeat(40)
    listOf(shop, 'commits').push({
      ...commit(sha, timeAt(day)),
      files: [{ filename: `${sha}.md`, status: 'added' }],
    })
  }
  const range = { ...place, since: timeAt(2), until: timeAt(4) }
  const commits = await itemsOf(world, 'listCommits', range)
  expect(commits.map(({ sha }) => JSON.stringify(sha).slice(1, 2))).toEqual(['4', '3', '2'])
  expect(commits).toEqual(await octokit.paginate(octokit.rest.repos.listCommits, range))
  const ref = '3'.repeat(40)
  expect(await invoke('getCommit', { ...place, ref })).toMatchObject({
    sha: ref,
    files: [{ filename: `${ref}.md`, status: 'added' }],
  })
  shop.branches.set('feature/x', ref)
  expect(await invoke('getCommit', { ...place, ref: 'feature/x' })).toMatchObject({ sha: ref })
  expect(await failure('getCommit', { ...place, ref: 'none' })).toMatchObject({
    code: 'action_refused',
    details: { status: 422 },
  })
})

test('a pull request is read with its files, its commits and its reviews', async () => {
  await using world = await openBoth()
  const { shop, octokit, invoke } = world
  shop.branches.set('x', 'b'.repeat(40))
  const made = await invoke('createPullRequest', { ...place, title: 'X', head: 'x', base: 'main' })
  const { number: pull_number } = made as unknown as { readonly number: number }
  const pull = { ...place, pull_number }
  for (const filename of ['a.md', 'b.md', 'c.md'])
    listOf(shop, `pulls/${String(pull_number)}/files`).push({ filename, status: 'modified' })
  listOf(shop, `pulls/${String(pull_number)}/commits`).push(commit('b'.repeat(40), timeAt(1)))
  await invoke('createReview', { ...pull, event: 'APPROVE' })
  const files = await itemsOf(world, 'listPullRequestFiles', pull)
  expect(files.map(({ filename }) => filename)).toEqual(['a.md', 'b.md', 'c.md'])
  expect(files).toEqual(await octokit.paginate(octokit.rest.pulls.listFiles, pull))
  expect(await itemsOf(world, 'listPullRequestCommits', pull)).toEqual(
    await octokit.paginate(octokit.rest.pulls.listCommits, pull),
  )
  expect(await itemsOf(world, 'listReviews', pull)).toMatchObject([
    { state: 'APPROVED', user: { login: userOf('ada').login } },
  ])
})

test('repositories are those of an organization, a user or the token, without their credential', async () => {
  await using world = await openBoth()
  const { github, octokit, invoke, failure } = world
  github.addRepository('acme/site')
  github.addAccount('ada', 'User')
  github.addRepository('ada/notes').isPrivate = true
  github.addRepository('ada/dotfiles')
  const ofOrganization = await itemsOf(world, 'listRepositories', { org: 'acme' })
  expect(ofOrganization.map(({ name }) => name)).toEqual(['shop', 'site'])
  const { data } = await octokit.rest.repos.listForOrg({ org: 'acme' })
  expect(data.map(({ id }) => id)).toEqual(ofOrganization.map(({ id }) => id))
  expect(JSON.stringify(ofOrganization)).not.toContain('a-clone-credential')
  const ofUser = await itemsOf(world, 'listRepositories', { username: 'ada' })
  expect(ofUser.map(({ name }) => name)).toEqual(['dotfiles'])
  const own = await itemsOf(world, 'listRepositories', { type: 'private' })
  expect(own.map(({ name }) => name)).toEqual(['notes'])
  expect(await invoke('listRepositories', { org: 'acme', page: 2 })).toMatchObject({ items: [] })
  for (const input of [
    { org: 'acme', username: 'ada' },
    { username: 'ada', type: 'private' },
    { type: 'forks' },
  ])
    expect(await failure('listRepositories', input)).toMatchObject({ code: 'action_input_invalid' })
})
