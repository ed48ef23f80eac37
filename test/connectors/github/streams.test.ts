import { describe, expect, test } from 'vitest'
import { listOf, timeAt, userOf, type Item } from '../../fakes/github/data.ts'
import { ids } from '../manifests/loopback-source.ts'
import { asked, commit, fill, startGithub } from './loopback.ts'
import { longTest, usually } from '../../support/long.ts'

const now = '2025-03-01T00:00:00Z'

describe('repositories', () => {
  test('names and patterns are read, each repository once, without those that are excluded', async () => {
    await using world = await startGithub()
    const { github } = world
    for (const name of ['acme/shop', 'acme/site', 'acme/old', 'beta/api'])
      github.addRepository(name)
    github.addAccount('cyd', 'User')
    github.addRepository('cyd/public')
    github.addRepository('cyd/secret').isPrivate = true
    const source = world.source({
      repositories: ['Acme/*', 'acme/shop', 'beta/api', 'cyd/*'],
      exclude: ['ACME/old'],
    })
    const read = await source.read(['repositories', 'labels'])
    expect(read.failures).toEqual([])
    expect(ids(read, 'repositories', 'full_name')).toEqual([
      'acme/shop',
      'acme/site',
      'beta/api',
      'cyd/public',
      'cyd/secret',
    ])
    expect(JSON.stringify(read.records.get('repositories'))).not.toContain('a-clone-credential')
  })

  test('a list of more than a hundred is read to its end', async () => {
    await using world = await startGithub()
    for (let index = 0; index < 230; index += 1)
      world.github.addRepository(`acme/repository-${String(index)}`)
    const read = await world.source({ repositories: ['acme/*'] }).read(['repositories'])
    expect(read.records.get('repositories')).toHaveLength(230)
  })

  test('a repository that cannot be seen fails the check and every stream, with what to do', async () => {
    await using world = await startGithub()
    world.github.addRepository('acme/shop')
    world.github.addRepository('acme/secret')
    world.github.hidden.add('acme/secret')
    const source = world.source({ repositories: ['acme/secret', 'acme/shop'] })
    expect(await source.refusal({})).toMatch(/repos\/acme\/secret.*404|404.*repos\/acme\/secret/s)
    const read = await source.read(['issues'])
    expect(read.failures.join()).toContain('the credentials may not see it (404)')
  })

  test.each(
    usually(1, [
      [/^\/users\/acme$/, []],
      [/^\/users\/acme$/, { ok: true }],
      [/^\/repos\/beta\/api$/, []],
      [/^\/repos\/beta\/api$/, { status: 'up' }],
      [/^\/installation\/repositories$/, { ok: true }],
    ]),
  )(
    'a response to %s that is none of GitHub fails the stream, and does not pass for nothing: %j',
    async (path, body) => {
      await using world = await startGithub()
      for (const name of ['acme/shop', 'beta/api'])
        fill(world.github.addRepository(name), 'labels', 2)
      for (let tries = 0; tries < 10; tries += 1) world.api.refuseOnce(path, { body })
      const { appId: app_id, installationId: installation_id, privateKey } = world.github
      const app = { app_id, installation_id, private_key: privateKey }
      const source = world.source({
        repositories: ['acme/*', 'beta/api'],
        ...(path.source.includes('installation') && app),
      })
      const read = await source.read(['labels'])
      expect(read.failures.join()).toContain('no response of GitHub')
    },
  )

  test('a renamed repository is read on from its state', async () => {
    await using world = await startGithub()
    const shop = world.github.addRepository('acme/shop')
    fill(shop, 'issues', 3)
    const source = world.source({ repositories: ['acme/shop'] })
    const first = await source.read(['issues'])
    shop.oldNames.push('shop')
    shop.name = 'store'
    listOf(shop, 'issues').push({
      id: 9,
      number: 9,
      state: 'open',
      created_at: now,
      updated_at: now,
    })
    source.now = '2025-03-02T00:00:00Z'
    world.api.clear()
    const second = await source.read(['issues'], first.states)
    expect(second.failures).toEqual([])
    expect(ids(second, 'issues', 'number')).toContain('9')
    expect(second.records.get('issues')?.at(-1)).toMatchObject({
      repository_full_name: 'acme/store',
    })
    expect(asked(world.api, /issues/).join()).toContain('since=2024-12-31T23%3A55%3A03Z')
  })
})

describe('issues and comments', () => {
  test('closed issues and pull requests are there, marked, and a later read asks for changes', async () => {
    await using world = await startGithub()
    const shop = world.github.addRepository('acme/shop')
    fill(shop, 'issues', 250, (number) => ({
      updated_at: timeAt(number * 600),
      ...(number % 2 === 0 && { state: 'closed' }),
      ...(number % 5 === 0 && { pull_request: { url: 'u' } }),
    }))
    const source = world.source({ repositories: ['acme/shop'] })
    const first = await source.read(['issues'])
    expect(first.failures).toEqual([])
    expect(new Set(ids(first, 'issues')).size).toBe(250)
    const marks = first.records.get('issues')?.map((issue) => (issue as Item).is_pull_request)
    expect(marks?.filter(Boolean).length).toBeGreaterThanOrEqual(50)
    world.api.clear()
    source.now = '2025-03-02T00:00:00Z'
    const second = await source.read(['issues'], first.states)
    expect(asked(world.api, /issues/)).toEqual([expect.stringContaining('state=all')])
    expect(ids(second, 'issues', 'number')).toEqual(['250'])
  })

  longTest('what changes during a read moves nothing past the border of a page', async () => {
    await using world = await startGithub()
    const { github } = world
    const shop = github.addRepository('acme/shop')
    fill(shop, 'issues', 350)
    let changes = 0
    github.meanwhile = ({ path }) => {
      if (!path.endsWith('/issues')) return
      // An issue that was read moves to the end, and another disappears.
      const issues = listOf(shop, 'issues')
      const changed = issues[changes]
      if (changed !== undefined) changed.updated_at = timeAt(400 + changes)
      if (changes === 1) issues.splice(20, 1)
      changes += 1
    }
    const read = await world.source({ repositories: ['acme/shop'] }).read(['issues'])
    expect(read.failures).toEqual([])
    expect(new Set(ids(read, 'issues', 'number')).size).toBe(350)
    expect(changes).toBeGreaterThan(3)
  })

  test('all comments are read, though GitHub refuses pages beyond a number', async () => {
    await using world = await startGithub()
    const shop = world.github.addRepository('acme/shop')
    shop.maxComments = 1000
    fill(shop, 'issues/comments', 2400)
    const read = await world.source({ repositories: ['acme/shop'] }).read(['issue_comments'])
    expect(read.failures).toEqual([])
    expect(new Set(ids(read, 'issue_comments')).size).toBe(2400)
  })

  longTest('many comments of the same second are read to the last', async () => {
    await using world = await startGithub()
    const shop = world.github.addRepository('acme/shop')
    fill(shop, 'pulls/comments', 150)
    fill(shop, 'pulls/comments', 420, () => ({ updated_at: timeAt(200) }))
    fill(shop, 'pulls/comments', 5, (number) => ({ updated_at: timeAt(number) }))
    const read = await world.source({ repositories: ['acme/shop'] }).read(['review_comments'])
    expect(read.failures).toEqual([])
    expect(new Set(ids(read, 'review_comments')).size).toBe(575)
  })

  test.each([undefined, '1970-01-01T00:00:00Z'])(
    'all issues are read from %s on',
    async (start) => {
      await using world = await startGithub()
      fill(world.github.addRepository('acme/shop'), 'issues', 3, () => ({
        // Imported from elsewhere.
        updated_at: '1999-01-01T00:00:00Z',
      }))
      const config = {
        repositories: ['acme/shop'],
        ...(start !== undefined && { start_date: start }),
      }
      const read = await world.source(config).read(['issues'])
      expect(ids(read, 'issues', 'number')).toEqual(['1', '2', '3'])
    },
  )

  test('a repository without issues has none, and the others are read', async () => {
    await using world = await startGithub()
    world.github.addRepository('acme/code').hasIssues = false
    fill(world.github.addRepository('acme/shop'), 'issues', 2)
    const source = world.source({ repositories: ['acme/code', 'acme/shop'] })
    const read = await source.read(['issues', 'issue_comments', 'milestones'])
    expect(read.failures).toEqual([])
    expect(ids(read, 'issues', 'number')).toEqual(['1', '2'])
  })
})

describe('commits', () => {
  test('an empty repository has none', async () => {
    await using world = await startGithub()
    world.github.addRepository('acme/new').isEmpty = true
    const read = await world.source({ repositories: ['acme/new'] }).read(['commits'])
    expect(read.failures).toEqual([])
    expect(read.records.get('commits')).toEqual([])
  })

  test('a commit of the future does not end the stream, and one that was pushed later is found', async () => {
    await using world = await startGithub()
    const shop = world.github.addRepository('acme/shop')
    const commits = listOf(shop, 'commits')
    commits.push(commit('future', '2099-01-01T00:00:00Z'), commit('today', '2025-02-28T00:00:00Z'))
    const source = world.source({ repositories: ['acme/shop'] })
    const first = await source.read(['commits'])
    expect(ids(first, 'commits', 'sha')).toEqual(['future', 'today'])
    commits.push(commit('late', '2025-02-20T00:00:00Z'), commit('new', '2025-03-05T00:00:00Z'))
    source.now = '2025-03-06T00:00:00Z'
    const second = await source.read(['commits'], first.states)
    expect(ids(second, 'commits', 'sha')).toEqual(expect.arrayContaining(['late', 'new']))
  })
})

describe('pull requests and reviews', () => {
  test('a later read ends at what is known, and reads reviews of changed pull requests only', async () => {
    await using world = await startGithub()
    const shop = world.github.addRepository('acme/shop')
    fill(shop, 'pulls', 220, (number) => ({
      state: number % 2 === 0 ? 'closed' : 'open',
      updated_at: timeAt(number * 600),
    }))
    for (const number of [1, 2, 220])
      listOf(shop, `pulls/${String(number)}/reviews`).push({
        id: number,
        state: 'APPROVED',
        submitted_at: timeAt(number * 600),
      })
    const source = world.source({ repositories: ['acme/shop'] })
    const streams = ['pull_requests', 'reviews', 'pull_request_details']
    const first = await source.read(streams)
    expect(first.failures).toEqual([])
    expect(first.records.get('pull_requests')).toHaveLength(220)
    expect(first.records.get('pull_request_details')).toHaveLength(220)
    expect(ids(first, 'reviews')).toEqual(['1', '2', '220'])
    expect(first.records.get('reviews')?.[0]).toMatchObject({
      repository_full_name: 'acme/shop',
      pull_request_number: 220,
    })
    const [pull] = listOf(shop, 'pulls')
    if (pull !== undefined) pull.updated_at = '2025-03-01T10:00:00Z'
    listOf(shop, 'pulls/1/reviews').push({ id: 1000, submitted_at: '2025-03-01T10:00:00Z' })
    source.now = '2025-03-02T00:00:00Z'
    world.api.clear()
    const second = await source.read(streams, first.states)
    expect(second.failures).toEqual([])
    expect(ids(second, 'pull_requests', 'number')).toEqual(['1', '220'])
    expect(ids(second, 'reviews')).toEqual(['1', '1000', '220'])
    expect(asked(world.api, /reviews/)).toHaveLength(2)
  })
})

describe('workflow runs and jobs', () => {
  test('a run that is deleted before its jobs are read fails the stream, to be read again', async () => {
    await using world = await startGithub()
    const shop = world.github.addRepository('acme/shop')
    fill(shop, 'actions/runs', 3)
    const runs = listOf(shop, 'actions/runs')
    for (const { id } of runs)
      listOf(shop, `actions/runs/${String(id)}/jobs`).push({ id, started_at: now })
    world.github.meanwhile = ({ path }) => {
      if (path.endsWith('/jobs')) runs.length = 1
    }
    const source = world.source({ repositories: ['acme/shop'] })
    const first = await source.read(['workflow_jobs'])
    expect(first.failures.join()).toContain('has to be read again')
    const second = await source.read(['workflow_jobs'])
    expect(second.failures).toEqual([])
    expect(second.records.get('workflow_jobs')).toHaveLength(1)
  })

  longTest(
    'a run that was started again weeks later is found, and jobs of changed runs are read',
    async () => {
      await using world = await startGithub()
      const shop = world.github.addRepository('acme/shop')
      fill(shop, 'actions/runs', 320, (number) => ({
        created_at: timeAt(number * 14_400),
        updated_at: timeAt(number * 14_400),
      }))
      for (const run of listOf(shop, 'actions/runs'))
        listOf(shop, `actions/runs/${String(run.id)}/jobs`).push(job(run, 1))
      const source = world.source({ repositories: ['acme/shop'] })
      const first = await source.read(['workflow_runs', 'workflow_jobs'])
      expect(first.failures).toEqual([])
      expect(first.records.get('workflow_runs')).toHaveLength(320)
      expect(first.records.get('workflow_jobs')).toHaveLength(320)
      const run = listOf(shop, 'actions/runs')[200]
      if (run === undefined) throw new Error('no run')
      run.updated_at = '2025-03-01T10:00:00Z'
      listOf(shop, `actions/runs/${String(run.id)}/jobs`).push(job(run, 2))
      source.now = '2025-03-02T00:00:00Z'
      world.api.clear()
      const second = await source.read(['workflow_runs', 'workflow_jobs'], first.states)
      expect(second.failures).toEqual([])
      expect(ids(second, 'workflow_runs', 'number')).toEqual(['201', '320'])
      expect(ids(second, 'workflow_jobs', 'run_attempt')).toEqual(['1', '1', '2'])
      // The pages of 32 days, for each of both.
      expect(asked(world.api, /runs(?:\?|$)/)).toHaveLength(4)
    },
  )
})

function job(run: Item, attempt: number): Item {
  const id = Number(run.id) * 10 + attempt
  return { id, run_id: run.id, run_attempt: attempt, started_at: run.updated_at }
}

describe('lists that are read as a whole', () => {
  test('all pages come, with keys that tell repositories apart', async () => {
    await using world = await startGithub()
    const { github } = world
    for (const name of ['acme/shop', 'acme/site']) {
      const repository = github.addRepository(name)
      const lists = ['labels', 'releases', 'deployments', 'comments', 'collaborators']
      for (const list of [...lists, 'actions/workflows', 'milestones'])
        fill(repository, list, 130, (number) => ({ state: number > 5 ? 'closed' : 'open' }))
      fill(repository, 'branches', 101, (number) => ({ name: `branch-${String(number)}` }))
      fill(repository, 'tags', 101, (number) => ({ name: `v${String(number)}` }))
      listOf(repository, 'stargazers').push({ starred_at: timeAt(1), user: userOf('bob') })
    }
    const names = ['labels', 'releases', 'deployments', 'commit_comments', 'collaborators']
    const streams = [...names, 'workflows', 'milestones', 'branches', 'tags', 'stargazers']
    const read = await world.source({ repositories: ['acme/*'] }).read(streams)
    expect(read.failures).toEqual([])
    for (const stream of [...names, 'workflows', 'milestones'])
      expect(read.records.get(stream), stream).toHaveLength(260)
    for (const stream of ['branches', 'tags'])
      expect(read.records.get(stream), stream).toHaveLength(202)
    expect(read.records.get('stargazers')?.[0]).toMatchObject({
      starred_at: timeAt(1),
      user_id: 1003,
      repository_full_name: 'acme/shop',
    })
  })

  test('organizations have members, teams and their members; people have none', async () => {
    await using world = await startGithub()
    const { github } = world
    const acme = github.addRepository('acme/shop').owner
    github.addAccount('cyd', 'User')
    github.addRepository('cyd/notes')
    acme.members.push({ id: 1, login: 'ada' }, { id: 2, login: 'bob' })
    acme.teams.push({ id: 7, slug: 'makers', name: 'Makers' })
    acme.teamMembers.set('makers', [{ id: 2, login: 'bob' }])
    const streams = ['organizations', 'members', 'teams', 'team_members']
    const source = world.source({ repositories: ['acme/shop', 'acme/site', 'cyd/notes'] })
    const read = await source.read(streams)
    expect(read.failures).toEqual([])
    expect(ids(read, 'organizations', 'login')).toEqual(['acme'])
    expect(ids(read, 'members', 'login')).toEqual(['ada', 'bob'])
    expect(read.records.get('team_members')).toEqual([
      expect.objectContaining({ login: 'bob', team_id: 7, team_slug: 'makers' }),
    ])
  })
})
