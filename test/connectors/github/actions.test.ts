import { describe, expect, test } from 'vitest'
import { githubActions } from '../../../connectors/github/actions/actions.ts'
import type { JsonObject } from '../../../protocol/index.ts'
import { refusal } from '../../fakes/github/answers.ts'
import { listOf } from '../../fakes/github/data.ts'
import { GithubSimulator } from '../../fakes/github/simulator.ts'
import { VendorApi } from '../../fakes/vendors/vendor-api.ts'
import { samples } from './action-subject.ts'
import { githubConnector, openClient, startWorld } from './action-world.ts'
import { planProblems } from './openapi.ts'

/**
 * Names that only GitHub's responses have: the header Link contains the cursor, which GitHub's description
 * lacks.
 */
const undescribed: Readonly<Record<string, readonly string[]>> = {
  listIssues: ['GET /repos/acme/shop/issues: after is unknown'],
}

const place = { owner: 'acme', repo: 'shop' }
const sha = 'a'.repeat(40)

describe.each(githubActions.map((action) => [action.descriptor.name, action] as const))(
  '%s',
  (name, action) => {
    test('asks what GitHub describes, with the fields that GitHub knows', () => {
      const call = action.call(samples[name])
      const request = call.plan({})
      expect(new URL(request.url).origin).toBe('https://api.github.com')
      expect(request.headers).toMatchObject({ 'X-GitHub-Api-Version': '2022-11-28' })
      expect(planProblems(request)).toEqual(undescribed[name] ?? [])
    })

    test('has a dry-run that shows the request without a secret', () => {
      const config = { access_token: 'planted-secret', repositories: ['acme/shop'] }
      const call = action.call(samples[name])
      const shown = githubConnector.actions?.preview(call, config, { idempotencyKey: 'k' })
      expect(shown?.level).toBe('synthesized')
      expect(JSON.stringify(shown)).not.toContain('planted-secret')
      expect(shown?.request.headers).toMatchObject({ Authorization: 'Bearer ***' })
    })
  },
)

test('what loses something for good asks a person first', () => {
  const asking = githubActions.filter(({ descriptor }) => descriptor.requiresConfirmation)
  expect(asking.map(({ descriptor }) => descriptor.name)).toEqual([
    'deleteComment',
    'deleteLabel',
    'deleteMilestone',
    'mergePullRequest',
    'deleteRelease',
    'deleteFile',
    'moveBranch',
    'deleteBranch',
  ])
})

describe('against a GitHub that stores what is written', () => {
  test('an issue is opened, labelled, assigned, discussed, closed and locked', async () => {
    await using world = await startWorld()
    const { github, invoke } = world
    const shop = github.addRepository('acme/shop')
    const made = await invoke('createIssue', { ...place, title: 'It breaks', labels: ['bug'] })
    expect(made).toMatchObject({ number: 1, state: 'open' })
    const issue = { ...place, issue_number: 1 }
    await invoke('addLabels', { ...issue, labels: ['area/api'] })
    expect(await invoke('removeLabel', { ...issue, name: 'bug' })).toEqual([{ name: 'area/api' }])
    await invoke('addAssignees', { ...issue, assignees: ['ada', 'bob'] })
    expect(await invoke('removeAssignees', { ...issue, assignees: ['bob'] })).toMatchObject({
      assignees: [{ login: 'ada' }],
    })
    const comment = await invoke('createComment', { ...issue, body: 'Seen.' })
    const { id } = comment as { id: number }
    await invoke('updateComment', { ...place, comment_id: id, body: 'Fixed.' })
    expect(listOf(shop, 'issues/comments')).toMatchObject([{ body: 'Fixed.' }])
    expect(await invoke('deleteComment', { ...place, comment_id: id })).toEqual({})
    expect(listOf(shop, 'issues/comments')).toEqual([])
    await invoke('updateIssue', { ...issue, state: 'closed', state_reason: 'completed' })
    expect(await invoke('lockIssue', issue)).toEqual({})
    expect(await invoke('getIssue', issue)).toMatchObject({ state: 'closed', locked: true })
    expect(await invoke('searchIssues', { q: 'repo:acme/shop' })).toMatchObject({ total_count: 1 })
  })

  test('a branch gets a file, becomes a pull request, is reviewed and merged once', async () => {
    await using world = await startWorld()
    const { github, invoke, failure } = world
    const shop = github.addRepository('acme/shop')
    await invoke('createBranch', { ...place, branch: 'feature/x', sha })
    expect(await invoke('getBranch', { ...place, branch: 'feature/x' })).toMatchObject({
      object: { sha },
    })
    const file = { ...place, path: 'docs/a b.md', message: 'Write' }
    const first = await invoke('createOrUpdateFile', { ...file, content: 'aGk=' })
    const { sha: blob } = (first as { content: { sha: string } }).content
    expect(await failure('createOrUpdateFile', { ...file, content: 'eW8=' })).toMatchObject({
      code: 'action_refused',
    })
    expect(
      await failure('createOrUpdateFile', { ...file, content: 'eW8=', sha: 'b'.repeat(40) }),
    ).toMatchObject({ code: 'action_refused', details: { status: 409 } })
    expect(await invoke('getFile', { ...place, path: 'docs/a b.md' })).toMatchObject({ sha: blob })
    await invoke('deleteFile', { ...file, sha: blob })
    expect(shop.files.size).toBe(0)
    const input = { ...place, title: 'Mend it', head: 'feature/x', base: 'main' }
    const opened = await invoke('createPullRequest', input)
    expect(opened).toMatchObject({ number: 1, state: 'open' })
    expect((await failure('createPullRequest', input)).details).toMatchObject({
      reason: expect.stringContaining('A pull request already exists') as string,
    })
    for (const wrong of [{ head: 'none' }, { base: 'none' }])
      expect(await failure('createPullRequest', { ...input, ...wrong })).toMatchObject({
        code: 'action_refused',
        details: { status: 422 },
      })
    const pull = { ...place, pull_number: 1 }
    expect(await invoke('getPullRequest', pull)).toMatchObject({
      title: 'Mend it',
      head: { ref: 'feature/x', sha },
    })
    await invoke('requestReviewers', { ...pull, reviewers: ['bob'] })
    const draft = await invoke('createReview', pull)
    const { id: review_id } = draft as { id: number }
    expect(await invoke('submitReview', { ...pull, review_id, event: 'APPROVE' })).toMatchObject({
      state: 'APPROVED',
    })
    expect(await failure('mergePullRequest', { ...pull, sha: 'c'.repeat(40) })).toMatchObject({
      code: 'action_refused',
      details: { status: 409 },
    })
    expect(await invoke('mergePullRequest', { ...pull, sha })).toMatchObject({ merged: true })
    expect(await failure('mergePullRequest', pull)).toMatchObject({ details: { status: 405 } })
    expect(await invoke('deleteBranch', { ...place, branch: 'feature/x' })).toEqual({})
  })

  test('workflows are started, run again and cancelled; releases are made and published', async () => {
    await using world = await startWorld()
    const { github, invoke, failure } = world
    const shop = github.addRepository('acme/shop')
    listOf(shop, 'actions/workflows').push({ id: 5, path: '.github/workflows/main.yml' })
    listOf(shop, 'actions/runs').push({ id: 10, status: 'completed', run_attempt: 1 })
    const workflow = { ...place, workflow_id: 'main.yml' }
    expect(await invoke('dispatchWorkflow', { ...workflow, ref: 'main' })).toEqual({})
    expect(await failure('dispatchWorkflow', { ...workflow, ref: 'none' })).toMatchObject({
      code: 'action_refused',
    })
    const unknown = { ...workflow, workflow_id: 'none.yml', ref: 'main' }
    expect(await failure('dispatchWorkflow', unknown)).toMatchObject({ details: { status: 404 } })
    expect(await invoke('rerunWorkflow', { ...place, run_id: 10 })).toEqual({})
    expect(listOf(shop, 'actions/runs')).toMatchObject([{ run_attempt: 2 }])
    expect(await invoke('cancelWorkflow', { ...place, run_id: 10 })).toEqual({})
    expect(await failure('cancelWorkflow', { ...place, run_id: 10 })).toMatchObject({
      details: { status: 409 },
    })
    const made = await invoke('createRelease', { ...place, tag_name: 'v1', draft: true })
    const { id: release_id } = made as { id: number }
    await invoke('updateRelease', { ...place, release_id, draft: false })
    expect(listOf(shop, 'releases')).toMatchObject([{ draft: false }])
  })

  test('a repository is read without the credential that GitHub puts into it', async () => {
    await using world = await startWorld()
    world.github.addRepository('acme/shop')
    const read = await world.invoke('getRepository', place)
    expect(read).toMatchObject({ full_name: 'acme/shop' })
    expect(JSON.stringify(read)).not.toContain('clone')
  })

  test('an App and an Enterprise Server take actions too', async () => {
    const github = new GithubSimulator()
    const api = await VendorApi.start(github.handle)
    await using stack = new AsyncDisposableStack()
    stack.use(api)
    github.addRepository('acme/shop')
    const client = stack.use(
      await openClient({
        repositories: ['acme/shop'],
        api_url: `http://127.0.0.1:${String(api.port)}/api/v3`,
        app_id: github.appId,
        installation_id: github.installationId,
        private_key: github.privateKey,
      }),
    )
    const create = githubActions.find(({ descriptor }) => descriptor.name === 'createIssue')
    const options = {
      idempotencyKey: 'k',
      mayComeAgain: true,
      timeoutMs: 10_000,
      signal: AbortSignal.timeout(20_000),
    }
    for (const title of ['one', 'two'])
      await client.send(create?.call({ ...place, title }) ?? neverCalled(), options)
    const paths = api.requests.map(({ path }) => path)
    expect(paths.filter((path) => path.endsWith('/access_tokens'))).toHaveLength(1)
    expect(paths.every((path) => path.startsWith('/api/v3/'))).toBe(true)
  })
})

function neverCalled(): never {
  throw new TypeError('there is no such action')
}

describe('what GitHub refuses', () => {
  test('errors have their codes, and say in words of GitHub what is wrong', async () => {
    await using world = await startWorld()
    const shop = world.github.addRepository('acme/shop')
    const missing = await world.failure('getIssue', { ...place, issue_number: 99 })
    expect(missing).toMatchObject({ code: 'action_refused', details: { status: 404 } })
    expect(missing.details.reason).toContain('the credentials may not see it')
    shop.hasIssues = false
    const off = await world.failure('createIssue', { ...place, title: 'x' })
    expect(off).toMatchObject({ code: 'action_refused', details: { status: 410 } })
    const label = { ...place, name: 'bug' }
    await world.invoke('createLabel', label)
    const twice = await world.failure('createLabel', label)
    expect(twice).toMatchObject({
      code: 'action_refused',
      details: { status: 422, vendor_code: 'already_exists', vendor_request_id: 'C0FF:EE' },
    })
    expect(twice.details.reason).toContain('name: already_exists')
  })

  test('wrong credentials and a missing permission are told apart', async () => {
    await using reader = await startWorld({ access_token: 'github_pat_reader' })
    reader.github.addRepository('acme/shop')
    const denied = await reader.failure('createIssue', { ...place, title: 'x' })
    expect(denied.code).toBe('action_permission_denied')
    expect(denied.details.reason).toContain('issues=write')
    await using stranger = await startWorld({ access_token: 'ghp_unknown' })
    expect(await stranger.failure('createIssue', { ...place, title: 'x' })).toMatchObject({
      code: 'action_credentials_refused',
    })
  })

  test('a response without the headers of GitHub is none of its own, whatever the action', async () => {
    await using world = await startWorld()
    world.github.addRepository('acme/shop')
    await world.invoke('createIssue', { ...place, title: 'x' })
    const issue = { ...place, issue_number: 1 }
    const calls = [
      ['lockIssue', issue],
      ['dispatchRepositoryEvent', { ...place, event_type: 'deploy' }],
      ['createComment', { ...issue, body: 'Seen.' }],
      ['getIssue', issue],
    ] as const
    for (const [name, input] of calls) {
      world.api.refuseOnce(/./, { body: { id: 1, url: 'https://portal.example' } })
      expect(await world.failure(name, input), name).toMatchObject({
        code: 'action_response_unreadable',
        details: { reason: expect.stringContaining('marks a response of GitHub') as unknown },
      })
    }
    world.api.refuseOnce(/./, { body: {}, headers: { 'x-github-media-type': 'github.v3' } })
    expect(await world.invoke('lockIssue', issue)).toEqual({})
    world.api.refuseOnce(/./, { status: 204, body: '' })
    expect(await world.invoke('lockIssue', issue)).toEqual({})
  })

  test('a limit that comes as 403 is waited for, and nothing is done twice', async () => {
    await using world = await startWorld()
    const shop = world.github.addRepository('acme/shop')
    const limited = refusal(403, 'You have exceeded a secondary rate limit.')
    world.api.refuseOnce(/issues$/, { ...limited, headers: { 'retry-after': '1' } })
    await world.invoke('createIssue', { ...place, title: 'once' })
    expect(listOf(shop, 'issues')).toHaveLength(1)
    expect(world.api.requests).toHaveLength(2)
    world.api.refuseOnce(/issues$/, { ...limited, headers: { 'retry-after': '3600' } })
    expect(await world.failure('createIssue', { ...place, title: 'no' })).toMatchObject({
      code: 'action_rate_limited',
    })
    world.api.refuseOnce(/issues$/, limited)
    expect(await world.failure('createIssue', { ...place, title: 'no' })).toMatchObject({
      code: 'action_rate_limited',
    })
    expect(listOf(shop, 'issues')).toHaveLength(1)
  })

  test('a server error of what must not be done twice leaves its outcome open', async () => {
    await using world = await startWorld()
    world.github.addRepository('acme/shop')
    world.api.refuseOnce(/issues$/, refusal(502, 'Server Error'))
    expect(await world.failure('createIssue', { ...place, title: 'x' })).toMatchObject({
      code: 'action_outcome_unknown',
    })
    expect(world.api.requests).toHaveLength(1)
  })

  test('a renamed repository is written to; a transferred issue is refused, and nothing changes', async () => {
    await using world = await startWorld()
    const store = world.github.addRepository('acme/store')
    store.oldNames.push('shop')
    await world.invoke('createIssue', { ...place, title: 'moved' })
    expect(listOf(store, 'issues')).toMatchObject([{ title: 'moved' }])
    store.transferred.set(1, '/repositories/77/issues/5')
    const issue = { owner: 'acme', repo: 'store', issue_number: 1, title: 'lost' }
    const refused = await world.failure('updateIssue', issue)
    expect(refused.code).toBe('action_refused')
    expect(refused.details.reason).toContain('has moved to')
    expect(listOf(store, 'issues')).toMatchObject([{ title: 'moved' }])
  })
})

test('input that GitHub would refuse is refused before anything is sent', () => {
  const call = (name: string, input: JsonObject) => () =>
    githubActions.find(({ descriptor }) => descriptor.name === name)?.call(input)
  expect(call('getFile', { ...place, path: '../secret' })).toThrow(/path/)
  expect(call('getFile', { ...place, path: '/etc' })).toThrow(/path/)
  expect(call('createBranch', { ...place, branch: 'a//b', sha })).toThrow(/branch/)
  expect(call('createBranch', { ...place, branch: 'a', sha: 'abc' })).toThrow(/sha/)
  expect(call('createIssue', { ...place, title: '' })).toThrow(/title/)
  expect(call('createIssue', { ...place, title: 'x', body: 'x'.repeat(65_537) })).toThrow(/body/)
  expect(call('createIssue', { ...place, title: 'x', colour: 'red' })).toThrow(/colour/)
  expect(call('createOrUpdateFile', { ...place, path: 'a', message: 'm', content: '§' })).toThrow(
    /content/,
  )
})
